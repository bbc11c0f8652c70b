/** Trying files on frames that are kept aside: registers that a gateway could not take, and records of a binary payload. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatTime, topics } from '@village/core';
import { builtinCatalog, frameKept, parseProfile } from '@village/device-profiles';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Client,
  device,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  SECRET,
  startCounty,
  type TestServer,
} from '../../testing.ts';

const catalogued = (id: string): string => readFileSync(join(builtinCatalog, `${id}.yaml`), 'utf8');
const PH = catalogued('boqu/phg-2091');
const BIN = catalogued('milesight/em400-udl');
const UPLINK = 'application/1/device/24e124713b490001/event/up';

/** As PH, but the second value is a whole number of hundredths. */
const WHOLE = `${PH.slice(0, PH.indexOf('examples:'))
  .replace('revision: 1', 'revision: 2')
  .replace('at: 2, type: float32 }', 'at: 2, type: uint16 }, scale: 0.01')}examples:
  - name: whole hundredths
    frame: { probe: "0000 C841 03EF C07F" }
    readings: { temperature: 25, ph: 10.07 }
  - name: answer cut short
    frame: { probe: "0000 C841" }
    error: frame-too-short
`;
/** As BIN, with the record that it lacks. */
const WITH_RECORD = BIN.replace('revision: 2', 'revision: 3')
  .replace(
    '  records:\n',
    '  records:\n    - { id: "09 09", fields: [{ field: distance, type: uint16 }] }\n',
  )
  .replace('/data byte 3: unknown-record', '/data byte 3: frame-too-short');

let test: TestServer;
let admin: Client;
let at: string;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  await test.server.importDevices(
    deviceCsv(
      `lora,网络服务器,gateway,${NORTH},,,,,,${SECRET}`,
      `bin-1,桶,milesight/em400-udl,${NORTH_VILLAGE},lora,24e124713b490001,,,,`,
    ),
  );
  at = formatTime(Math.floor(test.timer.now() / 1000) * 1000);
  const { profile } = parseProfile(PH, '');
  if (profile === undefined) throw new Error('BUG: the catalogue has faults');
  const frame = {
    protocol: 'modbus',
    blocks: { probe: Uint16Array.of(0, 0xc841, 0x03ef, 0xc07f) },
  };
  const { payload, framing } = frameKept(profile, frame);
  const refused = {
    ...{ device: 'north-ph', at, framing, frame: Buffer.from(payload).toString('base64') },
    parts: [
      {
        reason: 'value-not-a-number',
        message: 'ph: NaN',
        place: 'holding 9730–9731',
        metric: 'ph',
      },
    ],
    taken: ['temperature'],
  };
  const north = await device('gw-north', test.server.mqttPort);
  await north.publishAsync(
    topics.gatewayRefused('gw-north'),
    JSON.stringify({ refused: [refused] }),
    {
      qos: 1,
    },
  );
  await north.endAsync();
  const lora = await device('lora', test.server.mqttPort);
  const data = Buffer.from('01755c09092a00', 'hex').toString('base64');
  await lora.publishAsync(UPLINK, JSON.stringify({ time: at, data }), { qos: 1 });
  await lora.endAsync();
}, 120_000);
afterAll(() => test.close());

async function tried(text: string): Promise<object> {
  const response = await admin.send('POST', '/profiles/try', Buffer.from(text), 'application/yaml');
  expect(response.statusCode).toBe(200);
  return response.json() as object;
}

it('gives the value of registers that a gateway could not take, and why it still would not', async () => {
  const of = { open: 1, faults: [] };
  const was = { reason: 'value-not-a-number', place: 'holding 9730–9731' };
  // Only what was refused: the temperature of the same frame is stored already.
  expect(await tried(WHOLE)).toMatchObject({
    ...of,
    tried: [
      {
        ...{ device: 'north-ph', was, refused: null, parts: [], readingsCount: 1 },
        readings: [{ at, metric: 'ph', value: 10.07, quality: 'good' }],
      },
    ],
  });
  expect(await tried(PH)).toMatchObject({
    ...of,
    tried: [{ device: 'north-ph', readings: [], refused: { reason: 'value-not-a-number' } }],
  });
}, 120_000);

it('gives the values behind a record that a binary payload had and its type had not', async () => {
  const of = { open: 1, faults: [] };
  expect(await tried(WITH_RECORD)).toMatchObject({
    ...of,
    tried: [
      {
        ...{ device: 'bin-1', topic: UPLINK, was: { reason: 'unknown-record' }, refused: null },
        readings: [{ at, metric: 'distance', value: 42, quality: 'good' }],
      },
    ],
  });
  expect(await tried(BIN)).toMatchObject({
    ...of,
    tried: [{ device: 'bin-1', readings: [], refused: { reason: 'unknown-record' } }],
  });
}, 120_000);

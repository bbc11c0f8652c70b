/** What a gateway can't decode goes to the county in a lane of its own: durable, bounded, and never at readings' cost. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HOUR, REFUSED_PER_HOUR, SECOND, type WireRefused } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { MODBUS, type ModbusFrame } from '@village/device-profiles/modbus';
import { MQTT, type MqttFrame } from '@village/device-profiles/mqtt';
import { afterEach, expect, it } from 'vitest';
import type { BoundDevice } from '../config/types.ts';
import { silentLog } from '../index.ts';
import type { OutboxOptions } from '../outbox/options.ts';
import { Outbox } from '../outbox/outbox.ts';
import { temporaryFolder, until } from '../testing.ts';
import { Intake } from './intake.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

const START = Date.UTC(2026, 2, 10);
const { profiles } = loadCatalog([builtinCatalog]);
const device = (id: string, profile: string): BoundDevice => ({
  id,
  address: id,
  profile: profiles.get(profile)!,
  options: {},
  connection: {},
  everyMs: 1_000,
  clock: 'keep',
  secret: undefined,
});
const station = device('sewage-1', 'generic/sewage-station');
const bin = device('HB20-000117', 'village/smart-bin');

/** A gateway over a folder, which can be left as if it was killed and opened again. */
function bench(options: Partial<OutboxOptions> = {}) {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  let at = START;
  const now = () => at;
  let outbox = new Outbox(path, { now, log: silentLog }, options);
  let intake = new Intake(outbox, { now, log: silentLog });
  let isOpen = true;
  const close = (): void => {
    if (isOpen) outbox.close();
    isOpen = false;
  };
  cleanups.push(close);
  return {
    get outbox() {
      return outbox;
    },
    get intake() {
      return intake;
    },
    pass: (ms: number) => {
      at += ms;
    },
    close,
    reopen() {
      close();
      isOpen = true;
      outbox = new Outbox(path, { now, log: silentLog }, options);
      intake = new Intake(outbox, { now, log: silentLog });
    },
    say: (who: BoundDevice, frame: ModbusFrame | MqttFrame) =>
      new Promise<void>((resolve, reject) => {
        intake.accept(who, frame, (fault) => (fault === undefined ? resolve() : reject(fault)));
      }),
    path,
    /** The next message of refused parts, and its numbers. */
    next(): { seqs: readonly number[]; refused: WireRefused[] } | null {
      const taken = outbox.takeRefused();
      return taken === null ? null : { seqs: taken.seqs, ...JSON.parse(taken.body) };
    },
  };
}

const sewage = (cod: number, flow = 0x40e6): ModbusFrame => ({
  protocol: MODBUS,
  blocks: {
    water: Uint16Array.from([
      flow,
      0x6666,
      1,
      0xe240,
      0x06e5,
      0x02d6,
      0xb7,
      cod,
      0,
      0x7d,
      0x1a4,
      1,
      0,
    ]),
    machines: [true, true, false, false],
  },
});
const up = (payload: string): MqttFrame => ({
  protocol: MQTT,
  topic: 'bin/HB20-000117/up',
  payload: Buffer.from(payload),
});

it('COD that is not a number: thirteen values go as a batch, the part goes beside them, with frame, reason and place', async () => {
  const gateway = bench();
  await gateway.say(station, sewage(0x7fc0));
  const batch = JSON.parse(`{${gateway.outbox.take('live')?.body}`) as {
    readings: { values: object }[];
  };
  expect(Object.keys(batch.readings[0]?.values ?? {})).toHaveLength(13);
  const message = gateway.next();
  expect(message?.refused).toMatchObject([
    {
      device: 'sewage-1',
      at: '2026-03-10T00:00:00Z',
      parts: [
        {
          reason: 'value-not-a-number',
          metric: 'cod',
          place: expect.stringMatching(/^\w+ \d+–\d+$/),
        },
      ],
      framing: 'water:13 machines:4',
    },
  ]);
  expect(message?.refused[0]?.taken).toHaveLength(13);
  expect(Buffer.from(message?.refused[0]?.frame ?? '', 'base64').readUInt16BE(14)).toBe(0x7fc0);
  expect(gateway.intake.refusals.told()).toMatchObject([
    { device: 'sewage-1', reason: 'value-not-a-number', metric: 'cod', count: 1 },
  ]);
});

it('what is not understood at all is acknowledged once it is durable, and sent until the county has it', async () => {
  const gateway = bench();
  await gateway.say(bin, up('BOOT'));
  gateway.reopen();
  const first = gateway.next();
  expect(first?.refused).toMatchObject([
    {
      device: bin.id,
      parts: [{ reason: 'payload-not-json', place: '', metric: null }],
      framing: 'bin/HB20-000117/up',
    },
  ]);
  // One at a time; a session that ends brings it again, and so does a kill before the acknowledgement.
  expect(gateway.next()).toBeNull();
  gateway.outbox.startSession();
  expect(gateway.next()?.seqs).toEqual(first?.seqs);
  gateway.reopen();
  const again = gateway.next();
  expect(again).toEqual(first);
  gateway.outbox.acknowledgeRefused(again?.seqs ?? []);
  expect(gateway.next()).toBeNull();
  gateway.reopen();
  expect(gateway.next()).toBeNull();
});

it('a flood of a year is counted and sampled, and its lane gives up its oldest, never a reading', async () => {
  const gateway = bench({ refusedBytesMax: 20_000 });
  const hours = 4;
  let sent = 0;
  for (let hour = 0; hour < hours; hour++) {
    for (let n = 0; n < REFUSED_PER_HOUR * 2; n++, sent++) {
      gateway.pass(SECOND);
      await gateway.say(station, sewage(0x7fc0, sent % 2 === 0 ? 0x4000 : 0x4100));
    }
    gateway.pass(HOUR);
  }
  expect(gateway.intake.counters().readings).toBeGreaterThanOrEqual(sent);
  expect(gateway.intake.refusals.told()).toMatchObject([{ metric: 'cod', count: sent }]);
  const { refusedWaiting, refusedDropped, dropped } = gateway.outbox.counters();
  const givenUp = refusedDropped['outbox-full'] ?? 0;
  expect(refusedDropped).toEqual({ 'outbox-full': givenUp });
  expect(refusedWaiting + givenUp).toBe(REFUSED_PER_HOUR * hours);
  expect(givenUp).toBeGreaterThan(0);
  expect(refusedWaiting).toBeGreaterThan(0);
  // What was given up is known after a restart, too.
  gateway.reopen();
  expect(gateway.outbox.counters()).toMatchObject({ refusedWaiting, refusedDropped });
  expect(dropped).toEqual({});
  // The newest are there.
  let last: WireRefused | undefined;
  for (let message = gateway.next(); message !== null; message = gateway.next()) {
    last = message.refused.at(-1);
    gateway.outbox.acknowledgeRefused(message.seqs);
  }
  expect(Date.parse(last?.at ?? '')).toBeGreaterThan(START + (hours - 1) * HOUR);
});

it('a frame that is larger than is sent along goes with its beginning and its size', async () => {
  const gateway = bench();
  await gateway.say(bin, up(`"${'x'.repeat(70_000)}`));
  const [entry] = gateway.next()?.refused ?? [];
  expect(entry).toMatchObject({ size: 70_001 });
  expect(Buffer.from(entry?.frame ?? '', 'base64').length).toBe(256);
});

const bad = (n: number): MqttFrame => up(`BOOT ${n}`);
/** Past the hour of the sampler, so that each is kept. */
async function fill(gateway: ReturnType<typeof bench>, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    if (n % REFUSED_PER_HOUR === 0) gateway.pass(HOUR);
    await gateway.say(bin, bad(n));
  }
}
const framesOf = (refused: readonly WireRefused[] = []): string[] =>
  refused.map(({ frame }) => Buffer.from(frame, 'base64').toString());

it('what is under way does not give way, so that nothing is counted as lost that the county may have', async () => {
  const gateway = bench({ refusedBytesMax: 20_000 });
  await fill(gateway, 40);
  const message = gateway.next();
  await fill(gateway, 200);
  gateway.outbox.acknowledgeRefused(message?.seqs ?? []);
  let came = message?.seqs.length ?? 0;
  for (let more = gateway.next(); more !== null; more = gateway.next()) {
    came += more.seqs.length;
    gateway.outbox.acknowledgeRefused(more.seqs);
  }
  const { refusedDropped, refusedWaiting } = gateway.outbox.counters();
  expect(refusedDropped['outbox-full']).toBeGreaterThan(0);
  expect([came + (refusedDropped['outbox-full'] ?? 0), refusedWaiting]).toEqual([240, 0]);
});

it('a message has at most 50 frames and 100 parts, and tells what the county will keep of it', async () => {
  const gateway = bench();
  await fill(gateway, 120);
  const taken = gateway.outbox.takeRefused();
  expect(taken).toMatchObject({ parts: 50, seqs: { length: 50 } });
  expect(taken?.bytes).toBeGreaterThan(50 * 6);
});

it('in a damaged outbox what is whole of the lane is taken over, the rest is counted', async () => {
  const gateway = bench();
  await fill(gateway, 30);
  gateway.close();
  const file = join(gateway.path, 'outbox.db');
  const db = new DatabaseSync(file);
  db.exec("UPDATE refused SET text = replace(text, 'QkJP', 'QkJQ') WHERE seq = 1");
  db.exec("UPDATE refused SET text = replace(text, 'Qk9PVCA', 'Qk9PVCB') WHERE seq = 3");
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  // The page behind the first holds the epoch alone.
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(8_192), 0, 8_192, 8_192);
  closeSync(handle);
  gateway.reopen();
  expect(gateway.outbox.counters()).toMatchObject({
    replaced: 1,
    refusedWaiting: 29,
    refusedDropped: { 'outbox-corrupt': 1 },
  });
  const frames = framesOf(gateway.next()?.refused);
  expect(frames).toEqual(
    Array.from({ length: 30 }, (_, n) => `BOOT ${n}`).filter((_, n) => n !== 2),
  );
  gateway.reopen();
  expect(gateway.outbox.counters().refusedDropped).toEqual({ 'outbox-corrupt': 1 });
});

it('a text of the lane that is not what it was is not sent, and counted', async () => {
  const gateway = bench();
  await fill(gateway, 3);
  gateway.close();
  const db = new DatabaseSync(join(gateway.path, 'outbox.db'));
  db.exec(
    "UPDATE refused SET text = '{' || substr(text, 2, length(text) - 2) || ' ' WHERE seq = 2",
  );
  // As an earlier version left it.
  db.exec('UPDATE refused SET crc = NULL');
  db.close();
  gateway.reopen();
  expect(framesOf(gateway.next()?.refused)).toEqual(['BOOT 0', 'BOOT 2']);
  expect(gateway.outbox.counters().refusedDropped).toEqual({ 'entry-corrupt': 1 });
});

it('a lane that an earlier version wrote goes on', async () => {
  const gateway = bench();
  await fill(gateway, 3);
  gateway.close();
  const db = new DatabaseSync(join(gateway.path, 'outbox.db'));
  db.exec('ALTER TABLE refused DROP COLUMN crc');
  db.close();
  gateway.reopen();
  await fill(gateway, 1);
  expect(framesOf(gateway.next()?.refused)).toEqual(['BOOT 0', 'BOOT 1', 'BOOT 2', 'BOOT 0']);
});

it('a full disk: nothing is acknowledged that is not kept, what is polled is counted, and room is enough to go on', async () => {
  const gateway = bench({ fileBytesMax: 400_000 });
  const large = (n: number): MqttFrame => up(`"${n} ${'x'.repeat(20_000)}`);
  let kept = 0;
  const said: Promise<void>[] = [];
  for (let n = 0; n < 40; n++) said.push(gateway.say(bin, large(n)).then(() => void kept++));
  await until('the fault', () => gateway.outbox.counters().fault === 'outbox-refuses');
  const before = kept;
  expect(before).toBeLessThan(40);
  // No reading comes: what is sent of the lane itself makes the room.
  const came: string[] = [];
  await until('everything', () => {
    const message = gateway.next();
    came.push(...framesOf(message?.refused));
    gateway.outbox.acknowledgeRefused(message?.seqs ?? []);
    return kept === 40 && gateway.outbox.counters().refusedWaiting === 0;
  });
  await Promise.all(said);
  expect(new Set(came).size).toBe(came.length);
  expect(came).toHaveLength(40);
  expect(gateway.outbox.counters()).toMatchObject({ fault: null, refusedDropped: {} });
});

it('more than memory holds while the disk refuses comes again from who waits, and is counted of who does not', async () => {
  const gateway = bench({ fileBytesMax: 200_000 });
  const { outbox } = gateway;
  const entry = (n: number): WireRefused => ({
    device: bin.id,
    at: '2026-03-10T00:00:00Z',
    parts: [{ reason: 'payload-not-json', message: '', place: '', metric: null }],
    taken: [],
    frame: Buffer.from(`${n}`.padEnd(60_000)).toString('base64'),
    framing: '',
  });
  for (let n = 0; n < 100; n++) outbox.refuse(entry(n));
  const { refusedDropped } = outbox.counters();
  expect(refusedDropped['outbox-busy']).toBeGreaterThan(50);
  const answer = await new Promise((resolve) => outbox.refuse(entry(0), resolve));
  expect(answer).toMatchObject({ code: 'outbox-busy', retry: true });
  expect(outbox.counters().refusedDropped).toEqual(refusedDropped);
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  device,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  SECRET,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

const EUI = '24e124713b491234';
let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const bin = (id: string, address: string): string =>
  `${id},桶,milesight/em400-udl,${NORTH_VILLAGE},lora,${address},,,,`;
const imported = async (...rows: string[]): Promise<{ faults: { cell?: string }[] }> =>
  (await admin.ask('POST', '/devices/import', deviceCsv(...rows))).json();

describe('a DevEUI', () => {
  it('is one device in every spelling: registered, heard, shown, searched and found twice', async () => {
    const gateway = `lora,网络服务器,gateway,${NORTH},,,,,,${SECRET}`;
    expect((await imported(gateway, bin('bin-1', '24-E1-24-71-3B-49-12-34'))).faults).toEqual([]);
    expect(await admin.get('/devices/bin-1')).toMatchObject({ address: EUI });
    const server = await device('lora', test.server.mqttPort);
    const payload = '{"time":"2026-01-01T00:00:00Z","fPort":85,"data":"AXVcA2cBAQSCRAgFAAE="}';
    for (const spelling of [EUI, EUI.toUpperCase()]) {
      const seen = `/readings?device=bin-1&metric=battery&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z`;
      await server.publishAsync(
        `application/3a1f/device/${spelling}/event/up`,
        payload.replace('00:00:00Z', spelling === EUI ? '00:00:01Z' : '00:00:02Z'),
        { qos: 1 },
      );
      const rows = spelling === EUI ? 1 : 2;
      await until(
        `a reading of ${spelling}`,
        async () => (await admin.get<{ items: object[] }>(seen)).items.length === rows,
      );
    }
    await server.endAsync();
    for (const q of ['24E124713B49', '24:e1:24:71:3b', EUI])
      expect(await admin.get(`/devices?q=${encodeURIComponent(q)}`)).toMatchObject({
        total: 1,
        items: [{ id: 'bin-1' }],
      });
    const again = await imported(bin('bin-2', EUI.toUpperCase()), bin('bin-3', ` ${EUI}`));
    expect(again.faults.map(({ cell }) => cell)).toEqual(['F2', 'F3']);
    const within = await imported(
      bin('bin-2', 'AABBCCDDEEFF0011'),
      bin('bin-3', 'aa-bb-cc-dd-ee-ff-00-11'),
    );
    expect(within.faults.map(({ cell }) => cell)).toEqual(['F3']);
  });

  it('that is none is told with what a spreadsheet may have done to it', async () => {
    const { faults } = await imported(bin('bin-4', '1234567890'));
    expect(faults).toEqual([
      expect.objectContaining({ cell: 'F2', message: expect.stringContaining('taken zeros away') }),
    ]);
  });
});

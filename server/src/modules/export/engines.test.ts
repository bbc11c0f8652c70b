/** A file of readings is the same from every engine, and so is what an imported spreadsheet makes of areas and devices. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { file } from '@village/api';
import { formatTime, HOUR, MINUTE } from '@village/core';
import { workbookOf } from '@village/registry/testing';
import { postgresFolder, startPostgres } from '@village/store/relational/testing';
import { hasInfluxDB, InfluxServer } from '@village/store/time-series/influxdb-testing';
import { afterEach, expect, it } from 'vitest';
import type { Config } from '../../config/config.ts';
import { NORTH_VILLAGE, startCounty, type TestServer, until } from '../../testing.ts';

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
});

/** Numbers that programs write in several ways. */
const PM25 = [35.5, 0, 1e-5, 0.00012, 1 / 3];
const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const cells = (row: number, texts: readonly string[]): string =>
  `<row r="${row}">${texts.map((text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`).join('')}</row>`;
const HEADS = '設備編號,設備名稱,設備類型,所在區域,網關,地址,經度,緯度,選項,密鑰'.split(',');
const STATIONS = [1, 2, 3].map((n) =>
  cells(n + 2, [`air-${n}`, `=空气站“${n}”, 北`, 'village/air-weather', NORTH_VILLAGE]),
);
const bookOf = (...rows: string[]): Buffer =>
  workbookOf({ sheets: { 设备: [cells(1, HEADS), ...rows].join('') } });
const WRONG = bookOf(cells(2, ['北-1', '', '', '']), ...STATIONS);
const GOOD = bookOf(...STATIONS);

interface Told {
  readonly faults: unknown;
  readonly devices: unknown;
  readonly direct: string;
  readonly made: string;
}

/** Imports, stores and exports; what is told of it, without the times at which things came. */
async function run(at: number, more: (config: Config) => Config): Promise<Told> {
  const test: TestServer = await startCounty(more);
  cleanUp.push(() => test.close());
  const admin = await test.client('admin');
  const wrong = await admin.send('POST', '/devices/import', WRONG, XLSX);
  expect(wrong.statusCode).toBe(422);
  const good = await admin.send('POST', '/devices/import', GOOD, XLSX);
  expect([good.statusCode, good.json()]).toMatchObject([200, { created: 3, faults: [] }]);
  const readings = [1, 2, 3].flatMap((n) =>
    Array.from({ length: 60 }, (_, minute) => ({
      device: `air-${n}`,
      at: formatTime(at + minute * MINUTE),
      values: {
        temperature: n + minute / 10,
        ...(minute % 3 === 0 ? { pm25: PM25[minute % 5]! } : {}),
      },
    })),
  );
  expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
  const asked = { format: 'csv', from: formatTime(at), to: formatTime(at + HOUR) };
  const query = new URLSearchParams(asked);
  const withoutReceipt = (text: string): string => {
    const [head = '', ...rows] = text.trim().split('\n');
    const place = head.split(',').indexOf('received_at');
    expect(place).toBeGreaterThan(0);
    const of = (row: string): string =>
      row.replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?/g, (time) =>
        Date.parse(time) < at + HOUR ? time : 'received',
      );
    return [head, ...rows.map(of)].join('\n');
  };
  let direct = '';
  await until('all readings to be in the archive', async () => {
    direct = (await admin.ask('GET', `/export?${query}`)).body;
    return direct.trim().split('\n').length === 1 + 3 * (60 + 20);
  });
  const job = (await admin.ask('POST', '/exports', asked)).json<file.Export>();
  await until(
    'the file to be made',
    async () => (await admin.get<file.Export>(`/exports/${job.id}`)).state === 'done',
  );
  const { body: made } = await admin.ask('GET', `/exports/${job.id}/file`);
  const { items } = await admin.get<{ items: { id: string; name: string }[] }>('/devices?q=air-');
  return {
    faults: wrong.json(),
    devices: items.map(({ id, name }) => [id, name]),
    direct: withoutReceipt(direct),
    made: withoutReceipt(made),
  };
}

it.skipIf(!hasInfluxDB() || postgresFolder() === undefined)(
  'InfluxDB and PostgreSQL tell what the embedded archive and SQLite do',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'village-engines-'));
    cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
    const influx = await InfluxServer.in(folder);
    cleanUp.push(() => influx.stop());
    await influx.start();
    const postgres = await startPostgres(postgresFolder() as string);
    cleanUp.push(() => postgres.stop());
    const at = Math.floor(Date.now() / HOUR) * HOUR - 3 * HOUR;
    const own = await run(at, (config) => config);
    const others = await run(at, (config) => ({
      ...config,
      timeSeries: { engine: 'influxdb', url: influx.url, database: 'village' },
      relational: { url: postgres.url('postgres') },
    }));
    expect(own.direct).toBe(own.made);
    expect(own.direct).toContain('空气站“2”');
    expect(others).toEqual(own);
  },
  90_000,
);

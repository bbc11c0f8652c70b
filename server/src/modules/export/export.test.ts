import { readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { formatTime, HOUR, SECOND } from '@village/core';
import { putRow } from '@village/store/time-series/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../config/config.ts';
import { type Client, startCounty, type TestServer, until } from '../../testing.ts';

/** More than one part. */
const ROWS = 30_000;
const METRICS = ['o3', 'no2', 'so2', 'co'];
let test: TestServer;
let url = '';
const ends: (() => void)[] = [];

const exporting =
  (more: Partial<Config['exports']>) =>
  (config: Config): Config => ({ ...config, exports: { ...config.exports, ...more } });

beforeAll(async () => {
  // As fast as it goes; how fast that may be is another test's matter.
  test = await startCounty(exporting({ megabytesPerSecond: 10_000 }));
  const { store } = test.server;
  const to = Math.floor(test.timer.now() / SECOND) * SECOND - HOUR;
  const from = to - ROWS * SECOND;
  for (let at = from; at < to; at += SECOND)
    putRow(store, 'village/air-weather', METRICS, {
      device: 'north-air',
      at,
      values: { o3: (at / SECOND) % 97, no2: 1.25, so2: 2.5, co: 3 },
    });
  await store.commitNow();
  url = `/export?format=csv&device=north-air&from=${formatTime(from)}&to=${formatTime(to)}`;
});
afterAll(() => {
  for (const end of ends) end();
  return test.close();
});

/** Begins a download and takes nothing of its body. */
const begin = ({ cookie }: Client): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const asked = request(
      {
        ...{ host: '127.0.0.1', port: test.server.httpPort, agent: false },
        ...{ path: `/api/v1${url}`, headers: { cookie } },
      },
      (response) => {
        response.on('error', () => undefined);
        response.pause();
        resolve(response);
      },
    );
    asked.on('error', reject);
    ends.push(() => asked.destroy());
    asked.end();
  });

const files = (): string[] => readdirSync(join(test.folder, 'data', 'temporary'));

describe('a file of readings', () => {
  const hour = (): string => {
    const from = Math.floor(test.timer.now() / SECOND) * SECOND - HOUR - 20 * SECOND;
    return `device=north-air&metric=o3&from=${formatTime(from)}&to=${formatTime(from + 3 * SECOND)}`;
  };

  it('tells instants as such, names and units, in its order', async () => {
    const admin = await test.client('admin');
    const asked = hour();
    for (const view of ['received', 'corrected']) {
      const file = await admin.ask('GET', `/export?format=parquet&view=${view}&${asked}`);
      expect(file.statusCode).toBe(200);
      const path = join(test.folder, `${view}.parquet`);
      writeFileSync(path, file.rawPayload);
      const instance = await DuckDBInstance.create(':memory:');
      const duck = await instance.connect();
      // A reader in another zone, as clerks have it.
      await duck.run("SET TimeZone = 'Asia/Shanghai'");
      const ask = async (sql: string): Promise<unknown[]> =>
        (await duck.runAndReadAll(sql)).getRowObjectsJson();
      const schema = await ask(
        `SELECT name, logical_type FROM parquet_schema('${path}') WHERE name LIKE '%at'`,
      );
      expect(schema).toHaveLength(view === 'received' ? 2 : 3);
      for (const column of schema)
        expect(column).toMatchObject({
          logical_type: expect.stringContaining('isAdjustedToUTC=1'),
        });
      const csv = await admin.ask('GET', `/export?format=csv&view=${view}&${asked}`);
      writeFileSync(`${path}.csv`, csv.rawPayload);
      const sql = `SELECT * REPLACE (epoch_ms("at"::TIMESTAMPTZ) AS "at",
        epoch_ms(received_at::TIMESTAMPTZ) AS received_at${view === 'received' ? '' : ', epoch_ms(original_at::TIMESTAMPTZ) AS original_at'}) FROM`;
      const rows = await ask(`${sql} '${path}'`);
      expect(rows).toHaveLength(3);
      expect(rows).toMatchObject(
        rows.map(() => ({
          device_name: '北村空气站',
          metric_name: '臭氧',
          metric_name_en: 'Ozone',
          unit: 'µg/m³',
        })),
      );
      expect(await ask(`${sql} read_csv('${path}.csv', all_varchar = false)`)).toEqual(rows);
      instance.closeSync();
    }
  });

  it('has the mark that Excel needs where it is asked for', async () => {
    const admin = await test.client('admin');
    const asked = hour();
    const plain = await admin.ask('GET', `/export?format=csv&${asked}`);
    const marked = await admin.ask('GET', `/export?format=csv&mark=bom&${asked}`);
    expect(plain.body.startsWith('device,metric,at,')).toBe(true);
    expect(marked.rawPayload).toEqual(
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), plain.rawPayload]),
    );
  });
});

describe('a file of more rows than one statement sorts', () => {
  it('is the one that a single statement writes', async () => {
    const admin = await test.client('admin');
    const asked = new URLSearchParams(url.split('?')[1]);
    const span = {
      ...{ devices: ['north-air'], from: Date.parse(asked.get('from')!) },
      to: Date.parse(asked.get('to')!),
    };
    const single = join(test.folder, 'single.parquet');
    const { rows } = await test.server.store.exportTo(single, 'parquet', span);
    expect(rows).toBe(ROWS * METRICS.length);
    const path = join(test.folder, 'parts');
    const ask = async (format: string): Promise<void> => {
      const { statusCode, rawPayload } = await admin.ask(
        'GET',
        `${url.replace('csv', format)}&view=received`,
      );
      expect(statusCode).toBe(200);
      writeFileSync(`${path}.${format}`, rawPayload);
    };
    await ask('csv');
    await ask('parquet');
    const instance = await DuckDBInstance.create(':memory:');
    const duck = await instance.connect();
    // Row by row, so that another order is another file.
    const read = async (from: string): Promise<unknown> =>
      (
        await duck.runAndReadAll(
          `SELECT count(*), md5(string_agg(line, ';' ORDER BY number)) FROM (SELECT row_number() OVER () AS number,
            concat_ws(' ', device, metric, epoch_ms("at"::TIMESTAMPTZ), value::DOUBLE, quality, lane,
              epoch_ms(received_at::TIMESTAMPTZ)) AS line FROM ${from})`,
        )
      ).getRowsJson();
    const expected = await read(`'${single}'`);
    expect(await read(`read_csv('${path}.csv')`)).toEqual(expected);
    expect(await read(`'${path}.parquet'`)).toEqual(expected);
    instance.closeSync();
    expect(files()).toEqual([]);
  }, 60_000);
});

describe('what there is no room for', () => {
  const ask = async (more: (config: Config) => Config): Promise<unknown> => {
    const county = await startCounty(more);
    const at = county.timer.now() - HOUR;
    for (let n = 0; n < 10_000; n++)
      putRow(county.server.store, 'village/air-weather', METRICS, {
        ...{ device: 'north-air', at: at + n, values: { o3: 1, no2: 2, so2: 3, co: 4 } },
      });
    await county.server.store.commitNow();
    const span = `from=${formatTime(at)}&to=${formatTime(at + HOUR)}`;
    const answer = await (await county.client('admin')).ask('GET', `/export?format=csv&${span}`);
    expect(readdirSync(join(county.folder, 'data', 'temporary'))).toEqual([]);
    await county.close();
    return [answer.statusCode, answer.json().code];
  };

  it('is refused: by the room for exports, and by what the log may need of the disk', async () => {
    expect(await ask(exporting({ megabytes: 1 }))).toEqual([422, 'export-too-large']);
    const { bavail, bsize } = statfsSync(test.folder);
    // The log goes on there, and an export would not leave it twice its reserve.
    const diskReserveMegabytes = Math.floor((0.75 * bavail * bsize) / 1024 ** 2);
    const nearlyFull = (config: Config): Config => ({
      ...config,
      store: { ...config.store, diskReserveMegabytes },
    });
    expect(await ask(nearlyFull)).toEqual([422, 'no-room']);
  }, 60_000);
});

describe('downloads that nobody takes', () => {
  it('keep out nobody else, and are given up in the end', async () => {
    const admin = await test.client('admin');
    for (let n = 0; n < 2; n++) expect((await begin(admin)).statusCode).toBe(200);
    expect(files()).toHaveLength(2);
    const refused = await begin(admin);
    expect(refused.statusCode).toBe(503);
    refused.resume();
    const other = await begin(await test.client('north'));
    expect(other.statusCode).toBe(200);
    let bytes = 0;
    for await (const chunk of other) bytes += (chunk as Buffer).length;
    expect(bytes).toBeGreaterThan(ROWS * METRICS.length * 20);
    await until('the file that was taken is gone', () => files().length === 2);
    test.timer.haste = 1_000;
    await until('the files that nobody takes are gone', () => files().length === 0);
    test.timer.haste = 1;
  }, 120_000);
});

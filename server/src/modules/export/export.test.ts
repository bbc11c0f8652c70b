import { readdirSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { formatTime, HOUR, SECOND } from '@village/core';
import { putRow } from '@village/store/time-series/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, startCounty, type TestServer, until } from '../../testing.ts';

const ROWS = 60_000;
const METRICS = ['o3', 'no2', 'so2', 'co'];
let test: TestServer;
let url = '';
const ends: (() => void)[] = [];

beforeAll(async () => {
  test = await startCounty();
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
    // Waits that began before last as long as they were meant to.
    const again = await begin(await test.client('north'));
    expect(again.statusCode).toBe(200);
    await until('a file that nobody takes is gone', () => files().length === 2);
    test.timer.haste = 1;
  });
});

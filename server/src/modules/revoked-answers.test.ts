/** Long answers end with the rights of their caller, and those that are not sent yet are not sent: over real sockets. */
import { type IncomingMessage, request } from 'node:http';
import { formatTime, HOUR, SECOND } from '@village/core';
import { putRow } from '@village/store/time-series/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, NORTH, PASSWORD, startCounty, type TestServer, until } from '../testing.ts';

const ROWS = 60_000;
/** Files of many megabytes, on a machine that may have other things to do. */
const TIMEOUT_MS = 120_000;
let test: TestServer;
let admin: Client;
let url = '';

beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  const to = Math.floor(test.timer.now() / SECOND) * SECOND - HOUR;
  const from = to - ROWS * SECOND;
  for (let at = from; at < to; at += SECOND)
    putRow(test.server.store, 'village/air-weather', ['o3', 'no2', 'so2', 'co'], {
      ...{ device: 'north-air', at, values: { o3: 1, no2: 1.25, so2: 2.5, co: 3 } },
    });
  await test.server.store.commitNow();
  url = `/api/v1/export?format=csv&device=north-air&from=${formatTime(from)}&to=${formatTime(to)}`;
}, 60_000);
afterAll(() => test.close());

const person = (more: object = {}): object => ({
  ...{ displayName: 'reader', role: 'clerk', area: NORTH, password: PASSWORD, ...more },
});

/** Begins a download, of which nothing is taken until `resume`. */
const begin = (headers: Record<string, string>): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const asked = request({
      ...{ host: '127.0.0.1', port: test.server.httpPort, agent: false, path: url, headers },
    });
    asked.on('response', (response) => {
      response.on('error', () => undefined);
      response.pause();
      resolve(response);
    });
    asked.on('error', reject);
    asked.end();
  });

async function brokenOff(): Promise<number> {
  const { body } = await test.server.http.inject('/metrics');
  return Number(/^village_answers_broken_off_total (\d+)$/m.exec(body)?.[1]);
}

/** Takes the rest; resolves to whether it came whole. */
async function rest(response: IncomingMessage): Promise<{ whole: boolean; bytes: number }> {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  response.resume();
  await until('the end of the download', () => response.closed);
  return { whole: response.complete, bytes };
}

it.each<[string, (reader: Client) => Promise<unknown>]>([
  ['signs out', (reader) => reader.ask('DELETE', '/session')],
  ['is removed', () => admin.ask('DELETE', '/users/reader')],
  ['gets another area', () => admin.ask('PUT', '/users/reader', person({ area: '330522101000' }))],
])(
  'a download breaks off when its reader %s, and no other does',
  async (_name, takeAway) => {
    const before = await brokenOff();
    expect((await admin.ask('PUT', '/users/reader', person())).statusCode).toBe(200);
    const reader = await test.client('reader');
    const [mine, other] = await Promise.all([
      begin({ cookie: reader.cookie }),
      begin({ cookie: admin.cookie }),
    ]);
    expect([mine.statusCode, other.statusCode]).toEqual([200, 200]);
    await takeAway(reader);
    // The file is given up while nothing of it is taken: what comes then was under way.
    await until('one of two files to be given up', async () => (await brokenOff()) > before);
    expect((await rest(mine)).whole).toBe(false);
    const whole = await rest(other);
    expect(whole).toEqual({ whole: true, bytes: expect.any(Number) });
    expect(whole.bytes).toBeGreaterThan(ROWS * 4 * 20);
  },
  TIMEOUT_MS,
);

it(
  'a download breaks off when its token is taken back',
  async () => {
    const before = await brokenOff();
    const made = (await admin.ask('POST', '/tokens', { name: 'm', role: 'clerk' })).json();
    const response = await begin({ authorization: `Bearer ${made.token}` });
    expect(response.statusCode).toBe(200);
    await admin.ask('DELETE', `/tokens/${made.id}`);
    await until('the end of it', async () => (await brokenOff()) > before);
    expect((await rest(response)).whole).toBe(false);
  },
  TIMEOUT_MS,
);

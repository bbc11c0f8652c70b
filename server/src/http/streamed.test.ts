/** Long answers: whole whoever reads them how slowly, refused where they have too many rows, and bounded while they are sent. */
import { once } from 'node:events';
import { request } from 'node:http';
import { SECOND } from '@village/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, deviceCsv, SOUTH, startCounty, type TestServer, until } from '../testing.ts';
import { Sending } from './streamed.ts';

const START = Date.UTC(2026, 0, 1);
const ROWS = 6_000;
const at = (n: number): string => new Date(START + n * SECOND).toISOString();

let test: TestServer;
let admin: Client;

const sending = async (): Promise<number> => {
  const { body } = await test.server.http.inject('/metrics');
  return Number(/^village_answers_items_sending (\d+)$/m.exec(body)?.[1]);
};

beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  for (let first = 0; first < ROWS; first += 2_000) {
    const readings = Array.from({ length: 2_000 }, (_, n) => ({
      ...{ device: 'north-air', at: at(first + n), values: { temperature: (first + n) % 40 } },
    }));
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
  }
}, 60_000);

afterAll(() => test.close());

describe('long answers', () => {
  it('hold every item once and in order, beside their other fields', async () => {
    const { items, next } = await admin.get<{ items: { at: string }[]; next: string | null }>(
      `/readings?device=north-air&from=${at(0)}&to=${at(ROWS)}&limit=5000`,
    );
    expect(items.map((item) => Date.parse(item.at))).toEqual(
      Array.from({ length: 5_000 }, (_, n) => START + n * SECOND),
    );
    expect(next).not.toBeNull();
    const sums = await admin.get<{ unit: string; items: { values: { count: number } }[] }>(
      `/aggregates?metric=air.temperature&device=north-air&from=${at(0)}&to=${at(ROWS)}&every=1s&agg=count`,
    );
    expect(sums.unit).toBe('℃');
    expect(sums.items.length).toBe(ROWS);
    expect(await sending()).toBe(0);
    const none = await admin.get(`/readings?device=south-air&from=${at(0)}&to=${at(ROWS)}`);
    expect(none).toEqual({ items: [], next: null });
  });

  it('of devices are written in pieces too, each once and in order', async () => {
    const ids = Array.from({ length: 120 }, (_, n) => `many-${String(n).padStart(3, '0')}`);
    const rows = ids.map((id) => `${id},${id},village/air-weather,${SOUTH},,,,,,`);
    await test.server.importDevices(deviceCsv(...rows));
    const response = await admin.ask('GET', '/devices?q=many&limit=1000');
    expect(response.headers['content-length']).toBeUndefined();
    const { items, total, next } = response.json<{
      items: { id: string; state: string }[];
      total: number;
      next: string | null;
    }>();
    expect(items.map(({ id }) => id)).toEqual(ids);
    expect([total, next, items[119]?.state]).toEqual([120, null, 'never']);
  });

  it('of whom goes in the middle are let go of', async () => {
    const call = request({
      ...{
        host: '127.0.0.1',
        port: test.server.httpPort,
        headers: { cookie: admin.cookie },
        agent: false,
      },
      path: `/api/v1/readings?device=north-air&from=${at(0)}&to=${at(ROWS)}&limit=5000`,
    });
    call.on('error', () => undefined);
    // The head is taken, and nothing after it.
    call.on('response', (response) => response.pause());
    call.end();
    await once(call, 'response');
    call.destroy();
    await until('it to be let go of', async () => (await sending()) === 0);
  });

  it('are bounded for one asker and for all', () => {
    const held = new Sending();
    const first = held.hold('anna', 400_000);
    expect(() => held.hold('anna', 1)).toThrow(/still being sent/);
    const other = held.hold('bei', 100_000);
    expect(() => held.hold('chen', 150_000)).toThrow(/still being sent/);
    expect([held.items, held.refused]).toEqual([500_000, 2]);
    first();
    const again = held.hold('anna', 100_000);
    held.hold('anna', 50_000)();
    other();
    again();
    expect(held.items).toBe(0);
  });
});

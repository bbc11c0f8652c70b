/** A server whose clock is years off for a while: nothing is deleted for an age that it has not. */
import { DAY, formatTime, HOUR, MINUTE } from '@village/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  AREAS,
  device,
  deviceCsv,
  NORTH_VILLAGE,
  SECRET,
  ShiftedTimer,
  startCounty,
  startTest,
  type TestServer,
  until,
} from '../../testing.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startCounty((config) => ({
    ...config,
    store: { ...config.store, retention: 100 * DAY, framesRetention: 90 * DAY },
  }));
}, 60_000);
afterAll(() => test.close());

interface Job {
  kind: string;
  endedAt: string | null;
  lastError: string | null;
}

it('keeps readings and what devices said while the clock is 74 years ahead', async () => {
  const admin = await test.client('admin');
  const now = test.timer.now();
  const times = [40 * DAY, 3 * DAY, HOUR, MINUTE].map((ago) => formatTime(now - ago));
  const readings = times.map((at) => ({ device: 'south-air', at, values: { pm25: 35 } }));
  expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
  await test.server.store.flush();
  const span = `device=south-air&from=${formatTime(now - 60 * DAY)}&to=${formatTime(now + HOUR)}`;
  const kept = async (): Promise<unknown[]> => {
    const client = await test.client('admin');
    const rows = await client.get<{ items: { at: string }[] }>(`/readings?${span}`);
    const frames: unknown[] = [];
    for (const at of times)
      frames.push(
        (await client.get<{ items: unknown[] }>(`/frames?device=south-air&at=${at}`)).items.length,
      );
    return [rows.items.map(({ at }) => at), frames];
  };
  await until('the messages', async () => !((await kept())[1] as number[]).includes(0));
  const before = await kept();
  expect(before).toEqual([times, [1, 1, 1, 1]]);
  test.timer.set = 27_000 * DAY;
  await until('the nightly work', async () => {
    const jobs = await (await test.client('admin')).get<{ items: Job[] }>('/jobs');
    const own = jobs.items.filter(({ kind }) => kind === 'archive' || kind === 'frames');
    return own.length === 2 && own.every(({ endedAt }) => endedAt !== null);
  });
  test.timer.set = 0;
  expect(await kept()).toEqual(before);
}, 60_000);

it.each([
  ['is 74 years ahead', 27_000 * DAY, 'clock-ahead-of-stored'],
  ['was never set', DAY - Date.now(), 'clock-not-set'],
])(
  'takes nothing in while its clock %s, says so, and goes on when it is set',
  async (_name, set, code) => {
    const who = await device('north-air', test.server.mqttPort);
    try {
      const from = test.timer.now();
      const readings = (at: number) => ({
        readings: [{ device: 'north-air', at: formatTime(at), values: { pm25: 1 } }],
      });
      test.timer.set = set;
      const admin = await test.client('admin');
      const refused = await admin.ask('POST', '/readings', readings(test.timer.now()));
      expect([refused.statusCode, refused.json().code]).toEqual([503, 'clock-wrong']);
      const health = await test.server.http.inject('/healthz');
      expect([health.statusCode, health.json().detail]).toEqual([
        503,
        expect.stringContaining(`${code}: `),
      ]);
      expect((await admin.get<{ clockFault: string }>('/system')).clockFault).toBe(code);
      let isAcknowledged = false;
      const said = who
        .publishAsync(
          'village/v1/devices/north-air/readings',
          JSON.stringify({ at: formatTime(from), values: { pm25: 2 } }),
          { qos: 1 },
        )
        .then(() => {
          isAcknowledged = true;
        });
      // Asked several times after it came: it is held, not slow.
      for (let n = 0; n < 5; n++)
        expect((await admin.ask('POST', '/readings', readings(from))).statusCode).toBe(503);
      expect(isAcknowledged).toBe(false);
      test.timer.set = 0;
      await said;
      expect((await test.server.http.inject('/healthz')).statusCode).toBe(200);
      const span = { device: 'north-air', from: 0, to: from + 27_100 * DAY, limit: 100 };
      const items = await test.server.store.range(span);
      const late = items.filter(({ receivedAt }) => Math.abs(receivedAt - from) > HOUR);
      expect([items.some(({ at }) => at === from), late]).toEqual([true, []]);
      expect(Math.abs(test.server.store.committedAt - from)).toBeLessThan(HOUR);
    } finally {
      test.timer.set = 0;
      await who.endAsync(true);
    }
  },
);

it('a new county whose clock is 74 years ahead of three devices takes nothing in, and goes on when it is set', async () => {
  const timer = new ShiftedTimer();
  timer.set = 27_000 * DAY;
  const young = await startTest(undefined, undefined, timer);
  const clients: Awaited<ReturnType<typeof device>>[] = [];
  try {
    await young.server.importAreas(AREAS);
    const row = (id: string): string =>
      `${id},${id},village/air-weather,${NORTH_VILLAGE},,,,,,${SECRET}`;
    await young.server.importDevices(
      deviceCsv(...['a', 'b', 'c'].map((one) => row(`young-${one}`))),
    );
    const say = (who: (typeof clients)[number], id: string, pm25: number): Promise<unknown> =>
      who.publishAsync(
        `village/v1/devices/${id}/readings`,
        JSON.stringify({ at: formatTime(Date.now()), values: { pm25 } }),
        { qos: 1 },
      );
    for (const one of ['a', 'b', 'c']) {
      const who = await device(`young-${one}`, young.server.mqttPort);
      clients.push(who);
      await say(who, `young-${one}`, 1);
    }
    const health = async (): Promise<[number, unknown]> => {
      const { statusCode, json } = await young.server.http.inject('/healthz');
      return [statusCode, json().detail];
    };
    expect(await health()).toEqual([503, expect.stringContaining('clock-ahead-of-others: ')]);
    const held = clients.map((who, n) => say(who, `young-${'abc'[n]}`, 2));
    timer.set = 0;
    await Promise.all(held);
    expect((await health())[0]).toBe(200);
    const stored = await young.server.store.range({
      device: 'young-a',
      from: Date.now() - HOUR,
      to: Date.now() + HOUR,
      limit: 10,
    });
    expect(stored.map(({ values }) => values['pm25'])).toContain(2);
  } finally {
    for (const who of clients) await who.endAsync(true);
    await young.close();
  }
}, 60_000);

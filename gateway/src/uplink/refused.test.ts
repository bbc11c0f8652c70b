/** Refused parts go to the county at a pace that no county drops, each once, and the status tells how many wait or were given up. */
import { createBroker } from '@village/broker';
import {
  MINUTE,
  seededRandom,
  simulatedTimer,
  systemClock,
  type WireRefused,
  type WireStatus,
} from '@village/core';
import { afterEach, expect, it } from 'vitest';
import { Outbox } from '../outbox/outbox.ts';
import { silentLog } from '../run/log.ts';
import { temporaryFolder, until } from '../testing.ts';
import { Uplink } from './uplink.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}, 60_000);

it('a backlog: no minute has more than a county of before kept, and all of it comes once', async () => {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  const timer = simulatedTimer(systemClock(), 100, systemClock());
  const outbox = new Outbox(path, { now: timer.now, log: silentLog });
  cleanups.push(() => outbox.close());
  const frames = 700;
  for (let n = 0; n < frames; n++)
    outbox.refuse({
      device: `d-${n}`,
      at: '2026-03-10T00:00:00Z',
      parts: [{ reason: 'payload-not-json', message: '', place: '', metric: null }],
      taken: [],
      frame: Buffer.from('BOOT').toString('base64'),
      framing: '',
    });
  await until('the disk', () => outbox.counters().refusedWaiting === frames);
  const came: { at: number; devices: string[] }[] = [];
  const statuses: WireStatus[] = [];
  const broker = createBroker<string>({
    authenticate: ({ username }) => username,
    mayPublish: () => true,
    maySubscribe: () => true,
    publish: ({ topic, payload }, done) => {
      const said = JSON.parse(payload.toString()) as WireStatus & { refused: WireRefused[] };
      if (topic.endsWith('/status')) statuses.push(said);
      if (topic.endsWith('/refused'))
        came.push({ at: timer.elapsed(), devices: said.refused.map(({ device }) => device) });
      done();
    },
  });
  const { port } = await broker.listen(0, '127.0.0.1');
  cleanups.push(() => broker.close(100));
  const over = new AbortController();
  const running = new Uplink(
    {
      gateway: 'gw-01',
      url: `mqtt://127.0.0.1:${port}`,
      secret: 'secret',
      version: '1',
      backfillRowsPerSecond: 1_000,
    },
    outbox,
    { timer, random: seededRandom(1), log: silentLog },
  ).run(over.signal);
  cleanups.push(async () => {
    over.abort();
    await running;
  });
  await until('everything', () => outbox.counters().refusedWaiting === 0);
  const devices = came.flatMap((message) => message.devices);
  expect(new Set(devices).size).toBe(frames);
  expect(devices).toHaveLength(frames);
  for (const { at } of came) {
    const minute = came.filter((one) => one.at >= at && one.at < at + MINUTE);
    expect(minute.flatMap((one) => one.devices).length).toBeLessThanOrEqual(600);
  }
  expect(statuses[0]?.refusedLane).toEqual({ waiting: frames, dropped: {} });
}, 60_000);

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

/** An outbox with so many refused frames of devices of their own on disk. */
async function filledOutbox(frames: number, now: () => number): Promise<Outbox> {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  const outbox = new Outbox(path, { now, log: silentLog });
  cleanups.push(() => outbox.close());
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
  return outbox;
}

/** A county that hands on what is published, and acknowledges when it is told to. */
async function county(publish: (said: Said, done: () => void) => void): Promise<string> {
  const broker = createBroker<string>({
    authenticate: ({ username }) => username,
    mayPublish: () => true,
    maySubscribe: () => true,
    publish: ({ topic, payload }, done) =>
      publish({ topic, ...(JSON.parse(payload.toString()) as Omit<Said, 'topic'>) }, done),
  });
  const { port } = await broker.listen(0, '127.0.0.1');
  cleanups.push(() => broker.close(100));
  return `mqtt://127.0.0.1:${port}`;
}

type Said = { topic: string; refused: WireRefused[] } & Omit<WireStatus, 'refused'>;

/** The gateway's uplink to it, until the end of the test. */
function connected(uplink: Uplink): void {
  const over = new AbortController();
  const running = uplink.run(over.signal);
  cleanups.push(async () => {
    over.abort();
    await running;
  });
}

const GATEWAY = { gateway: 'gw-01', secret: 'secret', version: '1', backfillRowsPerSecond: 1_000 };

it('a backlog: no minute has more than a county of before kept, and all of it comes once', async () => {
  const timer = simulatedTimer(systemClock(), 100, systemClock());
  const frames = 700;
  const outbox = await filledOutbox(frames, timer.now);
  const came: { at: number; devices: string[] }[] = [];
  const statuses: Said[] = [];
  const url = await county((said, done) => {
    if (said.topic.endsWith('/status')) statuses.push(said);
    if (said.topic.endsWith('/refused'))
      came.push({ at: timer.elapsed(), devices: said.refused.map(({ device }) => device) });
    done();
  });
  const deps = { timer, random: seededRandom(1), log: silentLog };
  connected(new Uplink({ ...GATEWAY, url }, outbox, deps));
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

it('what is not acknowledged in time is said again in a new session, and stays on disk until then', async () => {
  const timer = simulatedTimer(systemClock(), 100, systemClock());
  const outbox = await filledOutbox(3, timer.now);
  const came: string[][] = [];
  let connects = 0;
  const url = await county((said, done) => {
    if (said.topic.endsWith('/status') && said.online) connects++;
    if (!said.topic.endsWith('/refused')) return done();
    came.push(said.refused.map(({ device }) => device));
    // The first two are taken by a county that never says so.
    if (came.length > 2) done();
  });
  const reasons: unknown[] = [];
  const log = { ...silentLog, warn: ({ reason }: { reason?: unknown }) => reasons.push(reason) };
  connected(
    new Uplink({ ...GATEWAY, url, ackTimeoutMs: 200 }, outbox, {
      ...{ timer, random: seededRandom(1) },
      log: log as unknown as typeof silentLog,
    }),
  );
  await until('a second session', () => came.length === 2);
  expect(outbox.counters().refusedWaiting).toBe(3);
  await until('an acknowledgement', () => outbox.counters().refusedWaiting === 0);
  expect(came).toEqual(Array.from({ length: 3 }, () => ['d-0', 'd-1', 'd-2']));
  expect(connects).toBe(3);
  expect(reasons).toContain('no acknowledgement in 0.2 s');
}, 60_000);

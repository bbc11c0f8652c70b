import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createBroker } from '@village/broker';
import {
  MINUTE,
  SECOND,
  seededRandom,
  simulatedTimer,
  systemClock,
  systemTimer,
  type Timer,
  topics,
  type WireBatch,
  type WireReading,
} from '@village/core';
import { afterEach, describe, expect, it } from 'vitest';
import { Outbox } from '../outbox/outbox.ts';
import { silentLog } from '../run/log.ts';
import { FakeCounty, temporaryFolder, until } from '../testing.ts';
import { Uplink } from './uplink.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}, 60_000);

async function county(port = 0): Promise<FakeCounty> {
  const started = await FakeCounty.start(port);
  cleanups.push(() => started.stop());
  return started;
}

function folder(): string {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  return path;
}

function uplink(outbox: Outbox, url: string, rate = 1_000_000) {
  const options = {
    gateway: 'gw-01',
    url,
    secret: 'secret',
    version: '1.2.3',
    backfillRowsPerSecond: rate,
  };
  // Ten times as fast, so that backing off costs a test little.
  const timer = simulatedTimer(systemClock(), 10, systemClock());
  const made = new Uplink(options, outbox, { timer, random: seededRandom(1), log: silentLog });
  const over = new AbortController();
  const running = made.run(over.signal);
  cleanups.push(async () => {
    over.abort();
    await running;
  });
  return made;
}

const row = (device: string): WireReading => ({
  device,
  at: '2026-01-01T00:00:00Z',
  values: { n: 1 },
});
const durable = (outbox: Outbox, device: string): Promise<void> =>
  new Promise((resolve, reject) => {
    outbox.put(row(device), [], (error) => (error === undefined ? resolve() : reject(error)));
  });

/** Every batch once, by number. */
function distinct(batches: readonly WireBatch[]): WireBatch[] {
  return [...new Map(batches.map((batch) => [batch.seq, batch])).values()].sort(
    (a, b) => a.seq - b.seq,
  );
}

describe('uplink', () => {
  it('cut again and again: nothing is lost, numbers have no gaps, and the outbox is empty in the end', async () => {
    const outbox = new Outbox(folder(), { now: systemClock, log: silentLog }, { ackWindowMs: 0 });
    cleanups.push(() => outbox.close());
    let there = await FakeCounty.start();
    const { port } = there;
    const all: WireBatch[] = [];
    uplink(outbox, there.url);
    for (let round = 0; round < 5; round++) {
      await until('a connection', () => there.statuses.some((status) => status.online));
      for (let i = 0; i < 60; i++) {
        await durable(outbox, `r${round}-${i}`);
        // In the middle of it all the county falls silent: batches arrive and are not acknowledged.
        if (i === 40) there.acknowledges = false;
      }
      await there.stop();
      all.push(...there.batches);
      there = await FakeCounty.start(port);
    }
    cleanups.push(() => there.stop());
    await until('an empty outbox', () => outbox.counters().waiting.live === 0);
    all.push(...there.batches);
    const batches = distinct(all);
    expect(batches.map((batch) => batch.seq)).toEqual(
      Array.from({ length: batches.length }, (_, i) => i + 1),
    );
    const devices = batches.flatMap((batch) => batch.readings.map((reading) => reading.device));
    const put = Array.from({ length: 5 }, (_, r) =>
      Array.from({ length: 60 }, (_, i) => `r${r}-${i}`),
    ).flat();
    expect(devices).toEqual(put);
  });

  it('never has more than 16 batches under way', async () => {
    const outbox = new Outbox(folder(), { now: systemClock, log: silentLog }, { ackWindowMs: 0 });
    cleanups.push(() => outbox.close());
    const there = await county();
    there.acknowledges = false;
    const made = uplink(outbox, there.url);
    for (let i = 0; i < 40; i++) await durable(outbox, `d${i}`);
    await until('16 sent', () => made.counters().batchesSent.live === 16);
    await delay(100);
    expect(made.counters().batchesSent.live).toBe(16);
  });

  it('sends backfill no faster than its rate, and live in between', async () => {
    let now = systemClock();
    const outbox = new Outbox(folder(), { now: () => now, log: silentLog }, { ackWindowMs: 0 });
    cleanups.push(() => outbox.close());
    for (let i = 0; i < 30; i++) await durable(outbox, `old-${i}`);
    now += 10 * MINUTE;
    const there = await county();
    // Ten rows a second of a clock that runs ten times as fast.
    uplink(outbox, there.url, 10);
    await until('the first backfill', () =>
      there.batches.some((batch) => batch.lane === 'backfill'),
    );
    await durable(outbox, 'new');
    await until('the live one', () => there.batches.some((batch) => batch.lane === 'live'));
    expect(outbox.counters().waiting.backfill).toBeGreaterThan(0);
    await until('the rest', () => there.batches.length === 31);
    const old = there.batches.filter((batch) => batch.lane === 'backfill');
    expect(old.map((batch) => batch.seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  it('an hour cut off: news first, then the backlog in its order; backfill is what is older than 90 s', async () => {
    // A clock of the test's own, so that ages are exact.
    let now = 1_750_000_000_000;
    const outbox = new Outbox(folder(), { now: () => now, log: silentLog }, { ackWindowMs: 0 });
    cleanups.push(() => outbox.close());
    let there = await FakeCounty.start();
    const { port } = there;
    const made = uplink(outbox, there.url, 200);
    await durable(outbox, 'before');
    await until(
      'delivery',
      () => outbox.counters().waiting.live === 0 && made.counters().connected,
    );
    const { batches: first } = there;
    await there.stop();
    await until('the cut', () => !made.counters().connected);
    const minutes = Array.from({ length: 60 }, (_, i) => `minute-${i}`);
    for (const id of minutes) {
      await durable(outbox, id);
      now += MINUTE;
    }
    // Their ages now: 60, 59, … 1 minutes. Only the last is younger than 90 s.
    expect(outbox.counters().waiting).toEqual({ live: 1, backfill: 59 });
    there = await FakeCounty.start(port);
    cleanups.push(() => there.stop());
    await until('the first of the backlog', () => there.batches.length > 1);
    await durable(outbox, 'after');
    await until('all', () => there.batches.length === 61);
    const lanes = (lane: string): string[] =>
      there.batches
        .filter((batch) => batch.lane === lane)
        .flatMap((batch) => batch.readings.map((reading) => reading.device));
    expect(there.batches[0]?.readings[0]?.device).toBe('minute-59');
    expect(lanes('live')).toEqual(['minute-59', 'after']);
    expect(lanes('backfill')).toEqual(minutes.slice(0, 59));
    const numbers = distinct([...first, ...there.batches]).map((batch) => batch.seq);
    expect(numbers).toEqual(Array.from({ length: 62 }, (_, i) => i + 1));
    await until('an empty outbox', () => outbox.counters().waiting.backfill === 0);
  });

  it('a cut of less than 90 s delays news, and makes no backfill of it', async () => {
    let now = 1_750_000_000_000;
    const outbox = new Outbox(folder(), { now: () => now, log: silentLog }, { ackWindowMs: 0 });
    cleanups.push(() => outbox.close());
    await durable(outbox, 'a');
    now += 89_000;
    await durable(outbox, 'b');
    const there = await county();
    uplink(outbox, there.url);
    await until('both', () => there.batches.length === 2);
    expect(there.batches.map((batch) => batch.lane)).toEqual(['live', 'live']);
  });

  it('an outbox that has to be replaced begins a new session, with a new epoch and its own numbers', async () => {
    const path = folder();
    const outbox = new Outbox(path, { now: systemClock, log: silentLog }, { ackWindowMs: 0 });
    cleanups.push(() => outbox.close());
    const there = await county();
    there.acknowledges = false;
    const made = uplink(outbox, there.url);
    const { epoch } = outbox;
    // More than its cache and its log hold, so that it has to be read from the disk again.
    for (let i = 0; i < 120; i++)
      await new Promise<void>((resolve) => {
        const filler = { device: `d${i}`, at: 'x'.repeat(90_000), values: { n: 1 } };
        outbox.put(filler, [], () => resolve());
      });
    await until('16 under way', () => made.counters().batchesSent.live === 16);
    for (const file of ['outbox.db', 'outbox.db-wal']) {
      const handle = openSync(join(path, file), 'r+');
      writeSync(handle, Buffer.alloc(fstatSync(handle).size, 0xa5), 0);
      closeSync(handle);
    }
    there.acknowledges = true;
    for (let i = 0; i < 120 && outbox.epoch === epoch; i++) outbox.take('live');
    expect(outbox.epoch).not.toBe(epoch);
    for (let i = 0; i < 20; i++) await durable(outbox, `new-${i}`);
    await until('the new ones', () => distinct(there.batches).length === 20);
    expect(new Set(there.batches.map((batch) => batch.epoch))).toEqual(new Set([outbox.epoch]));
    expect(distinct(there.batches).flatMap((batch) => batch.readings.map((r) => r.device))).toEqual(
      Array.from({ length: 20 }, (_, i) => `new-${i}`),
    );
    expect(outbox.counters().dropped).toEqual({ 'outbox-corrupt': 120 });
    await until('the county to know', () =>
      there.statuses.some((status) => status.dropped?.['outbox-corrupt'] === 120),
    );
  });

  it('says how it stands: at once, and that it is gone when it dies or stops', async () => {
    const outbox = new Outbox(folder(), { now: systemClock, log: silentLog });
    cleanups.push(() => outbox.close());
    await durable(outbox, 'waits');
    const there = await county();
    const over = new AbortController();
    const options = {
      gateway: 'gw-01',
      url: there.url,
      secret: 'secret',
      version: '1.2.3',
      backfillRowsPerSecond: 1,
    };
    const made = new Uplink(options, outbox, {
      timer: systemTimer,
      random: seededRandom(1),
      log: silentLog,
    });
    const running = made.run(over.signal);
    await until('a status', () => there.statuses.length > 0);
    expect(there.statuses[0]).toMatchObject({
      online: true,
      version: '1.2.3',
      epoch: outbox.epoch,
      waiting: { live: 1, backfill: 0 },
      oldestMs: expect.any(Number),
      dropped: {},
      droppedSeq: [],
    });
    over.abort();
    await running;
    expect(there.statuses.at(-1)).toMatchObject({ online: false });
  });

  it('answers a ping, and anything else as unknown', async () => {
    const outbox = new Outbox(folder(), { now: systemClock, log: silentLog });
    cleanups.push(() => outbox.close());
    const there = await county();
    const made = uplink(outbox, there.url);
    const topic = topics.gatewayCommands('gw-01');
    await until('a subscription', () => {
      void there.send(topic, '{"id":"1","name":"ping"}');
      return there.results.length > 0;
    });
    expect(there.results[0]).toMatchObject({ id: '1', ok: true, result: { version: '1.2.3' } });
    await there.send(topic, '{"id":"x","name":"reboot"}');
    await there.send(topic, 'nonsense');
    await there.send(topic, 'null');
    await until(
      'all answers',
      () => there.results.length === made.counters().commands && there.results.length >= 4,
    );
    expect(there.results.slice(-3)).toEqual([
      { id: 'x', ok: false, error: 'unknown-command' },
      { id: null, ok: false, error: 'malformed-command' },
      { id: null, ok: false, error: 'malformed-command' },
    ]);
  });

  it('backs off from a county that lets it in and refuses what it says', async () => {
    const outbox = new Outbox(folder(), { now: systemClock, log: silentLog }, { ackWindowMs: 0 });
    cleanups.push(() => outbox.close());
    const broker = createBroker<string>({
      authenticate: ({ username }) => username,
      mayPublish: () => true,
      maySubscribe: () => true,
      publish: (_, done) => done(new Error('the disk is full')),
    });
    cleanups.push(() => broker.close(100));
    const { port } = await broker.listen(0, '127.0.0.1');
    await durable(outbox, 'kept');
    const waits: number[] = [];
    const timer: Timer = {
      ...systemTimer,
      async sleep(ms, signal) {
        if (ms > SECOND / 2 && ms !== SECOND) waits.push(ms);
        await systemTimer.sleep(ms === SECOND ? ms : 1, signal);
      },
    };
    const over = new AbortController();
    const options = {
      gateway: 'gw-01',
      url: `mqtt://127.0.0.1:${port}`,
      secret: 'secret',
      version: '1',
      backfillRowsPerSecond: 1,
    };
    const made = new Uplink(options, outbox, { timer, random: () => 0.9, log: silentLog });
    const running = made.run(over.signal);
    await until('five attempts', () => waits.length >= 5);
    over.abort();
    await running;
    expect(waits.slice(0, 5)).toEqual([950, 1_900, 3_800, 7_600, 15_200]);
    expect(made.counters().connects).toBeGreaterThanOrEqual(5);
    expect(outbox.counters().waiting.live).toBe(1);
  });

  it('is refused with a wrong secret, keeps its data and tries again', async () => {
    const outbox = new Outbox(folder(), { now: systemClock, log: silentLog }, { ackWindowMs: 0 });
    cleanups.push(() => outbox.close());
    const there = await county();
    const lines: string[] = [];
    const log = { ...silentLog, warn: (fields: object) => void lines.push(JSON.stringify(fields)) };
    const options = {
      gateway: 'gw-01',
      url: there.url,
      secret: 'wrong',
      version: '1',
      backfillRowsPerSecond: 1,
    };
    const made = new Uplink(options, outbox, { timer: systemTimer, random: seededRandom(1), log });
    const over = new AbortController();
    const running = made.run(over.signal);
    await durable(outbox, 'kept');
    await until('the refusal', () => lines.length > 0);
    expect(lines[0]).toMatch(/refused|authori[sz]ed/i);
    expect(outbox.counters().waiting.live).toBe(1);
    over.abort();
    await running;
  });
});

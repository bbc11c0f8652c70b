/** The gateway's own clock is set while it runs: the county learns it before anything else, and what waited tells by how much. */
import { HOUR, SECOND, systemTimer, type Timer } from '@village/core';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { startGateway } from '../index.ts';
import { FakeCounty, temporaryFolder, testConfig, testDeps, until } from '../testing.ts';
import { ClockWatch } from './clock-watch.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const BIN = { id: 'bin-7', profile: 'test/bin', address: 'b7', secret: 's', options: {} } as const;

describe('a gateway whose clock is set', () => {
  it('tells by how much with what it stamped before, also after a restart, and a status first', async () => {
    const there = await FakeCounty.start();
    cleanups.push(() => there.stop());
    const { path, remove } = temporaryFolder();
    cleanups.push(remove);
    let off = -3 * HOUR;
    const timer: Timer = { ...systemTimer, now: () => systemTimer.now() + off };
    const config = testConfig(path, there.url, {
      mqtt: { port: 0, host: '127.0.0.1' },
      devices: [{ ...BIN, clock: 'keep' }],
    });
    const start = async () => {
      const gateway = await startGateway(config, testDeps({ timer }));
      let stopped: Promise<void> | undefined;
      const stop = (): Promise<void> => (stopped ??= gateway.stop());
      cleanups.push(stop);
      return { ...gateway, stop };
    };
    const gateway = await start();
    const device = await connectAsync(`mqtt://127.0.0.1:${gateway.ports['mqtt']}`, {
      clientId: 'b7',
      username: 'b7',
      password: 's',
    });
    cleanups.push(() => device.endAsync(true));
    const say = (fill: number) =>
      device.publishAsync('bin/b7/up', JSON.stringify({ fill }), { qos: 1 });
    await say(1);
    await until('the first is there', () => there.batches.length === 1);
    there.acknowledges = false;
    await say(2);
    off = 0;
    const told = there.statuses.length;
    await say(3);
    await until('a new session has told', () =>
      there.statuses
        .slice(told)
        .some(({ at }) => Math.abs(Date.parse(at ?? '') - Date.now()) < HOUR),
    );
    await gateway.stop();
    there.acknowledges = true;
    await start();
    await until('all are there', () => there.batches.length >= 3);
    const shifts = new Map(
      there.batches.map(({ readings, shift = 0 }) => [
        readings[0]?.values['fill'],
        [Math.round(shift / SECOND), readings[0]?.stamped],
      ]),
    );
    expect(Object.fromEntries(shifts)).toEqual({
      1: [0, true],
      2: [(3 * HOUR) / SECOND, true],
      3: [0, true],
    });
    expect(there.statuses[0]?.ownFrom).toBe(1);
    expect(there.statuses.at(-1)?.ownFrom).toBe(4);
  });
});

describe('a watch over the clock', () => {
  it('tells a set of five minutes and more, once, and no drift', () => {
    let now = 0;
    let elapsed = 0;
    const sets: number[] = [];
    const timer = { now: () => now, elapsed: () => elapsed, sleep: () => Promise.resolve() };
    const watch = new ClockWatch(timer, (ms) => sets.push(ms));
    for (const [moved, passed] of [
      [HOUR, HOUR],
      [4 * 60 * SECOND, 0],
      [-2 * HOUR, SECOND],
      [SECOND, SECOND],
    ] as const) {
      now += moved;
      elapsed += passed;
      expect(watch.now()).toBe(now);
    }
    expect(sets).toEqual([-2 * HOUR + 4 * 60 * SECOND - SECOND]);
  });
});

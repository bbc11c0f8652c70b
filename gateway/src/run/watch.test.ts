import { HOUR, MINUTE, SECOND, type Timer } from '@village/core';
import { expect, it } from 'vitest';
import { type Log, limitedLog, silentLog } from './log.ts';
import { watch } from './watch.ts';

/** A clock that moves only by what is slept, and by the steps set for some of the sleeps; ends after the last. */
function clock(steps: Readonly<Record<number, number>>, sleeps: number) {
  let now = Date.UTC(1970, 0, 1);
  let elapsed = 0;
  let slept = 0;
  const over = new AbortController();
  const timer: Timer = {
    now: () => now,
    elapsed: () => elapsed,
    async sleep(ms) {
      elapsed += ms;
      now += ms + (steps[slept] ?? 0);
      if (++slept === sleeps) over.abort();
    },
  };
  return { timer, signal: over.signal };
}

it('notices that the clock was set, forwards and back, and not that the machine was busy', async () => {
  const steps: number[] = [];
  const { timer, signal } = clock({ 2: 56 * 365 * 24 * HOUR, 5: 20 * SECOND, 8: -3 * HOUR }, 12);
  await watch(
    signal,
    { timer, log: silentLog },
    { clockSet: (step) => steps.push(step), summary: () => ({}) },
  );
  expect(steps).toEqual([56 * 365 * 24 * HOUR, -3 * HOUR]);
});

it('puts its counters into the log every ten minutes', async () => {
  const told: object[] = [];
  const log: Log = { ...silentLog, info: (fields) => told.push(fields) };
  const { timer, signal } = clock({}, 200);
  let asked = 0;
  await watch(
    signal,
    { timer, log },
    { clockSet: () => undefined, summary: () => ({ n: ++asked }) },
  );
  // 200 looks, one each ten seconds.
  expect(told).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

it('a flood of one level hides no other, and is told of afterwards', () => {
  let now = 0;
  const told: string[] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void told.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log = limitedLog({ info: say('info'), warn: say('warn'), error: say('error') }, () => now, {
    each: 6,
    own: 2,
  });
  for (let i = 0; i < 5; i++) log.info({}, `line-${i}`);
  log.error({ code: 'outbox-corrupt' }, 'damaged');
  now += MINUTE;
  log.info({}, 'later');
  expect(told).toEqual([
    'info line-0 {}',
    'info line-1 {}',
    'error damaged {"code":"outbox-corrupt"}',
    'info later {"linesHeldBack":3}',
  ]);
});

it('a device or connection that floods the log hides nothing of another', () => {
  let now = 0;
  const told: string[] = [];
  const say = (fields: object, message: string) =>
    void told.push(`${message} ${JSON.stringify(fields)}`);
  const log = limitedLog({ info: say, warn: say, error: say }, () => now, { each: 2, own: 3 });
  for (let i = 0; i < 500; i++) {
    log.info({ device: 'bad', i }, 'device: answers');
    log.info({ connection: '10.0.0.1:502' }, 'modbus: not connected');
  }
  for (let i = 0; i < 200; i++) log.info({ device: `good-${i}` }, 'device: answers');
  log.info({ url: 'mqtt://county' }, 'uplink: connected');
  expect(told.filter((line) => line.includes('good-'))).toHaveLength(200);
  expect(told.filter((line) => line.includes('bad'))).toHaveLength(2);
  expect(told.filter((line) => line.includes('10.0.0.1'))).toHaveLength(2);
  expect(told.at(-1)).toContain('uplink: connected');
  now += MINUTE;
  log.info({ device: 'bad' }, 'device: answers');
  log.info({ device: 'good-1' }, 'device: answers');
  expect(told.slice(-2)).toEqual([
    'device: answers {"device":"bad","linesHeldBack":498}',
    'device: answers {"device":"good-1"}',
  ]);
});

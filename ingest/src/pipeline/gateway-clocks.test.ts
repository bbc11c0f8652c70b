/** A gateway whose own clock is wrong: what it stamped is stored under the time at which it was measured. */
import { DAY, formatTime, HOUR, MINUTE, SECOND, type Timer, topics } from '@village/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type Bench, NOW, testDevice, testPipeline } from '../testing.ts';

/** Polled: its times are the gateway's. */
const METER = 'chint/dtsu666';
/** Tells its own. */
const STATION = 'village/air-weather';
const GATEWAY = { kind: 'gateway', id: 'gw' } as const;
const METRIC = 'voltage-a';

let bench: Bench;
let seq = 0;
let passed = 0;
afterEach(() => bench.close());

const timer: Timer = { now: () => NOW, elapsed: () => passed, sleep: () => Promise.resolve() };

async function open(folder?: string): Promise<void> {
  bench = await testPipeline(
    [
      ...['m', 'm2', 'm3'].map((id) => testDevice(id, METER, { gateway: 'gw', address: id })),
      testDevice('s', STATION, { gateway: 'gw' }),
    ],
    { timer, ...(folder === undefined ? {} : { folder }) },
  );
}
async function begin(): Promise<void> {
  seq = 0;
  passed = 0;
  await open();
}

/** A session begins, and the status in it, by a clock that is `off`. */
async function connect(at: number, off: number, ownFrom = 1): Promise<void> {
  bench.pipeline.session('connect', GATEWAY, at);
  await status(at + SECOND, off, ownFrom);
}
const status = (at: number, off: number, ownFrom = 1): Promise<void> => {
  passed = at - NOW;
  const told = { online: true, at: formatTime(at + off), epoch: 'e', ownFrom };
  return bench.send(GATEWAY, topics.gatewayStatus('gw'), told, at);
};

interface Sent {
  readonly lane?: 'live' | 'backfill';
  readonly n?: number;
  readonly shift?: number;
  readonly row?: object;
}
function batch(value: number, stamped: number, receivedAt: number, sent: Sent = {}): Promise<void> {
  const { lane = 'live', n = ++seq, shift, row = {} } = sent;
  const values = { [METRIC]: value };
  const readings = [{ device: 'm', at: formatTime(stamped), values, ...row }];
  const body = { epoch: 'e', seq: n, lane, shift, readings };
  return bench.send(GATEWAY, topics.gatewayReadings('gw'), body, receivedAt);
}
const rows = async (device = 'm', metric = METRIC): Promise<unknown[]> =>
  (await bench.store.range({ device, from: 0, to: NOW + 400 * DAY, limit: 100 })).map((row) => [
    row.at - NOW,
    row.values[metric],
    row.clockReplaced,
  ]);

describe('a gateway whose clock is wrong', () => {
  it.each([
    ['a day behind', -DAY],
    ['eight hours behind, as of a zone', -8 * HOUR],
    ['an hour ahead', HOUR],
    ['years behind, as of a week counted anew', -1024 * 7 * DAY],
  ])('%s: its first row already is of when it was measured, and marked', async (_name, off) => {
    await begin();
    await connect(NOW, off);
    await batch(230, NOW + 2 * SECOND + off, NOW + 3 * SECOND);
    expect(await rows()).toEqual([[2 * SECOND, 230, true]]);
    expect(bench.pipeline.clockOfGateway('gw')).toMatchObject({ offset: off });
    // No clock of the meter's was heard.
    expect(bench.pipeline.clockOf('m')).toBe(null);
  });

  it('corrects what waited while there was no connection, and a repeat is no second row', async () => {
    await begin();
    await connect(NOW, -DAY);
    await batch(1, NOW + 2 * SECOND - DAY, NOW + 3 * SECOND);
    await connect(NOW + 5 * HOUR, -DAY + 700);
    await batch(1, NOW + 2 * SECOND - DAY, NOW + 5 * HOUR, { n: 1 });
    await batch(2, NOW + HOUR - DAY, NOW + 5 * HOUR, { lane: 'backfill' });
    expect(await rows()).toEqual([
      [2 * SECOND, 1, true],
      [HOUR, 2, true],
    ]);
  });

  it('that is set: what came before has its time when it comes again, what comes then is as it says', async () => {
    await begin();
    await connect(NOW, -DAY);
    await batch(1, NOW + MINUTE - DAY, NOW + MINUTE);
    // Stamped before, and comes only when the clock is set.
    const waiting = { n: 2, shift: DAY };
    await connect(NOW + HOUR, 0);
    await batch(1, NOW + MINUTE - DAY, NOW + HOUR, { n: 1, shift: DAY });
    await batch(2, NOW + 2 * MINUTE - DAY, NOW + HOUR, { ...waiting, lane: 'backfill' });
    await batch(3, NOW + HOUR, NOW + HOUR, { n: 3 });
    expect(await rows()).toEqual([
      [MINUTE, 1, true],
      [2 * MINUTE, 2, true],
      [HOUR, 3, false],
    ]);
  });

  it('is set together with ours, as in one box: what comes again is no second row', async () => {
    await begin();
    await connect(NOW, 0);
    await batch(1, NOW + MINUTE, NOW + MINUTE);
    passed = 2 * MINUTE;
    // Both are a day ahead of what passed.
    bench.pipeline.session('connect', GATEWAY, NOW + DAY);
    const told = { online: true, at: formatTime(NOW + DAY + SECOND), epoch: 'e', ownFrom: 1 };
    await bench.send(GATEWAY, topics.gatewayStatus('gw'), told, NOW + DAY + SECOND);
    const shift = DAY;
    await batch(1, NOW + MINUTE, NOW + DAY + 2 * SECOND, { n: 1, shift });
    await batch(2, NOW + 2 * MINUTE, NOW + DAY + 2 * SECOND, { n: 2, shift });
    await batch(2, NOW + 2 * MINUTE, NOW + DAY + 3 * SECOND, { n: 2, shift });
    const folder = await bench.closeKeeping();
    await open(folder);
    await batch(2, NOW + 2 * MINUTE, NOW + DAY + 4 * SECOND, { n: 2, shift });
    expect(await rows()).toEqual([
      [MINUTE, 1, false],
      [DAY + 2 * MINUTE, 2, true],
    ]);
  });

  it('started with a clock that stood while it was off: what it stamped before that is as it says', async () => {
    await begin();
    await connect(NOW, 0);
    await batch(1, NOW + MINUTE, NOW + MINUTE);
    // Numbers 2 and 3 waited when it was cut off; it is on again with a clock three hours behind.
    await connect(NOW + 4 * HOUR, -3 * HOUR, 4);
    await batch(4, NOW + 4 * HOUR - 3 * HOUR, NOW + 4 * HOUR, { n: 4 });
    await batch(2, NOW + 2 * MINUTE, NOW + 4 * HOUR, { n: 2, lane: 'backfill' });
    expect(await rows()).toEqual([
      [MINUTE, 1, false],
      [2 * MINUTE, 2, false],
      [4 * HOUR, 4, true],
    ]);
  });

  it('is known again after a restart of the server', async () => {
    await begin();
    await connect(NOW, -DAY);
    await batch(1, NOW + MINUTE - DAY, NOW + MINUTE);
    const folder = await bench.closeKeeping();
    await open(folder);
    await batch(1, NOW + MINUTE - DAY, NOW + HOUR, { n: 1 });
    await batch(2, NOW + 2 * MINUTE - DAY, NOW + HOUR, { n: 2, lane: 'backfill' });
    expect(await rows()).toEqual([
      [MINUTE, 1, true],
      [2 * MINUTE, 2, true],
    ]);
  });

  it('is believed without a known connection when three statuses say so', async () => {
    await begin();
    for (let n = 0; n < 3; n++) await status(NOW + n * MINUTE, -DAY);
    await batch(1, NOW + 3 * MINUTE - DAY, NOW + 3 * MINUTE);
    expect(await rows()).toEqual([[3 * MINUTE, 1, true]]);
  });
});

describe('what no clock of a gateway changes', () => {
  it('times that devices tell themselves; but those that the gateway made are its own', async () => {
    await begin();
    await connect(NOW, -DAY);
    const told = { device: 's', at: formatTime(NOW), values: { pm25: 1 } };
    await batch(0, 0, NOW + MINUTE, { row: told });
    const made = { device: 's', at: formatTime(NOW + MINUTE - DAY), values: { pm25: 2 } };
    await batch(0, 0, NOW + MINUTE, { row: { ...made, stamped: true } });
    const replaced = { ...made, at: formatTime(NOW + 2 * MINUTE - DAY), redated: true };
    await batch(0, 0, NOW + 2 * MINUTE, { row: replaced });
    expect(await rows('s', 'pm25')).toEqual([
      [0, 1, false],
      [MINUTE, 2, true],
      [2 * MINUTE, 2, true],
    ]);
  });

  it('a clock that is a minute off, and one that is set right to a second', async () => {
    await begin();
    await connect(NOW, -MINUTE);
    await batch(1, NOW - MINUTE, NOW);
    await connect(NOW + MINUTE, -DAY);
    await connect(NOW + 2 * MINUTE, -1_700);
    await batch(2, NOW + 2 * MINUTE - 1_700, NOW + 2 * MINUTE);
    expect(await rows()).toEqual([
      [-MINUTE, 1, false],
      [2 * MINUTE - 1_700, 2, false],
    ]);
  });

  it('a status that tells no time', async () => {
    await begin();
    bench.pipeline.session('connect', GATEWAY, NOW);
    await bench.send(GATEWAY, topics.gatewayStatus('gw'), { online: true, epoch: 'e' }, NOW);
    expect(bench.pipeline.clockOfGateway('gw')).toBe(null);
    await batch(1, NOW, NOW);
    expect(await rows()).toEqual([[0, 1, false]]);
  });

  it('a status that waited', async () => {
    await begin();
    await status(NOW, 0);
    await status(NOW + HOUR, -50 * MINUTE);
    await batch(1, NOW + HOUR, NOW + HOUR);
    expect(await rows()).toEqual([[HOUR, 1, false]]);
  });

  it('our own clock, set back an hour and forth again', async () => {
    await begin();
    await connect(NOW, 0);
    for (let n = 1; n <= 5; n++) {
      // The minutes pass; ours goes back an hour, so theirs seems ahead.
      passed = n * MINUTE;
      const ours = NOW + n * MINUTE - HOUR;
      const told = { online: true, at: formatTime(NOW + n * MINUTE), epoch: 'e', ownFrom: 1 };
      await bench.send(GATEWAY, topics.gatewayStatus('gw'), told, ours);
    }
    await batch(1, NOW - HOUR + 6 * MINUTE, NOW - HOUR + 6 * MINUTE);
    await connect(NOW + 7 * MINUTE, 0);
    await batch(2, NOW + 8 * MINUTE, NOW + 8 * MINUTE);
    expect(await rows()).toEqual([
      [-HOUR + 6 * MINUTE, 1, false],
      [8 * MINUTE, 2, false],
    ]);
  });
});

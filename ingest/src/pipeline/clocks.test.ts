/** Clocks of devices that are wrong: whether a device talks is a matter of receipt, what its clock is worth is measured. */
import { DAY, formatTime, HOUR, MINUTE, SECOND, topics } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, NOW, testDevice, testPipeline } from '../testing.ts';

const STATION = 'village/air-weather';
let bench: Bench;

beforeAll(async () => {
  const { profiles } = loadCatalog([builtinCatalog]);
  const station = profiles.get(STATION);
  if (station === undefined) throw new Error(`no ${STATION}`);
  const modern = { ...station, id: 'test/modern', earliest: Date.UTC(2020, 0, 1) };
  bench = await testPipeline(
    [
      ...['slow', 'late', 'camera', 'told', 'old', 'posted', 'reset'].map((id) =>
        testDevice(id, STATION),
      ),
      testDevice('bin', 'village/smart-bin', { address: 'HB20-000117' }),
      testDevice('modern', modern.id),
      testDevice('behind', STATION, { gateway: 'gw-1' }),
    ],
    { profiles: new Map([...profiles, [modern.id, modern]]) },
  );
});
afterAll(() => bench.close());

const device = (id: string) => ({ kind: 'device', id }) as const;
const at = (ms: number): string => formatTime(ms);

/** A reading of a device, of a time that it tells itself. */
const say = (id: string, told: number, receivedAt: number, pm25 = 1) =>
  bench.send(device(id), topics.deviceReadings(id), { at: at(told), values: { pm25 } }, receivedAt);

describe('a device with a clock that is eight hours behind', () => {
  it('is there, with the offset told; what it says is news once that is known', async () => {
    await say('slow', NOW - 8 * HOUR, NOW);
    expect(bench.store.lastSeen('slow')).toBe(NOW);
    expect(bench.pipeline.clockOf('slow')).toBe(null);
    for (let n = 1; n < 5; n++) await say('slow', NOW + n * SECOND - 8 * HOUR, NOW + n * SECOND);
    expect(bench.store.lastSeen('slow')).toBe(NOW + 4 * SECOND);
    expect(bench.pipeline.clockOf('slow')).toEqual({ offset: -8 * HOUR, drift: null, since: NOW });
    const rows = await bench.store.range({ device: 'slow', from: 0, to: NOW, limit: 10 });
    expect(rows.map(({ at: when, lane }) => [when - NOW + 8 * HOUR, lane])).toEqual([
      [0, 'backfill'],
      [1000, 'backfill'],
      [2000, 'backfill'],
      [3000, 'live'],
      [4000, 'live'],
    ]);
  });

  it('is there with events alone', async () => {
    const event = {
      readings: [],
      events: [{ device: 'behind', at: at(NOW - 8 * HOUR), type: 'boot' }],
    };
    const batch = { epoch: 'e', seq: 1, lane: 'live', ...event };
    await bench.send({ kind: 'gateway', id: 'gw-1' }, topics.gatewayReadings('gw-1'), batch, NOW);
    expect(bench.store.lastSeen('behind')).toBe(NOW);
  });
});

describe('what is no word about the clock', () => {
  it('history that a device sends after a cut: it is there, and its clock is right', async () => {
    for (let n = 0; n < 100; n++) await say('late', NOW - DAY + n * MINUTE, NOW + n * 20);
    await say('late', NOW + 3 * SECOND, NOW + 3 * SECOND);
    for (let n = 100; n < 200; n++) await say('late', NOW - DAY + n * MINUTE, NOW + 4 * SECOND + n);
    expect(bench.pipeline.clockOf('late')).toMatchObject({ offset: 0 });
    const rows = await bench.store.range({ device: 'late', from: 0, to: NOW, limit: 500 });
    expect(rows.map(({ lane }) => lane)).toEqual(Array.from({ length: 200 }, () => 'backfill'));
    expect(bench.store.latest('late')[0]?.at).toBe(NOW + 3 * SECOND);
  });

  it('history that somebody posts, and what a gateway brings late: the device is not there for it', async () => {
    const readings = [{ device: 'told', at: at(NOW - DAY), values: { pm25: 1 } }];
    const source = { name: 'wang', allows: () => true };
    await bench.pipeline.acceptHttp({ readings, lane: 'backfill' }, source);
    await bench.pipeline.acceptHttp({ readings }, source);
    expect(bench.store.lastSeen('told')).toBe(null);
    expect(bench.pipeline.clockOf('told')).toBe(null);
  });
});

describe('a time that can not be true', () => {
  const rowsOf = (id: string) => bench.store.range({ device: id, from: 0, to: NOW + 1, limit: 10 });

  it('is one before the profile says that there were such devices', async () => {
    const told = Date.UTC(2019, 11, 31, 23, 59, 59);
    await say('old', told, NOW);
    await say('modern', told, NOW, 1);
    await say('modern', told, NOW, 2);
    expect((await rowsOf('old')).map((row) => [row.at, row.clockReplaced])).toEqual([
      [told, false],
    ]);
    expect(
      (await bench.store.range({ device: 'modern', from: 0, to: NOW + 10, limit: 10 })).map(
        (row) => [row.at - NOW, row.clockReplaced, row.lane, row.values['pm25']],
      ),
    ).toEqual([
      [0, true, 'live', 1],
      [1, true, 'live', 2],
    ]);
  });

  it.each([
    ['with the year 2000, as most do', '2000-01-01T00:00:05Z'],
    ['some months ago', '2000-12-31T23:59:59Z'],
    ['with 1980, as receivers of satellites do', '1980-01-06T00:00:00Z'],
  ])('is one of a clock that began %s', async (_name, told) => {
    await bench.send(device('reset'), topics.deviceReadings('reset'), {
      at: told,
      values: { pm25: 3 },
    });
    expect(
      (await rowsOf('reset')).map((row) => [row.at, row.clockReplaced, row.lane]),
    ).toContainEqual([NOW, true, 'live']);
    const early = { device: 'reset', from: 0, to: NOW, limit: 10 };
    expect(await bench.store.range(early)).toEqual([]);
  });

  it('is one of before there were such bins', async () => {
    const said = {
      ts: Date.UTC(2015, 0, 1) / SECOND,
      fill: 5,
      t: 0,
      bat: { mv: 3_600 },
      lid: 'open',
    };
    await bench.send(device('bin'), 'bin/HB20-000117/up', said);
    expect(await rowsOf('bin')).toMatchObject([{ at: NOW, clockReplaced: true, lane: 'live' }]);
  });

  it('that a gateway has replaced is marked as replaced, and says nothing of a clock', async () => {
    const readings = [
      { device: 'behind', at: at(NOW - MINUTE), values: { pm25: 1 }, redated: true },
    ];
    const batch = { epoch: 'e', seq: 2, lane: 'live', readings };
    await bench.send({ kind: 'gateway', id: 'gw-1' }, topics.gatewayReadings('gw-1'), batch, NOW);
    expect(await rowsOf('behind')).toMatchObject([{ at: NOW - MINUTE, clockReplaced: true }]);
    expect(bench.pipeline.clockOf('behind')).toBe(null);
  });
});

describe('a time that can not be true, over HTTP', () => {
  const source = { name: 'li', allows: () => true };
  const [early, ahead] = ['1998-05-01T00:00:00Z', at(NOW + 6 * MINUTE)];
  const rowsIn = (from: number, to: number) =>
    bench.store.range({ device: 'posted', from, to, limit: 10 });
  const row = (told: string, pm25: number) => ({ device: 'posted', at: told, values: { pm25 } });
  const event = (told: string) => ({ device: 'posted', at: told, type: 'note' });

  it('costs a row of history alone: it is kept aside with its reason, and never stored under another time', async () => {
    const kept = at(NOW - 3 * DAY);
    const body = {
      lane: 'backfill',
      readings: [row(early, 1), row(kept, 2), row(ahead, 3)],
      events: [event(ahead), event(kept)],
    };
    const answer = await bench.pipeline.acceptHttp(body, source);
    expect(answer).toEqual({
      accepted: 2,
      quarantined: [
        { index: 0, reason: 'time-too-early', message: expect.stringContaining('readings[0].at') },
        { index: 2, reason: 'time-ahead', message: expect.stringContaining('readings[2].at') },
        { index: 3, reason: 'time-ahead', message: expect.stringContaining('events[0].at') },
      ],
    });
    expect((await rowsIn(0, NOW + DAY)).map((one) => [one.at, one.values['pm25']])).toEqual([
      [NOW - 3 * DAY, 2],
    ]);
    const open = bench.store.deadLetters({ limit: 100, state: 'open' });
    const again = await bench.pipeline.rerunQuarantine(open.map(({ id }) => id));
    expect(again.accepted).toBe(0);
    expect(await rowsIn(NOW - HOUR, NOW + HOUR)).toEqual([]);
  });

  it('of a live row is replaced, which the answer says', async () => {
    const body = {
      readings: [row(at(NOW - MINUTE), 4), row(early, 5), row(ahead, 6)],
      events: [event(early)],
    };
    const answer = await bench.pipeline.acceptHttp(body, source);
    expect(answer).toEqual({
      accepted: 4,
      quarantined: [],
      redated: [
        { index: 1, at: at(NOW) },
        { index: 2, at: at(NOW + 1) },
        { index: 3, at: at(NOW + 2) },
      ],
    });
    expect((await rowsIn(NOW, NOW + 10)).map((one) => [one.at - NOW, one.clockReplaced])).toEqual([
      [0, true],
      [1, true],
    ]);
  });
});

describe('the option of a device whose clock is off', () => {
  const rowsOf = async (one: Bench, id: string, from: number, to: number) =>
    (await one.store.range({ device: id, from, to, limit: 100 })).map((row) => [
      row.at - NOW,
      row.values['pm25'],
      row.clockReplaced,
      row.lane,
    ]);
  const three = async (one: Bench, id: string, offset: number): Promise<void> => {
    for (let n = 0; n < 3; n++) await tell(one, id, NOW + n * SECOND + offset, NOW + n * SECOND, n);
  };
  const tell = (one: Bench, id: string, told: number, receivedAt: number, pm25: number) =>
    one.send(device(id), topics.deviceReadings(id), { at: at(told), values: { pm25 } }, receivedAt);
  const open = async (clock: 'keep' | 'correct' | 'history', folder?: string): Promise<Bench> =>
    testPipeline(
      [
        testDevice('off', STATION, { clock }),
        testDevice('relayed', STATION, { clock, gateway: 'gw-1' }),
      ],
      { ...(folder === undefined ? {} : { folder }) },
    );

  it.each([
    ['eight hours behind', -8 * HOUR],
    ['two hours ahead', 2 * HOUR],
    ['forty seconds ahead', 40 * SECOND],
  ])('correct: a clock %s gets times as if it were right, live and late', async (_name, offset) => {
    const one = await open('correct');
    try {
      await three(one, 'off', offset);
      await tell(one, 'off', NOW + MINUTE + offset, NOW + MINUTE, 10);
      // Kept by the device for five hours, by its own clock.
      await tell(one, 'off', NOW - 5 * HOUR + offset, NOW + MINUTE + SECOND, 11);
      expect(await rowsOf(one, 'off', NOW - 6 * HOUR, NOW + HOUR)).toEqual(
        expect.arrayContaining([
          [MINUTE, 10, true, 'live'],
          [-5 * HOUR, 11, true, 'backfill'],
        ]),
      );
      expect(one.store.latest('off')[0]).toMatchObject({ at: NOW + MINUTE, value: 10 });
    } finally {
      await one.close();
    }
  });

  it('correct: what waited while the server was away is right at once, and a repeat is no second row', async () => {
    const first = await open('correct');
    await three(first, 'off', -8 * HOUR);
    await tell(first, 'off', NOW + 5 * SECOND - 8 * HOUR, NOW + 5 * SECOND, 5);
    const folder = await first.closeKeeping();
    const one = await open('correct', folder);
    try {
      await tell(one, 'off', NOW + 5 * SECOND - 8 * HOUR, NOW + 2 * HOUR, 5);
      await tell(one, 'off', NOW + HOUR - 8 * HOUR, NOW + 2 * HOUR + 1, 6);
      await tell(one, 'off', NOW + 2 * HOUR - 8 * HOUR, NOW + 2 * HOUR, 7);
      expect(await rowsOf(one, 'off', NOW + 5 * SECOND, NOW + 3 * HOUR)).toEqual([
        [5 * SECOND, 5, true, 'live'],
        [HOUR, 6, true, 'backfill'],
        [2 * HOUR, 7, true, 'live'],
      ]);
    } finally {
      await one.close();
    }
  });

  it('correct: what a gateway kept for hours is corrected by what its live messages showed', async () => {
    const one = await open('correct');
    const batch = (seq: number, lane: string, told: number, pm25: number, receivedAt: number) =>
      one.send(
        { kind: 'gateway', id: 'gw-1' },
        topics.gatewayReadings('gw-1'),
        {
          epoch: 'e',
          seq,
          lane,
          readings: [{ device: 'relayed', at: at(told), values: { pm25 } }],
        },
        receivedAt,
      );
    try {
      for (let n = 1; n <= 4; n++)
        await batch(n, 'live', NOW + n * SECOND - HOUR, n, NOW + n * SECOND);
      await batch(5, 'backfill', NOW - 5 * HOUR - HOUR, 5, NOW + 5 * SECOND);
      await batch(6, 'backfill', NOW - 4 * HOUR - HOUR, 6, NOW + 5 * SECOND);
      await batch(7, 'live', NOW + 7 * SECOND - HOUR, 7, NOW + 7 * SECOND);
      expect(await rowsOf(one, 'relayed', NOW - 5 * HOUR, NOW + HOUR)).toEqual(
        expect.arrayContaining([
          [-5 * HOUR, 5, true, 'backfill'],
          [-4 * HOUR, 6, true, 'backfill'],
          [7 * SECOND, 7, true, 'live'],
        ]),
      );
    } finally {
      await one.close();
    }
  });

  it('correct: what was kept aside is corrected when it is run again, unless it had come in time', async () => {
    const one = await open('correct');
    try {
      const bad = (told: number, receivedAt: number) =>
        one.send(
          device('early'),
          topics.deviceReadings('early'),
          { at: at(told), values: { pm25: 7 } },
          receivedAt,
        );
      // Nobody knows it yet.
      await bad(NOW - HOUR, NOW - HOUR);
      await bad(NOW - 8 * HOUR, NOW);
      one.registry.devices.push(testDevice('early', STATION, { clock: 'correct' }));
      await three(one, 'early', -8 * HOUR);
      await tell(one, 'early', NOW + MINUTE - 8 * HOUR, NOW + MINUTE, 10);
      expect(await one.pipeline.rerunQuarantine()).toMatchObject({ accepted: 2 });
      expect(await rowsOf(one, 'early', NOW - HOUR, NOW + HOUR)).toEqual(
        expect.arrayContaining([
          [-HOUR, 7, false, 'backfill'],
          [0, 7, true, 'backfill'],
        ]),
      );
    } finally {
      await one.close();
    }
  });

  it('history: what is late by the clock stays history, however long it goes on', async () => {
    const one = await open('history');
    try {
      for (let n = 0; n < 5; n++)
        await tell(one, 'off', NOW + n * SECOND - 8 * HOUR, NOW + n * SECOND, n);
      const readings = [{ device: 'relayed', at: at(NOW - HOUR), values: { pm25: 9 } }];
      const batch = { epoch: 'e', seq: 1, lane: 'live', readings };
      await one.send({ kind: 'gateway', id: 'gw-1' }, topics.gatewayReadings('gw-1'), batch, NOW);
      expect((await rowsOf(one, 'off', 0, NOW)).map(([, , , lane]) => lane)).toEqual(
        Array.from({ length: 5 }, () => 'backfill'),
      );
      expect(await rowsOf(one, 'relayed', 0, NOW)).toEqual([[-HOUR, 9, false, 'backfill']]);
      expect(one.store.lastSeen('off')).toBe(NOW + 4 * SECOND);
    } finally {
      await one.close();
    }
  });

  it('keep: the times that it tells stay', async () => {
    const one = await open('keep');
    try {
      for (let n = 0; n < 4; n++)
        await tell(one, 'off', NOW + n * SECOND - 8 * HOUR, NOW + n * SECOND, n);
      expect((await rowsOf(one, 'off', 0, NOW)).map(([when, , marked]) => [when, marked])).toEqual(
        [0, 1, 2, 3].map((n) => [n * SECOND - 8 * HOUR, false]),
      );
    } finally {
      await one.close();
    }
  });
});

describe('times that were given', () => {
  const bin = testDevice('bin', 'qingzhou/smart-bin');
  const send = (one: Bench, fill: number, receivedAt: number, dup: boolean): Promise<void> =>
    one.send(
      device('air'),
      topics.deviceReadings('air'),
      { at: at(5_000), values: { pm25: fill } },
      receivedAt,
      dup,
    );

  it('are known again after a restart, also when newer ones followed', async () => {
    const first = await testPipeline([testDevice('air', STATION), bin]);
    for (let n = 0; n < 20; n++) await send(first, n, NOW, false);
    const folder = await first.closeKeeping();
    const one = await testPipeline([testDevice('air', STATION), bin], { folder });
    try {
      await send(one, 100, NOW + MINUTE, false);
      for (let n = 0; n < 20; n++) await send(one, n, NOW + 2 * MINUTE, true);
      const rows = await one.store.range({ device: 'air', from: NOW, to: NOW + HOUR, limit: 100 });
      expect(rows.map((row) => row.values['pm25'])).toEqual([
        ...Array.from({ length: 20 }, (_, n) => n),
        100,
      ]);
    } finally {
      await one.close();
    }
  });
});

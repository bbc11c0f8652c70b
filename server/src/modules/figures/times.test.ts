/** Figures over the borders of time: a server that is down over midnight, ends of months and years, a move in that hour, a clock that is set. */
import { randomUUID } from 'node:crypto';
import { DAY, HOUR, MINUTE, systemTimer } from '@village/core';
import { askCheck, type CheckState, checkState, dayOf } from '@village/platform';
import { afterEach, expect, it } from 'vitest';
import {
  AREAS,
  type Client,
  DEVICES,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  SECRET,
  ShiftedTimer,
  SOUTH,
  startTest,
  type TestServer,
  until,
} from '../../testing.ts';

interface Item {
  value: number | null;
  version: string;
  closed: boolean;
}
interface Tables {
  figure_day: { device: string; day: number; figure: string; body: string };
  job: { kind: string; ended_at: number | null };
}

let test: TestServer | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
});

const FIGURE = 'hours-above:air.so2';
const iso = (at: number): string => new Date(at).toISOString();

/** A county whose clock says that time. */
async function startAt(now: number): Promise<TestServer> {
  const timer = new ShiftedTimer();
  timer.set = now - systemTimer.now();
  test = await startTest(undefined, undefined, timer);
  await test.server.importAreas(AREAS);
  await test.server.importDevices(DEVICES);
  return test;
}

const post = async (admin: Client, device: string, values: ReadonlyMap<number, number>) => {
  const readings = [...values].map(([at, so2]) => ({ device, at: iso(at), values: { so2 } }));
  expect((await admin.ask('POST', '/readings', { readings })).json()).toMatchObject({
    accepted: values.size,
    quarantined: [],
  });
};

/** Hours of a day from the first to before the end, all of one value. */
const hours = (day: number, first: number, end: number, value: number): Map<number, number> =>
  new Map(Array.from({ length: end - first }, (_, n) => [day + (first + n) * HOUR, value]));

const ask = async (admin: Client, of: 'device' | 'area', id: string, day: number) => {
  const figure = of === 'area' ? `area-${FIGURE}` : FIGURE;
  const span = `from=${encodeURIComponent(iso(day))}&to=${encodeURIComponent(iso(day + DAY))}`;
  const { items } = await admin.get<{ items: Item[] }>(
    `/figures?figure=${figure}&${of}=${id}&${span}`,
  );
  return items[0];
};

/** What is stored of a device's or area's day; undefined when nothing is. */
async function stored({ server }: TestServer, owner: string, day: number) {
  const row = await server.relational
    .for<Tables>('figures')
    .selectFrom('figure_day')
    .select('body')
    .where('device', '=', owner)
    .where('day', '=', dayOf(day))
    .where('figure', '=', owner.startsWith('area:') ? `area-${FIGURE}` : FIGURE)
    .executeTakeFirst();
  return row === undefined ? undefined : (JSON.parse(row.body) as [[number | null]])[0][0];
}

/** Lets what is gathered be put down, and the job run after it. */
async function worked(one: TestServer): Promise<void> {
  const ended = async (): Promise<number> => {
    const row = await one.server.relational
      .for<Tables>('jobs')
      .selectFrom('job')
      .select('ended_at')
      .where('kind', '=', 'figures')
      .executeTakeFirst();
    return row?.ended_at ?? 0;
  };
  one.timer.shift += 11_000;
  one.timer.haste = 20;
  // One may have been under way, and the other sees what was put down meanwhile.
  for (let n = 0; n < 3; n++) {
    const before = await ended();
    one.timer.shift += 2_000;
    await until('a run of the job', async () => (await ended()) !== before);
  }
  one.timer.haste = 1;
}

async function check(one: TestServer): Promise<CheckState | null> {
  const id = randomUUID();
  const { relational } = one.server;
  await askCheck(relational, id, one.timer.now());
  one.timer.shift += 5_000;
  one.timer.haste = 20;
  await until('the check', async () => (await checkState(relational, id))?.state === 'ended');
  one.timer.haste = 1;
  return checkState(relational, id);
}

it.each([
  ['a month', '2030-05-01', 0, 'GB 3095-2026 (2026–2030)'],
  ['a year with which a standard changes', '2031-01-01', 1, 'GB 3095-2026'],
])(
  'are those of each day, with a server that is down over the end of %s and a device that moves in that hour',
  async (_name, date, above, version) => {
    const today = Date.parse(`${date}T00:00:00+08:00`);
    const yesterday = today - DAY;
    const one = await startAt(today - 2 * HOUR + MINUTE);
    const morning = await one.client('admin');
    for (const device of ['north-air', 'south-air'])
      await post(morning, device, hours(yesterday, 0, 22, 600));
    one.timer.shift += 90 * MINUTE;
    const move = deviceCsv(
      `south-air,南村空气站,village/air-weather,${NORTH_VILLAGE},,,,,,${SECRET}`,
    );
    await one.server.importDevices(move);
    // Killed servers gather nothing more; one that is stopped has put down what it had.
    one.timer.shift += 10 * MINUTE;
    await one.server.stop();
    one.timer.shift += 25 * MINUTE;
    test = await one.restart();
    const after = test;
    const admin = await after.client('admin');
    for (const device of ['north-air', 'south-air']) {
      await post(admin, device, hours(yesterday, 22, 23, 100));
      await post(admin, device, hours(yesterday, 23, 24, 600));
      await post(admin, device, hours(today, 0, 1, 200));
    }
    // Seven minutes past, more of it may come.
    await worked(after);
    expect(await stored(after, 'north-air', yesterday)).toBeUndefined();
    expect(await ask(admin, 'device', 'south-air', yesterday)).toMatchObject({ value: 23 });
    after.timer.shift += 10 * MINUTE;
    await worked(after);
    const owners = ['north-air', 'south-air', `area:${NORTH}`, `area:${SOUTH}`];
    await until('the day to be stored', async () =>
      (await Promise.all(owners.map((owner) => stored(after, owner, yesterday)))).every(
        (value) => value !== undefined,
      ),
    );
    // The move counts from the begin of its hour.
    expect(await Promise.all(owners.map((owner) => stored(after, owner, yesterday)))).toEqual([
      23, 23, 24, 22,
    ]);
    const old = 'GB 3095-2026 (2026–2030)';
    expect(await ask(admin, 'device', 'south-air', yesterday)).toMatchObject({
      ...{ value: 23, version: old, closed: true },
    });
    expect(await ask(admin, 'area', NORTH, yesterday)).toMatchObject({ value: 24, version: old });
    expect(await ask(admin, 'device', 'south-air', today)).toMatchObject({
      ...{ value: above, version, closed: false },
    });
    expect(await ask(admin, 'area', NORTH, today)).toMatchObject({ value: 2 * above, version });
    expect(await stored(after, 'south-air', today)).toBeUndefined();
    expect(await check(after)).toMatchObject({ differing: 0, waiting: 0 });
  },
  120_000,
);

it('are those of the whole day, though the clock was set a day ahead, back, and an hour further back while it went on', async () => {
  const today = Date.parse('2030-05-01T00:00:00+08:00');
  const one = await startAt(today + 22 * HOUR + 30 * MINUTE);
  await post(await one.client('admin'), 'south-air', hours(today, 0, 22, 600));
  one.timer.set += DAY;
  await worked(one);
  await until('the day to be stored', async () => (await stored(one, 'south-air', today)) === 22);
  one.timer.set -= DAY;
  const admin = await one.client('admin');
  await post(admin, 'south-air', hours(today, 22, 23, 600));
  expect(await ask(admin, 'device', 'south-air', today)).toMatchObject({
    ...{ value: 23, closed: false },
  });
  await worked(one);
  one.timer.set -= HOUR;
  await post(admin, 'south-air', hours(today, 21, 22, 100));
  await worked(one);
  one.timer.set += HOUR;
  one.timer.shift += 35 * MINUTE;
  const evening = await one.client('admin');
  await post(evening, 'south-air', hours(today, 23, 24, 600));
  expect(await ask(evening, 'device', 'south-air', today)).toMatchObject({ value: 23 });
  one.timer.shift += HOUR + 15 * MINUTE;
  await worked(one);
  await until('the whole day to be stored', async () => {
    const values = [`area:${SOUTH}`, 'south-air'].map((owner) => stored(one, owner, today));
    return (await Promise.all(values)).every((value) => value === 23);
  });
  const later = await one.client('admin');
  expect(await ask(later, 'device', 'south-air', today)).toMatchObject({ value: 23, closed: true });
  expect(await check(one)).toMatchObject({ differing: 0, waiting: 0 });
}, 120_000);

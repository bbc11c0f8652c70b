/** Figures over HTTP: values, completeness, standards, opened to their readings, cut to the asker's area. */
import { DAY, formatTime, HOUR } from '@village/core';
import { dayOf } from '@village/platform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, startCounty, type TestServer, until } from '../../testing.ts';

interface Values {
  figure: string;
  unit: string;
  standard: { id: string } | null;
  items: Record<string, unknown>[];
}
interface Opened {
  value: number | null;
  inputs: { count: number; measured: unknown[]; readings: { quality?: string }[] }[];
  standards: { version: string }[];
  attributes: Record<string, unknown[]>;
}

let test: TestServer;
let admin: Client;
/** Midnight in Beijing, three days ago. */
let midnight: number;
const iso = (at: number): string => encodeURIComponent(new Date(at).toISOString());
const post = async (device: string, rows: readonly [hour: number, value: number, bad?: true][]) => {
  const readings = rows.map(([hour, o3, bad]) => ({
    device,
    at: new Date(midnight + hour * HOUR).toISOString(),
    values: { o3 },
    ...(bad === undefined ? {} : { quality: { o3: 'calibration' } }),
  }));
  expect((await admin.ask('POST', '/readings', { readings })).json()).toMatchObject({
    quarantined: [],
  });
};
const values = (figure: string, from: number, to: number, device = 'north-air') =>
  admin.get<Values>(`/figures?figure=${figure}&device=${device}&from=${iso(from)}&to=${iso(to)}`);

beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  midnight = Math.floor((test.timer.now() + 8 * HOUR) / DAY - 3) * DAY - 8 * HOUR;
  // Twenty-one hours, two of them above 200; then a day of which hours are missing.
  await post(
    'north-air',
    Array.from({ length: 21 }, (_, hour) => [hour, hour < 2 ? 201 : 100 + hour]),
  );
  await post('north-air', [
    [21, 500, true],
    [24, 170],
    [25, 190],
  ]);
}, 60_000);
afterAll(() => test.close());

describe('figures', () => {
  it('say which there are of a device', async () => {
    const { items } = await admin.get<{ items: { figure: string; keep: string }[] }>(
      '/figures/of?device=north-air',
    );
    const ids = items.map(({ figure }) => figure);
    expect(ids).toContain('hourly-mean:air.o3');
    expect(ids).toContain('hours-above:air.o3');
    // What people come for at an air station; its own order would begin with the temperature.
    expect(ids.filter((id) => id.startsWith('daily-mean:')).slice(0, 3)).toEqual([
      'daily-mean:air.pm25',
      'daily-mean:air.pm10',
      'daily-mean:air.o3',
    ]);
    expect(ids).not.toContain('hourly-mean:wind.direction');
    expect(ids).not.toContain('hourly-mean:water.cod');
  });

  it('tell hourly means with completeness, and none where nothing good was heard', async () => {
    const answer = await values('hourly-mean:air.o3', midnight + 20 * HOUR, midnight + 23 * HOUR);
    expect(answer).toMatchObject({ figure: 'hourly-mean:air.o3', unit: 'µg/m³', standard: null });
    const common = { version: '1', corrections: [], closed: true };
    expect(answer.items).toEqual([
      { at: expect.any(String), value: 120, completeness: 1, ...common },
      { at: expect.any(String), value: null, completeness: 0, ...common },
      { at: expect.any(String), value: null, completeness: 0, ...common },
    ]);
  });

  it('tell a daily mean of twenty hourly means or more', async () => {
    const { items } = await values('daily-mean:air.o3', midnight, midnight + 2 * DAY);
    const sum = 201 + 201 + Array.from({ length: 19 }, (_, n) => 102 + n).reduce((a, b) => a + b);
    expect(items.map(({ value, completeness }) => [value, completeness])).toEqual([
      [sum / 21, 21 / 24],
      [null, 2 / 24],
    ]);
  });

  it('count hours above the limit of the class that held then, by the standard of that time', async () => {
    const asked = () => values('hours-above:air.o3', midnight, midnight + 2 * DAY);
    const before = await asked();
    expect(before.standard).toMatchObject({ id: 'GB 3095' });
    expect(before.items.map(({ value }) => value)).toEqual([2, 0]);
    const zone = {
      attributes: { 'function-zone': '1' },
      since: new Date(midnight + DAY).toISOString(),
    };
    expect((await admin.ask('PUT', '/devices/north-air/properties', zone)).statusCode).toBe(200);
    // 170 and 190 are above 160, the limit of class 1, which holds from the second day on.
    expect((await asked()).items.map(({ value }) => value)).toEqual([2, 2]);
    const opened = await admin.get<Opened>(
      `/figures/explain?figure=hours-above:air.o3&device=north-air&at=${iso(midnight + 30 * HOUR)}`,
    );
    expect(opened).toMatchObject({ value: 2, attributes: { 'function-zone': ['1'] } });
    expect(opened.standards).toHaveLength(1);
    expect(opened.inputs[0]).toMatchObject({ count: 2, expected: 24, valid: 2 });
  });

  it('say of which quantities no standard was looked up for the hour', async () => {
    const assumed = async (figure: string): Promise<number> =>
      (
        await admin.get<{ assumptions: unknown[] }>(
          `/figures/explain?figure=${figure}&device=north-air&at=${iso(midnight)}`,
        )
      ).assumptions.length;
    expect(await assumed('hourly-mean:air.o3')).toBe(0);
    for (const quantity of ['air.pm25', 'air.temperature'])
      expect(await assumed(`hourly-mean:${quantity}`)).toBe(1);
  });

  it('open to readings with their flags', async () => {
    const { inputs } = await admin.get<Opened>(
      `/figures/explain?figure=daily-mean:air.o3&device=north-air&at=${iso(midnight)}`,
    );
    expect(inputs[0]?.readings.map(({ quality }) => quality ?? 'good').slice(-2)).toEqual([
      'good',
      'calibration',
    ]);
    expect(inputs[0]?.measured).toEqual([
      { metric: 'o3', reportEvery: 3600, from: null, to: null },
    ]);
  });

  it('can be computed again by hand from what they open to, and from nothing else', async () => {
    interface ByHand {
      value: number | null;
      standards: { limits: { quantity: string; name: { en: string }; value: number }[] }[];
      attributes: Record<string, string[]>;
      inputs: {
        quantity: string;
        measured: { reportEvery: number }[];
        readings: { at: string; value: number; quality?: string }[];
      }[];
    }
    const opened = (figure: string, at: number) =>
      admin.get<ByHand>(`/figures/explain?figure=${figure}&device=north-air&at=${iso(at)}`);
    /** Means of the hours of which 45 minutes are there (GB 3095-2026 table 4), by hour. */
    const means = ({ inputs: [input] }: ByHand): number[] => {
      const { reportEvery } = input!.measured[0]!;
      const hours = Map.groupBy(
        input!.readings.filter(({ quality }) => quality === undefined),
        ({ at }) => at.slice(0, 13),
      );
      return [...hours.values()].flatMap((rows) => {
        const intervals = new Set(
          rows.map(({ at }) => Math.floor(Date.parse(at) / (reportEvery * 1000))),
        );
        if (intervals.size / (3600 / reportEvery) < 0.75) return [];
        return [rows.reduce((sum, { value }) => sum + value, 0) / rows.length];
      });
    };
    for (const day of [midnight, midnight + DAY]) {
      const daily = await opened('daily-mean:air.o3', day);
      const hourly = means(daily);
      const mean = hourly.reduce((sum, one) => sum + one, 0) / hourly.length;
      if (hourly.length < 20) expect(daily.value).toBeNull();
      else expect(daily.value).toBeCloseTo(mean, 9);
      const above = await opened('hours-above:air.o3', day);
      const kind = above.attributes['function-zone']?.[0] === '1' ? 'class 1' : 'class 2';
      const limit = above.standards[0]!.limits.find(
        ({ quantity, name }) => quantity === 'air.o3' && name.en.startsWith(kind),
      )!;
      expect(above.value).toBe(means(above).filter((one) => one > limit.value).length);
    }
  });

  it('are of nothing that lies ahead, and say of a span that goes on that it does', async () => {
    const now = test.timer.now();
    const { items } = await values('daily-mean:air.o3', now, now + 5 * DAY);
    expect(items.every(({ closed }) => closed === false)).toBe(true);
    expect(items.length).toBeLessThanOrEqual(1);
    const ahead = `/figures/explain?figure=daily-mean:air.o3&device=north-air&at=${iso(now + DAY)}`;
    expect((await admin.ask('GET', ahead)).statusCode).toBe(404);
  });

  it('refuse what there is not', async () => {
    const span = `from=${iso(midnight)}&to=${iso(midnight + DAY)}`;
    for (const [query, status, code] of [
      ['figure=no-such&device=north-air', 422, 'unknown-figure'],
      ['figure=hourly-mean:water.cod&device=north-air', 422, 'not-measured'],
      ['figure=hourly-mean:air.o3&device=nobody', 404, 'not-found'],
      ['figure=hourly-mean:air.o3&area=330522100000', 400, 'bad-request'],
      ['figure=hourly-mean:air.o3', 400, 'bad-request'],
    ] as const) {
      const answer = await admin.ask('GET', `/figures?${query}&${span}`);
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([status, code]);
    }
    const long = `from=${iso(midnight - 1_000 * DAY)}&to=${iso(midnight)}`;
    const answer = await admin.ask(
      'GET',
      `/figures?figure=hourly-mean:air.o3&device=north-air&${long}`,
    );
    expect(answer.json()).toMatchObject({ code: 'too-many-buckets' });
  });

  it('are stored once their day is over, and keep what they were when data comes late', async () => {
    test.timer.haste = 20;
    const day = midnight - 4 * DAY;
    const put = (hour: number) => post('south-air', [[(day - midnight) / HOUR + hour, 230]]);
    const item = async () =>
      (await values('hours-above:air.o3', day, day + DAY, 'south-air')).items[0];
    await put(3);
    expect(await item()).toMatchObject({ value: 1 });
    const computed = async () =>
      /village_figures_computed_total (\d+)/.exec(
        (await test.server.http.inject('/metrics')).body,
      )?.[1];
    test.timer.shift += 11_000;
    await until('the figure to be stored', async () => Number(await computed()) > 0);
    await put(4);
    // At once, whatever is stored.
    expect(await item()).toMatchObject({ value: 2 });
    test.timer.shift += 11_000;
    await until('what it was before', async () => (await item())?.['previous'] !== undefined);
    expect(await item()).toMatchObject({
      ...{ value: 2, previous: { value: 1, reasons: ['late-data'] } },
    });
    test.timer.haste = 1;
  });

  it('follow a correction at once, say so, and keep what they were; so with its undoing', async () => {
    const day = midnight - 10 * DAY;
    const item = async () =>
      (await values('hours-above:air.o3', day, day + DAY, 'south-air')).items[0];
    test.timer.haste = 20;
    const kept = async (count: number) =>
      until(`${count} results to have been others`, async () => {
        const asked = `/figures/explain?figure=hours-above:air.o3&device=south-air&at=${iso(day)}`;
        return (await admin.get<{ history: unknown[] }>(asked)).history.length === count;
      });
    await post('south-air', [[(day - midnight) / HOUR + 3, 230]]);
    test.timer.shift += 11_000;
    interface Tables {
      figure_day: { device: string; day: number; computed_at: number };
    }
    const stored = test.server.relational
      .for<Tables>('figures')
      .selectFrom('figure_day')
      .selectAll()
      .where('device', '=', 'south-air')
      .where('day', '=', dayOf(day));
    await until('the day to be stored', async () => (await stored.execute()).length > 0);
    const [first] = await stored.execute();
    const statement = {
      ...{ kind: 'offset', device: 'south-air', metric: 'o3', value: -50, reason: 'zero drift' },
      ...{ from: new Date(day).toISOString(), to: new Date(day + DAY).toISOString() },
    };
    const made = await admin.ask('POST', '/corrections', statement);
    expect(made.statusCode).toBe(201);
    const { id, state } = made.json<{ id: number; state: string }>();
    const second = await test.client('south');
    if (state === 'waiting') {
      expect(await item()).toMatchObject({ value: 1, corrections: [] });
      await second.ask('POST', `/corrections/${id}/approve`);
    }
    expect(await item()).toMatchObject({ value: 0, corrections: [id] });
    await kept(1);
    // Opened, each reading that was corrected says what was received.
    const opened = await admin.get<{ inputs: { readings: object[] }[] }>(
      `/figures/explain?figure=hours-above:air.o3&device=south-air&at=${iso(day)}`,
    );
    const at = formatTime(day + 3 * HOUR);
    const received = { device: 'south-air', at, value: 230, quality: 'good', corrections: [id] };
    expect(opened.inputs[0]?.readings).toEqual([{ at, value: 180, received }]);
    const previous = { value: 1, reasons: ['correction'] };
    expect(await item()).toMatchObject({ value: 0, corrections: [id], previous });
    // Told at once, and stored soon: what is taken back before that is no other result.
    await until('the corrected day to be stored', async () => {
      const [now] = await stored.execute();
      return now !== undefined && now.computed_at !== first?.computed_at;
    });
    await second.ask('POST', `/corrections/${id}/undo`, { why: 'was right' });
    expect(await item()).toMatchObject({ value: 1, corrections: [], previous: { value: 0 } });
    await kept(2);
    test.timer.haste = 1;
  });

  it('are cut to the area of who asks', async () => {
    const [clerk, south] = [await test.client('village'), await test.client('south')];
    const span = `from=${iso(midnight)}&to=${iso(midnight + DAY)}`;
    for (const path of [
      `/figures?figure=daily-mean:air.o3&device=north-air&${span}`,
      `/figures/explain?figure=daily-mean:air.o3&device=north-air&at=${iso(midnight)}`,
      '/figures/of?device=north-air',
    ]) {
      expect((await clerk.ask('GET', path)).statusCode).toBe(200);
      expect((await south.ask('GET', path)).statusCode).toBe(404);
    }
  });
});

it('an answer that would name more corrections than fit is refused, a shorter one names them all', async () => {
  const [from, to] = [midnight - 400 * DAY, midnight - 300 * DAY];
  const tables = test.server.relational.for<{
    correction_statement: Record<string, unknown>;
    correction_step: Record<string, unknown>;
  }>('corrections');
  const ids = Array.from({ length: 900 }, (_, n) => 100_001 + n);
  const deed = { by: 'script', at: from };
  const said = { device: 'south-air', metric: 'o3', reason: 'r', second: 0, state: 'active' };
  for (let n = 0; n < ids.length; n += 100) {
    const some = ids.slice(n, n + 100);
    const span = { from_at: from, to_at: to };
    await tables
      .insertInto('correction_statement')
      .values(some.map((id) => ({ ...said, ...deed, ...span, id, kind: 'offset', value: id })))
      .execute();
    await tables
      .insertInto('correction_step')
      .values(
        some.map((id) => ({ ...deed, statement: id, step: 'activated', number: id, noted: 1 })),
      )
      .execute();
  }
  const day = () => values('hourly-mean:air.o3', from, from + DAY, 'south-air');
  await until('all of the statements to hold', async () => {
    const { items } = await day();
    return (items[0]!['corrections'] as number[]).length === ids.length;
  });
  const { items } = await day();
  expect(items).toHaveLength(24);
  for (const { corrections } of items) expect(corrections).toEqual(ids);
  const address = `/figures?figure=hourly-mean:air.o3&device=south-air&from=${iso(from)}&to=${iso(to)}`;
  const refused = await admin.ask('GET', address);
  expect([refused.statusCode, refused.json().code]).toEqual([422, 'answer-too-large']);
});

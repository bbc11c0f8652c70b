/** Corrections from proposal to undoing over HTTP, on both databases: who may, what is refused, and what each view then says. */

import type { corrections, devices, readings } from '@village/api';
import { BEIJING_OFFSET_MS, DAY, formatTime, HOUR, MINUTE } from '@village/core';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Config } from '../../config/config.ts';
import {
  type Client,
  COUNTY,
  NORTH,
  NORTH_VILLAGE,
  SOUTH,
  SOUTH_VILLAGE,
  startCounty,
  startTest,
  type TestServer,
  until,
} from '../../testing.ts';

type Correction = corrections.Correction;
type Preview = corrections.CorrectionPreview;

const pick = (
  one: { readonly value: number | null; readonly completeness: number } | undefined,
): object => ({ value: one?.value, completeness: one?.completeness });

let number = 0;

// Each starts a whole server.
vi.setConfig({ testTimeout: 60_000 });

describe('SQLite', () => suite(() => Promise.resolve((config) => config)));

describe.skipIf(postgresFolder() === undefined)('PostgreSQL', () => {
  let server: TestPostgres;

  it('tells other processes, also when the line to them was lost', {
    timeout: 60_000,
  }, async () => {
    const name = `corrections_${number++}`;
    const client = new pg.Client(server.url('postgres'));
    await client.connect();
    await client.query(`create database ${name}`);
    const stored = (config: Config): Config => ({
      ...config,
      relational: { url: server.url(name) },
      corrections: { secondPersonAfterMs: 4_000 * DAY },
    });
    const first = await startCounty(stored);
    const second = await startTest(stored);
    try {
      const admin = await first.client('admin');
      const active = async (): Promise<string> =>
        /^village_corrections_active (\d+)$/m.exec(
          (await second.server.http.inject('/metrics')).body,
        )?.[1] as string;
      const propose = async (n: number): Promise<void> => {
        const response = await admin.ask('POST', '/corrections', {
          kind: 'invalid',
          device: 'north-air',
          from: formatTime(n * DAY),
          to: formatTime((n + 1) * DAY),
          reason: 'why',
        });
        expect(response.statusCode).toBe(201);
      };
      await propose(20_000);
      await until('it is told', async () => (await active()) === '1');
      // Every line of the second process but those in use is cut, and what is said then it can't hear.
      const cut = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = '${name}' and query ilike 'listen%'`,
      );
      expect(cut.rowCount).toBeGreaterThanOrEqual(4);
      await propose(20_001);
      await until('it has looked', async () => (await active()) === '2');
    } finally {
      await client.end();
      await second.close();
      await first.close();
    }
  });
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
  }, 60_000);
  afterAll(() => server.stop(), 60_000);
  suite(async () => {
    const name = `corrections_${number++}`;
    const client = new pg.Client(server.url('postgres'));
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return (config) => ({ ...config, relational: { url: server.url(name) } });
  });
});

function suite(database: () => Promise<(config: Config) => Config>): void {
  let test: TestServer | undefined;
  let admin: Client;
  let second: Client;
  let now: number;
  /** A whole hour, ten days ago. */
  let start: number;

  afterEach(async () => {
    await test?.close();
    test = undefined;
  });

  /** Nothing is old enough for a second person, unless a test wants the usual week. */
  const open = async (secondPersonAfterMs = 30 * DAY): Promise<TestServer> => {
    const stored = await database();
    test = await startCounty((config) => ({
      ...stored(config),
      corrections: { secondPersonAfterMs },
    }));
    admin = await test.client('admin');
    second = await test.client('north');
    now = test.timer.now();
    start = Math.floor((now - 10 * DAY) / HOUR) * HOUR;
    const posted = (device: string, metric: string, value: (n: number) => number) =>
      Array.from({ length: 24 }, (_, n) => ({
        device,
        at: formatTime(start + n * 10 * MINUTE),
        values: { [metric]: value(n) },
      }));
    const body = {
      readings: [
        ...posted('north-air', 'temperature', (n) => n),
        ...posted('south-air', 'temperature', (n) => 20 + n),
        ...posted('north-ph', 'ph', (n) => 7 + n / 100),
      ],
    };
    expect((await admin.ask('POST', '/readings', body)).statusCode).toBe(202);
    return test;
  };

  const at = (minutes: number): string => formatTime(start + minutes * MINUTE);
  const offset = (more: object = {}): object => ({
    kind: 'offset',
    device: 'north-air',
    metric: 'temperature',
    from: at(0),
    to: at(30),
    value: 0.5,
    reason: '探头偏低',
    ...more,
  });
  const asked = (client: Client, url: string, body?: object) => client.ask('POST', url, body ?? {});
  const refused = async (client: Client, url: string, body?: object): Promise<unknown> => {
    const response = await asked(client, url, body);
    const { code } = response.json() as { code: string };
    return [response.statusCode, code];
  };
  const propose = async (client: Client, body: object): Promise<Correction> => {
    const response = await asked(client, '/corrections', body);
    expect([response.statusCode, response.body]).toEqual([201, expect.anything()]);
    return response.json() as Correction;
  };
  const span = (): string => `from=${at(0)}&to=${at(240)}`;
  const temperatures = async (device: string, view = ''): Promise<number[]> => {
    const page = await admin.get<{ items: readings.RangeRow[] }>(
      `/readings?device=${device}&metric=temperature&${span()}${view}`,
    );
    return page.items.map(({ values }) => values['temperature']!);
  };

  it('hold at once, in every answer, and are undone exactly', async () => {
    const { server } = await open();
    const everything = async (): Promise<unknown[]> => [
      await temperatures('north-air'),
      await admin.get(
        `/aggregates?metric=air.temperature&area=${NORTH}&${span()}&every=1h&agg=sum,count,max`,
      ),
      await admin.get(`/completeness?device=north-air&${span()}`),
      await admin.get('/devices/north-air/latest'),
      (await admin.ask('GET', `/export?format=csv&device=north-air&${span()}`)).body
        .split('\n')
        .sort(),
    ];
    // What came late alone makes it offline, once its state is looked at again.
    await until('the state of the device', async () => {
      const { state } = await admin.get<devices.Latest>('/devices/north-air/latest');
      return state === 'offline';
    });
    const before = await everything();
    const made = await propose(admin, offset());
    expect(made).toMatchObject({ state: 'active', by: 'admin', secondPerson: false });
    expect((await temperatures('north-air')).slice(0, 4)).toEqual([0.5, 1.5, 2.5, 3]);
    expect((await temperatures('north-air', '&view=received')).slice(0, 4)).toEqual([0, 1, 2, 3]);
    const sums = await admin.get<readings.Aggregates>(
      `/aggregates?metric=air.temperature&area=${NORTH}&${span()}&every=1h&agg=sum`,
    );
    expect(sums.items[0]!.values).toEqual({ sum: 16.5 });
    const raw = await admin.get<readings.Aggregates>(
      `/aggregates?metric=air.temperature&area=${NORTH}&${span()}&every=1h&agg=sum&view=received`,
    );
    expect(raw.items[0]!.values).toEqual({ sum: 15 });
    const row = await admin.get<{ items: readings.RangeRow[] }>(
      `/readings?device=north-air&metric=temperature&from=${at(0)}&to=${at(1)}`,
    );
    expect(row.items[0]!.received).toEqual({
      temperature: {
        device: 'north-air',
        at: at(0),
        value: 0,
        quality: 'good',
        corrections: [made.id],
      },
    });
    const invalid = await propose(admin, {
      ...offset({ to: at(60) }),
      kind: 'invalid',
      value: null,
      metric: null,
    });
    const hours = await admin.get<readings.Completeness>(
      `/completeness?device=north-air&${span()}`,
    );
    // It reports once an hour.
    expect([hours.received, hours.valid]).toEqual([4, 3]);
    await propose(admin, offset({ from: at(230), to: at(240), value: 100 }));
    const latest = await admin.get<devices.Latest>('/devices/north-air/latest');
    expect(latest.values['temperature']!.value).toBe(123);
    // What was said of the last span stays; all else goes back.
    for (const { id } of [made, invalid])
      expect((await asked(admin, `/corrections/${id}/undo`, { why: '误填' })).statusCode).toBe(200);
    expect((await temperatures('north-air')).slice(0, 4)).toEqual([0, 1, 2, 3]);
    const { items } = await admin.get<{ items: Correction[] }>('/corrections?device=north-air');
    expect(items.map(({ state }) => state)).toEqual(['active', 'undone', 'undone']);
    await asked(admin, `/corrections/${items[0]!.id}/undo`);
    expect(await everything()).toEqual(before);
    const audit = await admin.get<{ items: { action: string }[] }>('/audit');
    const done = audit.items.map(({ action }) => action);
    expect(done.filter((action) => action === 'propose-correction')).toHaveLength(3);
    expect(done.filter((action) => action === 'undo-correction')).toHaveLength(3);
    expect(server.store.commitFault).toBeNull();
  });

  it('of evidence that is older than a week wait for a second person', async () => {
    await open(7 * DAY);
    const values = async (): Promise<number> => {
      const { items } = await admin.get<{ items: readings.RangeRow[] }>(
        `/readings?device=north-ph&metric=ph&from=${at(0)}&to=${at(1)}`,
      );
      return items[0]!.values['ph']!;
    };
    const body = offset({ device: 'north-ph', metric: 'ph', value: 1 });
    const made = await propose(admin, body);
    expect(made).toMatchObject({ state: 'waiting', secondPerson: true, activated: null });
    expect(await values()).toBe(7);
    expect(await refused(admin, `/corrections/${made.id}/approve`)).toEqual([403, 'second-person']);
    const approved = await asked(second, `/corrections/${made.id}/approve`);
    expect(approved.json()).toMatchObject({ state: 'active', activated: { by: 'north' } });
    expect(await values()).toBe(8);
    expect(await refused(second, `/corrections/${made.id}/approve`)).toEqual([409, 'not-waiting']);
    expect(await refused(admin, `/corrections/${made.id}/undo`)).toEqual([403, 'second-person']);
    expect((await asked(second, `/corrections/${made.id}/undo`)).statusCode).toBe(200);
    expect(await values()).toBe(7);
    expect(await refused(second, `/corrections/${made.id}/undo`)).toEqual([409, 'already-undone']);
    // One that waits is withdrawn by who proposed it, and can't be approved then.
    const other = await propose(admin, body);
    expect((await asked(admin, `/corrections/${other.id}/undo`)).json()).toMatchObject({
      state: 'withdrawn',
    });
    expect(await refused(second, `/corrections/${other.id}/approve`)).toEqual([409, 'not-waiting']);
    // A week is not over yet.
    const fresh = await propose(admin, {
      ...body,
      from: formatTime(now - DAY),
      to: formatTime(now),
    });
    expect(fresh.state).toBe('active');
  });

  it('need a second person wherever they reach, and to be undone once they are old', async () => {
    await open(7 * DAY);
    const recent = { from: formatTime(now - DAY), to: formatTime(now - HOUR), reason: '时钟' };
    const clock = { kind: 'shift-clock', device: 'north-ph', value: -30 * DAY, ...recent };
    const moved = await propose(admin, clock);
    expect(moved).toMatchObject({ state: 'waiting', secondPerson: true });
    expect((await asked(second, `/corrections/${moved.id}/approve`)).statusCode).toBe(200);
    // What is said of the same readings changes them where they are now.
    const offsetThere = { ...offset({ device: 'north-ph', metric: 'ph' }), ...recent };
    expect(await propose(admin, offsetThere)).toMatchObject({ state: 'waiting' });
    expect((await asked(second, `/corrections/${moved.id}/undo`)).statusCode).toBe(200);
    const alone = await propose(admin, { ...offsetThere, value: 2 });
    expect(alone).toMatchObject({ state: 'active', secondPerson: false });
    const recently = await propose(admin, { ...offsetThere, value: 3 });
    expect((await asked(admin, `/corrections/${recently.id}/undo`)).statusCode).toBe(200);
    test!.timer.shift += 10 * DAY;
    admin = await test!.client('admin');
    second = await test!.client('north');
    expect(await refused(admin, `/corrections/${alone.id}/undo`)).toEqual([403, 'second-person']);
    expect((await asked(second, `/corrections/${alone.id}/undo`)).statusCode).toBe(200);
  });

  it('are approved and undone only by who sees both devices', async () => {
    await open();
    const { id } = await propose(
      admin,
      offset({ kind: 'reassign', value: null, target: 'south-air' }),
    );
    expect(await refused(second, `/corrections/${id}/undo`)).toEqual([403, 'forbidden']);
    const south = await test!.client('south');
    expect(await refused(south, `/corrections/${id}/undo`)).toEqual([404, 'not-found']);
    expect((await asked(admin, `/corrections/${id}/undo`)).statusCode).toBe(200);
  });

  it('are refused, and no fault of the server, with texts and cursors that no database keeps', async () => {
    await open();
    const bad: [string, object | undefined][] = [
      ['/corrections', offset({ reason: 'a\0b' })],
      ['/corrections', offset({ reason: 'a\ud800b' })],
    ];
    for (const [url, body] of bad)
      expect(await refused(admin, url, body)).toEqual([422, 'bad-text']);
    const { id } = await propose(admin, offset());
    expect(await refused(admin, `/corrections/${id}/undo`, { why: '\0' })).toEqual([
      422,
      'bad-text',
    ]);
    const status = async (url: string): Promise<number> =>
      (await admin.ask('GET', `/corrections?${url}`)).statusCode;
    expect(await status('by=%00')).toBeLessThan(500);
    for (const place of ['1e300', '1.5', '-1e20'])
      expect(await status(`cursor=${Buffer.from(`[${place}]`).toString('base64url')}`)).toBe(400);
  });

  it('are refused when they contradict others, do not fit, or are not the asker’s to say', async () => {
    await open();
    const first = await propose(admin, offset());
    const again = await asked(admin, '/corrections', offset());
    expect([again.statusCode, again.json()]).toEqual([
      409,
      expect.objectContaining({
        code: 'contradicts',
        detail: expect.stringContaining(`${first.id}`),
      }),
    ]);
    await propose(admin, offset({ kind: 'accept', value: null }));
    const bad: [object, number, string][] = [
      [offset({ kind: 'invalid', value: null, metric: null, from: at(29) }), 409, 'contradicts'],
      [offset({ metric: 'nothing' }), 422, 'unknown-metric'],
      [offset({ value: null }), 422, 'bad-statement'],
      [offset({ kind: 'factor', value: 0 }), 422, 'bad-statement'],
      [offset({ to: at(0) }), 400, 'bad-time'],
      [offset({ from: '1990-01-01T00:00:00Z' }), 400, 'bad-time'],
      [offset({ reason: '  ' }), 422, 'bad-text'],
      [offset({ reason: undefined }), 400, 'invalid-request'],
      [offset({ kind: 'delete' }), 400, 'invalid-request'],
      [offset({ device: 'nobody' }), 404, 'not-found'],
      [offset({ kind: 'reassign', value: null, target: 'nobody' }), 404, 'not-found'],
      [offset({ kind: 'reassign', value: null, target: 'north-ph' }), 422, 'unequal-metrics'],
      [offset({ kind: 'shift-clock', value: 60_000 }), 422, 'bad-statement'],
    ];
    for (const [body, status, code] of bad)
      expect([body, await refused(admin, '/corrections', body)]).toEqual([body, [status, code]]);
    // Another township's device is not there; a clerk may look and say nothing.
    const south = await test!.client('south');
    expect(await refused(south, '/corrections', offset())).toEqual([404, 'not-found']);
    expect(await refused(south, `/corrections/${first.id}/undo`)).toEqual([404, 'not-found']);
    expect((await south.get<{ items: unknown[] }>('/corrections')).items).toEqual([]);
    const reassigned = offset({
      kind: 'reassign',
      value: null,
      device: 'south-air',
      target: 'north-air',
    });
    expect(await refused(south, '/corrections', reassigned)).toEqual([404, 'not-found']);
    const clerk = await test!.client('village');
    expect(await refused(clerk, '/corrections', offset())).toEqual([403, 'forbidden']);
    expect(await refused(clerk, `/corrections/${first.id}/approve`)).toEqual([403, 'forbidden']);
    expect((await clerk.get<{ items: unknown[] }>('/corrections')).items).toHaveLength(2);
    expect(await refused(admin, '/corrections/999/undo')).toEqual([404, 'not-found']);
    // No machine agrees to anything.
    const token = await asked(admin, '/tokens', { name: 'm', role: 'officer' });
    const response = await test!.server.http.inject({
      method: 'POST',
      url: `/api/v1/corrections/${first.id}/approve`,
      headers: { authorization: `Bearer ${(token.json() as { token: string }).token}` },
    });
    expect(response.statusCode).toBe(403);
  });

  it('move readings between devices and times, over ten years and all metrics too', async () => {
    await open(4_000 * DAY);
    await propose(
      admin,
      offset({ kind: 'reassign', value: null, target: 'south-air', to: at(20) }),
    );
    expect((await temperatures('north-air'))[0]).toBe(2);
    // South's own stay where both are.
    expect((await temperatures('south-air')).slice(0, 3)).toEqual([20, 21, 22]);
    await propose(admin, {
      kind: 'shift-clock',
      device: 'south-air',
      from: formatTime(start - 9 * 365 * DAY),
      to: formatTime(start + 365 * DAY),
      value: 240 * MINUTE,
      reason: 'clock',
    });
    // South's have made room.
    expect((await temperatures('south-air')).slice(0, 3)).toEqual([0, 1]);
    const later = await admin.get<{ items: readings.RangeRow[] }>(
      `/readings?device=south-air&from=${at(240)}&to=${at(260)}`,
    );
    expect(later.items.map(({ at: time, values }) => [time, values['temperature']])).toEqual([
      [at(240), 20],
      [at(250), 21],
    ]);
  });

  it('are previewed without holding: readings, hours and days before and after', async () => {
    await open(7 * DAY);
    const response = await asked(
      admin,
      '/corrections/preview',
      offset({ device: 'north-ph', metric: 'ph', value: 1 }),
    );
    const seen = response.json() as corrections.CorrectionPreview;
    expect(seen).toMatchObject({
      secondPerson: true,
      contradicts: null,
      changed: 3,
      complete: true,
      reports: [],
    });
    // Six readings of the hour are all there are: its mean rises by half of them, and the day's has too few hours.
    const mean = seen.figures.find((one) => one.figure.startsWith('hourly-mean:'));
    expect(mean).toMatchObject({ device: 'north-ph', at: at(0) });
    expect(mean!.after! - mean!.before!).toBeCloseTo(0.5, 9);
    expect(seen.samples[0]).toEqual({
      device: 'north-ph',
      metric: 'ph',
      at: at(0),
      before: { value: 7, quality: 'good' },
      after: { value: 8, quality: 'good' },
    });
    const [hour] = seen.hours;
    expect(seen.hours).toHaveLength(1);
    expect(hour!.at).toBe(at(0));
    expect(hour!.before!['count']).toBe(6);
    expect(hour!.after!['avg']! - hour!.before!['avg']!).toBeCloseTo(0.5, 9);
    const day = Math.floor((start + BEIJING_OFFSET_MS) / DAY) * DAY - BEIJING_OFFSET_MS;
    expect(seen.days.map((one) => one.at)).toEqual([formatTime(day)]);
    expect((await admin.get<{ items: unknown[] }>('/corrections')).items).toEqual([]);
    const first = await propose(admin, offset());
    const again = await asked(admin, '/corrections/preview', offset());
    expect(again.json()).toMatchObject({ contradicts: first.id });
    // Nothing is there yet.
    const future = { from: formatTime(now + DAY), to: formatTime(now + 2 * DAY) };
    expect((await asked(admin, '/corrections/preview', offset(future))).json()).toMatchObject({
      changed: 0,
    });
  });

  it('are previewed with the figures of areas, which then become what was told', {
    timeout: 90_000,
  }, async () => {
    await open();
    const hourly = (device: string, o3: number, hours: number) =>
      Array.from({ length: hours }, (_, n) => ({
        device,
        at: formatTime(midnight + n * HOUR),
        values: { o3: n < 3 ? 2 * o3 : o3 },
      }));
    const midnight = Math.floor((start + BEIJING_OFFSET_MS) / DAY) * DAY - BEIJING_OFFSET_MS;
    const readings = [...hourly('north-air', 100, 24), ...hourly('south-air', 150, 20)];
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
    interface Item {
      at: string;
      value: number | null;
      completeness: number;
    }
    const figures = [
      'area-hourly-mean:air.o3',
      'area-daily-mean:air.o3',
      'area-hours-above:air.o3',
    ];
    const areas = [COUNTY, NORTH, NORTH_VILLAGE, SOUTH, SOUTH_VILLAGE];
    const all = async (): Promise<Map<string, Item>> => {
      const found = new Map<string, Item>();
      const days = `from=${formatTime(midnight - DAY)}&to=${formatTime(midnight + 2 * DAY)}`;
      for (const figure of figures)
        for (const area of areas) {
          const { items } = await admin.get<{ items: Item[] }>(
            `/figures?figure=${figure}&area=${area}&${days}`,
          );
          for (const one of items) found.set(`${figure} ${area} ${one.at}`, one);
        }
      return found;
    };
    const hour = (n: number): string => formatTime(midnight + n * HOUR);
    const o3 = {
      device: 'north-air',
      metric: 'o3',
      from: hour(1),
      to: hour(3),
      reason: '零点漂移',
    };
    for (const [said, least] of [
      // Two hours and the day, of the village, its township and the county.
      [{ ...o3, kind: 'offset', value: -60 }, 9],
      // An hour alone in a day of too few.
      [{ ...o3, kind: 'invalid', from: hour(0), to: hour(8) }, 24],
      // The station at the other place as well.
      [
        {
          ...o3,
          kind: 'reassign',
          metric: null,
          from: hour(20),
          to: hour(24),
          target: 'south-air',
        },
        16,
      ],
      [
        {
          ...o3,
          kind: 'shift-clock',
          metric: null,
          value: 25 * HOUR,
          from: hour(12),
          to: hour(15),
        },
        12,
      ],
    ] as const) {
      const before = await all();
      const seen = (await asked(admin, '/corrections/preview', said)).json() as Preview;
      expect(seen).toMatchObject({
        more: { hours: 0, days: 0, figures: 0, areas: 0 },
        unseen: { days: 0, areas: 0 },
      });
      await propose(admin, said);
      const after = await all();
      const told = seen.areas.filter(({ figure }) => figures.includes(figure));
      const differing = [...before]
        .filter(([key, { value, completeness }]) => {
          const other = after.get(key);
          return other?.value !== value || other.completeness !== completeness;
        })
        .map(([key]) => key);
      expect(told.map((one) => `${one.figure} ${one.area.code} ${one.at}`)).toEqual(
        expect.arrayContaining(differing),
      );
      expect(differing.length).toBeGreaterThanOrEqual(least);
      for (const one of told) {
        const key = `${one.figure} ${one.area.code} ${one.at}`;
        expect([key, one.before]).toMatchObject([key, pick(before.get(key))]);
        expect([key, one.after]).toMatchObject([key, pick(after.get(key))]);
      }
      const titles = new Map(seen.definitions.map(({ figure, title }) => [figure, title.zh]));
      expect(told.every(({ figure }) => titles.has(figure))).toBe(true);
    }
    // The verdict first, then days.
    const seen = (
      await asked(admin, '/corrections/preview', {
        ...o3,
        kind: 'factor',
        value: 5,
        from: hour(8),
        to: hour(12),
      })
    ).json() as Preview;
    const kinds = seen.areas.map(({ figure }) => figures.indexOf(figure));
    expect(kinds.filter((n) => n === 2).length).toBeGreaterThan(0);
    expect(kinds).toEqual([...kinds].sort((a, b) => b - a));
  });

  it('tell nobody in a preview of devices and areas that are not theirs to see', async () => {
    await open();
    const readings = [{ device: 'north-air', at: at(0), values: { o3: 100 } }];
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
    const north = { device: 'north-air', from: at(0), to: at(60), reason: '换错了' };
    const moved = { ...north, kind: 'reassign', target: 'south-air' };
    await propose(admin, moved);
    const seen = async (client: Client): Promise<Preview> =>
      (
        await asked(client, '/corrections/preview', {
          ...{ ...north, kind: 'offset', metric: 'o3', value: 100 },
        })
      ).json() as Preview;
    const devices = ({ samples, figures }: Preview): unknown[] =>
      [...new Set([...samples, ...figures].map(({ device }) => device))].sort();
    const codes = ({ areas }: Preview): string[] =>
      [...new Set(areas.map(({ area }) => area.code))].sort();
    // It meets what another said: its readings are the south's.
    const whole = await seen(admin);
    expect([devices(whole), codes(whole)]).toEqual([
      ['south-air'],
      [COUNTY, SOUTH, SOUTH_VILLAGE].sort(),
    ]);
    const own = await seen(second);
    expect([devices(own), codes(own)]).toEqual([[], []]);
  });

  it('meet what comes later, is flushed and is compacted, and outlive a restart', async () => {
    let { server } = await open();
    await propose(admin, offset({ to: formatTime(now + DAY), value: 100 }));
    const late = { readings: [{ device: 'north-air', at: at(5), values: { temperature: 1 } }] };
    await admin.ask('POST', '/readings', late);
    const expected = (await temperatures('north-air', '&view=received')).map(
      (value) => value + 100,
    );
    expect(expected).toHaveLength(25);
    expect(await temperatures('north-air')).toEqual(expected);
    await server.store.flush();
    expect(await temperatures('north-air')).toEqual(expected);
    await server.store.compact(now + 40 * DAY);
    expect(await temperatures('north-air')).toEqual(expected);
    test = await test!.restart();
    ({ server } = test);
    admin = await test.client('admin');
    expect(await temperatures('north-air')).toEqual(expected);
  });

  it('are listed by device, area, person and state, page by page', async () => {
    await open();
    await propose(admin, offset());
    await propose(second, offset({ from: at(60), to: at(90) }));
    await propose(admin, offset({ device: 'south-air' }));
    const last = await propose(admin, offset({ device: 'north-ph', metric: 'ph' }));
    await asked(admin, `/corrections/${last.id}/undo`);
    const listed = async (query: string): Promise<[string, string, string][]> => {
      const found: [string, string, string][] = [];
      for (let cursor = ''; ; ) {
        const page = await admin.get<{ items: Correction[]; next: string | null }>(
          `/corrections?limit=1${query}${cursor}`,
        );
        found.push(
          ...page.items.map(({ device, by, state }): [string, string, string] => [
            device,
            by,
            state,
          ]),
        );
        if (page.next === null) return found;
        cursor = `&cursor=${page.next}`;
      }
    };
    const all: [string, string, string][] = [
      ['north-ph', 'admin', 'undone'],
      ['south-air', 'admin', 'active'],
      ['north-air', 'north', 'active'],
      ['north-air', 'admin', 'active'],
    ];
    expect(await listed('')).toEqual(all);
    expect(await listed('&device=north-air')).toEqual(all.slice(2));
    expect(await listed('&by=north')).toEqual(all.slice(2, 3));
    expect(await listed(`&area=${NORTH}`)).toEqual([all[0], ...all.slice(2)]);
    expect(await listed('&state=undone')).toEqual(all.slice(0, 1));
    expect(await listed('&state=waiting')).toEqual([]);
  });
}

/**
 * A store under random steps, held against a plain model: rows of any age and order, repeated and changed, flushes,
 * compactions, deaths of the query thread, restarts, crashes, backups and retention. Every answer is compared.
 */
import { cpSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import {
  BEIJING_OFFSET_MS,
  DAY,
  type DeviceEvent,
  HOUR,
  MINUTE,
  OperationalError,
  QUALITIES,
  type Quality,
  seededRandom,
  systemTimer,
  type Timer,
} from '@village/core';
import { expect } from 'vitest';
import type { Aggregate, AggregateQuery, RangeRow } from '../../archive/contract.ts';
import { Oracle, putRow, type TestRow } from '../../archive/oracle.ts';
import { type JournalPlace, ROW_FLAG } from '../../journal/contract.ts';
import type { TimeSeriesStore } from '../contract.ts';
import { openTimeSeries } from '../open.ts';

const NOON = Date.UTC(2026, 2, 10, 4);
const COUNTY = '330522000000';
const TOWNSHIPS = ['330522100000', '330522101000', null];
const DEVICES_EACH = 5;
const MERGED: readonly Aggregate[] = ['count', 'min', 'max'];
const SINGLE: readonly Aggregate[] = ['count', 'min', 'max', 'first', 'last'];

/** What is known of a profile: its metrics grow, its devices stand in townships by turns. */
interface ProfileModel {
  readonly profile: string;
  readonly metrics: string[];
  readonly devices: readonly string[];
  readonly oracle: Oracle;
  readonly rows: TestRow[];
}

type Pending =
  | { readonly of: ProfileModel; readonly row: TestRow }
  | { readonly event: DeviceEvent };

/** How often each step was made and each kind of answer compared. */
export type FuzzCounts = Record<string, number>;

const refused = (error: unknown): boolean => error instanceof OperationalError && error.retry;

/** One run from a seed. */
export class StoreFuzz {
  readonly counts: FuzzCounts = {};
  readonly #random: () => number;
  readonly #folders: string[] = [];
  readonly #workers: Worker[] = [];
  readonly #profiles: ProfileModel[];
  readonly #events = new Map<string, DeviceEvent>();
  /** By device and hour, the group that touched it last; of this journal. */
  #touched = new Map<string, number>();
  #pending: Pending[] = [];
  #folder = '';
  #store!: TimeSeriesStore;
  #clock = NOON;
  /** What lies before may be gone. */
  #retained = Number.NEGATIVE_INFINITY;
  /** Pauses are short, so that a thread that ended is soon back. */
  readonly #timer: Timer = {
    ...systemTimer,
    now: () => this.#clock,
    sleep: (ms, signal) => systemTimer.sleep(Math.min(ms, 50), signal),
  };
  readonly #note = (worker: Worker): void => {
    this.#workers.push(worker);
  };

  constructor(seed: string) {
    this.#random = seededRandom(seed);
    this.#profiles = ['acme/station', 'acme/wide', 'acme/one'].map((profile, n) => ({
      profile,
      metrics: Array.from({ length: [3, 14, 1][n]! }, (_, metric) => `m${metric}`),
      devices: Array.from({ length: DEVICES_EACH }, (_, device) => `${profile}-${device}`),
      oracle: new Oracle(),
      rows: [],
    }));
  }

  #int(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#int(list.length)]!;
  }

  #count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  async #newFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'village-fuzz-'));
    this.#folders.push(folder);
    return folder;
  }

  async #open(folder: string): Promise<TimeSeriesStore> {
    const store = await openTimeSeries({
      folder,
      timer: this.#timer,
      diskReserveBytes: 0,
      tickMs: Number.POSITIVE_INFINITY,
      flushRows: 40_000,
    });
    store.locate(
      new Map(
        this.#profiles.flatMap(({ devices }) =>
          devices.map((device, n) => [
            device,
            { county: COUNTY, township: TOWNSHIPS[n % TOWNSHIPS.length]!, village: null },
          ]),
        ),
      ),
    );
    return store;
  }

  /** Makes so many steps, and compares everything at the end. */
  async run(steps: number): Promise<void> {
    process.on('worker', this.#note);
    try {
      this.#folder = await this.#newFolder();
      this.#store = await this.#open(this.#folder);
      for (let step = 0; step < steps; step++) await this.#step();
      await this.#commit();
      await this.#compareAll();
    } finally {
      process.off('worker', this.#note);
      await this.#store?.close().catch(() => undefined);
      for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
    }
  }

  async #step(): Promise<void> {
    this.#count('steps');
    this.#clock += this.#int(20) * MINUTE;
    const dice = this.#random();
    if (dice < 0.4) return this.#append(1 + this.#int(40));
    if (dice < 0.42) return this.#append(2_000 + this.#int(4_000));
    if (dice < 0.48) return this.#addEvent();
    if (dice < 0.55) return this.#commit();
    if (dice < 0.8) return this.#compare();
    if (dice < 0.86) return this.#maintain('flush');
    if (dice < 0.89) return this.#maintain('compact');
    if (dice < 0.92) return this.#failAmong();
    if (dice < 0.94) return this.#reopen();
    if (dice < 0.96) return this.#crash();
    if (dice < 0.97) return this.#restoreBackup();
    if (dice < 0.975) return this.#retain();
    if (dice < 0.98) return this.#moreMetrics();
    if (dice < 0.985) this.#clock -= HOUR;
    else this.#clock += this.#int(3) * DAY;
  }

  #moreMetrics(): void {
    this.#count('metrics added');
    const { metrics } = this.#pick(this.#profiles);
    for (let n = 1 + this.#int(3); n > 0; n--) metrics.push(`m${metrics.length}`);
  }

  #time(): number {
    const dice = this.#random();
    if (dice < 0.6) return this.#clock - this.#int(10) * MINUTE;
    if (dice < 0.8) return this.#clock - this.#int(60) * HOUR;
    // Of few months, since each of them is a file with every flush.
    if (dice < 0.82) return this.#clock - this.#pick([20, 35, 400]) * DAY;
    if (dice < 0.822) return Date.UTC(this.#pick([2000, 2080]), 0, 1) + this.#int(1_000);
    return this.#clock + this.#int(3) * HOUR;
  }

  #row(of: ProfileModel): TestRow {
    if (of.rows.length > 0 && this.#random() < 0.2) {
      const known = this.#pick(of.rows);
      if (this.#random() < 0.5) return known;
      return { ...this.#freshRow(of), device: known.device, at: known.at };
    }
    return this.#freshRow(of);
  }

  #freshRow({ metrics, devices }: ProfileModel): TestRow {
    const values: Record<string, number> = {};
    const quality: Record<string, Quality> = {};
    for (const metric of metrics) {
      if (this.#random() < 0.4) continue;
      values[metric] = metric === 'm0' ? this.#int(4_000) / 8 : this.#value();
      if (this.#random() < 0.15) quality[metric] = this.#pick(QUALITIES);
    }
    const at = this.#time();
    return {
      device: this.#pick(devices),
      at,
      receivedAt: at + this.#int(100_000_000) - 1_000,
      flags: this.#pick([0, 0, ROW_FLAG.backfill, ROW_FLAG.clockReplaced]),
      values,
      quality,
    };
  }

  #value(): number {
    return this.#pick([
      0,
      1,
      -1.5,
      1e300,
      -1e-300,
      2 ** 53,
      Math.fround(this.#random()),
      this.#random() * 1e6,
    ]);
  }

  #append(count: number): void {
    this.#count('rows', count);
    const of = this.#pick(this.#profiles);
    for (let n = 0; n < count; n++) {
      const row = this.#row(of);
      putRow(this.#store, of.profile, of.metrics, row);
      this.#pending.push({ of, row });
    }
  }

  #addEvent(): void {
    this.#count('events');
    const at = this.#time();
    const event = {
      device: this.#pick(this.#pick(this.#profiles).devices),
      at,
      receivedAt: at + this.#int(1_000),
      type: this.#pick(['alarm', "o'clock"]),
      detail: { n: this.#int(3), text: 'é"\n'.repeat(this.#int(3)) },
    };
    const sent =
      this.#events.size > 0 && this.#random() < 0.3
        ? { ...this.#pick([...this.#events.values()]), receivedAt: at + 5 }
        : event;
    this.#store.event(sent, 'live');
    this.#pending.push({ event: sent });
  }

  /** What was put in is durable: the model takes it. */
  #taken(group: number): void {
    for (const one of this.#pending.splice(0)) {
      if ('row' in one) {
        one.of.oracle.put(one.row);
        if (one.of.rows.length < 5_000) one.of.rows.push(one.row);
        else one.of.rows[this.#int(5_000)] = one.row;
        const hour = Math.floor(one.row.at / HOUR);
        this.#touched.set(`${one.row.device} ${hour}`, group);
        continue;
      }
      const { device, at, type, detail, receivedAt } = one.event;
      const key = JSON.stringify([at, device, type, detail]);
      const known = this.#events.get(key);
      if (known === undefined || receivedAt < known.receivedAt) this.#events.set(key, one.event);
    }
  }

  async #commit(): Promise<void> {
    this.#count('commits');
    await this.#store.commitNow();
    this.#taken(this.#store.head);
  }

  async #maintain(how: 'flush' | 'compact'): Promise<void> {
    this.#count(how);
    await this.#commit();
    const now = this.#clock + this.#pick([0, 0, 2 * DAY, 40 * DAY]);
    const work = how === 'flush' ? this.#store.flush() : this.#store.compact(now);
    const died = this.#random() < 0.15;
    if (died) this.#fail();
    await this.#beside(how, work);
  }

  /** Waits for a piece of work and compares answers meanwhile. Returns whether the work was done, not refused. */
  async #beside(what: string, work: Promise<unknown>): Promise<boolean> {
    const [done, compared] = await Promise.allSettled([work, this.#compare()]);
    if (compared.status === 'rejected') throw compared.reason;
    if (done.status === 'fulfilled') return true;
    if (!refused(done.reason)) throw done.reason;
    this.#count(`${what} refused`);
    return false;
  }

  /** Makes the query thread fail as it does when it can't append. */
  #fail(): void {
    this.#count('failures of the query thread');
    const rows = new Float64Array(4);
    const table = 'a table that was never made';
    this.#workers.at(-1)!.postMessage({ kind: 'append', table, rows, count: 1, number: 1e12 });
  }

  /** The thread ends in the middle of queries: each fails or is right. */
  async #failAmong(): Promise<void> {
    await this.#commit();
    const answers = Array.from({ length: 4 }, () => this.#compare());
    await systemTimer.sleep(this.#int(4));
    this.#fail();
    await Promise.all(answers);
  }

  async #reopen(): Promise<void> {
    this.#count('reopened');
    await this.#store.close();
    this.#store = await this.#open(this.#folder);
    this.#taken(this.#store.head);
  }

  /** Goes on from the files as they are at this moment; what was not committed is gone. */
  async #crash(): Promise<void> {
    this.#count('crashes');
    const before = this.#store;
    const working = this.#random() < 0.5 ? before.flush() : before.compact(this.#clock);
    working.catch(() => undefined);
    await systemTimer.sleep(this.#int(20));
    if (this.#random() < 0.5) await this.#commit();
    else await before.commitNow().then(() => this.#taken(before.head));
    const folder = await this.#newFolder();
    cpSync(this.#folder, folder, { recursive: true });
    await before.close();
    await rm(this.#folder, { recursive: true, force: true });
    this.#folder = folder;
    this.#store = await this.#open(folder);
    await this.#compare();
  }

  async #restoreBackup(): Promise<void> {
    this.#count('backups');
    await this.#commit();
    const folder = join(await this.#newFolder(), 'copy');
    if (!(await this.#beside('backup', this.#store.backup(folder)))) return;
    await this.#store.close();
    await rm(this.#folder, { recursive: true, force: true });
    this.#folder = folder;
    this.#store = await this.#open(folder);
    this.#touched = new Map();
    await this.#compare();
  }

  async #retain(): Promise<void> {
    this.#count('retentions');
    const before = this.#clock - this.#int(300) * DAY;
    await this.#commit();
    this.#retained = Math.max(this.#retained, before);
    await this.#beside('retention', this.#store.retain(before));
  }

  /** Asks one thing and compares it; an answer may be refused, but not be wrong. */
  async #compare(): Promise<void> {
    const kind = this.#pick(KINDS);
    const store = this.#store;
    if (this.#pending.length > 0 && this.#random() < 0.5) await this.#commit();
    try {
      await this.#ask(store, kind);
      this.#count(`${kind} compared`);
    } catch (error) {
      if (!refused(error)) throw error;
      this.#count(`${kind} refused`);
      if (this.#random() < 0.5) await this.#answersAgain(store);
    }
  }

  /** Waits until the query thread is back. */
  async #answersAgain(store: TimeSeriesStore): Promise<void> {
    const asked = (): Promise<unknown> =>
      store.events({ from: 0, to: 1, limit: 1 }).catch((error: OperationalError) => error.message);
    await expect.poll(asked, { timeout: 60_000, interval: 20 }).toEqual([]);
  }

  async #compareAll(): Promise<void> {
    await this.#answersAgain(this.#store);
    for (let n = 0; n < 40; n++) await this.#ask(this.#store, this.#pick(KINDS));
  }

  #span(): { from: number; to: number } {
    const from = this.#pick([
      NOON - 5 * DAY,
      this.#clock - this.#int(100) * HOUR - this.#int(HOUR),
      this.#clock - this.#int(500) * DAY,
      0,
    ]);
    const to = this.#pick([this.#clock, this.#clock + DAY, from + this.#int(3 * DAY), 4e12]);
    const least = Math.max(from, this.#retained);
    return { from: least, to: Math.max(to, least + 1) };
  }

  #ask(store: TimeSeriesStore, kind: (typeof KINDS)[number]): Promise<void> {
    switch (kind) {
      case 'range':
        return this.#askRange(store);
      case 'many':
        return this.#askMany(store);
      case 'aggregate':
        return this.#askAggregate(store);
      case 'completeness':
        return this.#askCompleteness(store);
      case 'events':
        return this.#askEvents(store);
      case 'export':
        return this.#askExport(store);
      case 'touched':
        return this.#askTouched(store);
    }
  }

  async #askRange(store: TimeSeriesStore): Promise<void> {
    const { oracle, devices } = this.#pick(this.#profiles);
    const device = this.#pick(devices);
    const span = this.#span();
    const limit = this.#pick([7, 100_000]);
    const expected = oracle.range(device, span.from, span.to).slice(0, limit);
    expect(await store.range({ device, ...span, limit })).toEqual(expected);
  }

  async #askMany(store: TimeSeriesStore): Promise<void> {
    const all = this.#profiles.flatMap(({ oracle, devices }) =>
      devices.map((device) => ({ device, oracle })),
    );
    const asked = Array.from({ length: 1 + this.#int(8) }, () => ({
      ...this.#pick(all),
      ...this.#span(),
    }));
    const found = new Map<string, RangeRow[]>();
    for await (const { device, rows } of store.rangeMany({ spans: asked }))
      found.set(device, [...(found.get(device) ?? []), ...rows]);
    for (const [device, spans] of Map.groupBy(asked, (one) => one.device)) {
      const expected = spans[0]!.oracle
        .range(device, 0, 4e12)
        .filter(({ at }) => spans.some(({ from, to }) => at >= from && at < to));
      expect(found.get(device) ?? []).toEqual(expected);
    }
  }

  async #askAggregate(store: TimeSeriesStore): Promise<void> {
    const { profile, metrics, oracle, devices } = this.#pick(this.#profiles);
    const metric = this.#pick(metrics);
    const device = this.#random() < 0.4 ? this.#pick(devices) : undefined;
    const { from, to } = this.#span();
    const everyMs = this.#pick([HOUR, DAY, 90 * MINUTE, 30 * DAY]);
    if ((to - from) / everyMs > 500_000) return;
    const groupBy =
      device === undefined ? this.#pick(['none', 'township', 'device'] as const) : 'none';
    const aggregates = this.#random() < 0.5 ? MERGED : SINGLE;
    const asked: AggregateQuery = {
      columns: [{ profile, metric }],
      ...(device === undefined ? { area: COUNTY } : { device }),
      from,
      to,
      everyMs,
      offsetMs: BEIJING_OFFSET_MS,
      aggregates,
      groupBy,
    };
    const group = (one: string): string | null | undefined => {
      if (device !== undefined && one !== device) return undefined;
      if (groupBy === 'device') return one;
      return groupBy === 'township' ? TOWNSHIPS[devices.indexOf(one) % TOWNSHIPS.length]! : null;
    };
    const expected = oracle
      .aggregate({ metric, from, to, everyMs, offsetMs: BEIJING_OFFSET_MS, group })
      .map((row) => ({
        ...row,
        values: Object.fromEntries(aggregates.map((name) => [name, row.values[name]])),
      }));
    expect(await store.aggregate(asked)).toEqual(expected);
  }

  async #askCompleteness(store: TimeSeriesStore): Promise<void> {
    if (this.#retained > Number.NEGATIVE_INFINITY) return this.#askRange(store);
    const { oracle, devices } = this.#pick(this.#profiles);
    const device = this.#pick(devices);
    const to = this.#clock;
    const from = to - (1 + this.#int(200)) * HOUR - this.#int(HOUR);
    const every = this.#pick([5 * MINUTE, HOUR, 100 * MINUTE]);
    const expected = oracle.completeness(device, from, to, every);
    expect(await store.completeness({ device, from, to, reportEveryMs: every })).toEqual(expected);
  }

  async #askEvents(store: TimeSeriesStore): Promise<void> {
    const span = this.#span();
    const limit = this.#pick([3, 20, 100_000]);
    const keyOf = ({ at, device, type, detail }: DeviceEvent): string[] => [
      String(at).padStart(14, '0'),
      device,
      type,
      JSON.stringify(detail),
    ];
    const order = (one: DeviceEvent, other: DeviceEvent): number => {
      const [a, b] = [keyOf(one), keyOf(other)];
      const n = a.findIndex((text, i) => text !== b[i]);
      return n < 0 ? 0 : a[n]! < b[n]! ? -1 : 1;
    };
    const expected = [...this.#events.values()]
      .filter(({ at }) => at >= span.from && at < span.to)
      .sort(order)
      .slice(0, limit);
    expect(await store.events({ ...span, limit })).toEqual(expected);
  }

  async #askExport(store: TimeSeriesStore): Promise<void> {
    const { oracle, devices, profile } = this.#pick(this.#profiles);
    const asked = devices.slice(0, 1 + this.#int(devices.length));
    const span = this.#span();
    const path = join(this.#folders.at(-1)!, 'export.csv');
    const expected = asked.flatMap((device) =>
      oracle
        .range(device, span.from, span.to)
        .flatMap(({ at, values, quality, lane }) =>
          Object.entries(values).map(([metric, value]) =>
            [
              device,
              metric,
              new Date(at).toISOString(),
              value,
              quality[metric] ?? 'good',
              lane,
            ].join(),
          ),
        ),
    );
    const { rows } = await store.exportTo(path, 'csv', { devices: asked, ...span });
    const [, ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(rows, profile).toBe(expected.length);
    const found = lines.map((line) => {
      const [device, metric, at, value, quality, lane] = line.split(',');
      return [device, metric, at, Number(value), quality, lane].join();
    });
    expect(found.sort()).toEqual(expected.sort());
  }

  async #askTouched(store: TimeSeriesStore): Promise<void> {
    const group = this.#int(store.head + 1);
    const expected = [...this.#touched].filter(([, at]) => at > group).map(([key]) => key);
    const found: string[] = [];
    let cursor: JournalPlace = { journal: store.id, group };
    let complete = true;
    for (let more = true; more; ) {
      const told = store.touched(cursor, 1 + this.#int(500));
      found.push(...told.hours.map(({ device, hour }) => `${device} ${hour}`));
      cursor = told.cursor;
      more = told.more;
      complete &&= told.complete;
    }
    this.#count(complete ? 'touched complete' : 'touched in part');
    if (complete) expect(found.sort()).toEqual(expect.arrayContaining(expected));
  }
}

const KINDS = [
  'range',
  'many',
  'aggregate',
  'completeness',
  'events',
  'export',
  'touched',
] as const;

/** The embedded time-series store: the contract's methods, each a short call into the file that does the work. */
import type { DeviceEvent, Lane } from '@village/core';
import { OperationalError } from '@village/core';
import { Writer } from '../../journal/writer.ts';
import type {
  AggregateQuery,
  AggregateRow,
  Completeness,
  CompletenessQuery,
  DeadLetter,
  DeviceLocation,
  LatestValue,
  Layout,
  RangeQuery,
  RangeRow,
  SequenceState,
  StoreCounters,
  StoredDeadLetter,
  TimeSeriesStore,
} from '../contract.ts';
import type { EmbeddedArchive } from './archive.ts';
import { backupTo, compact, retain } from './files/compaction.ts';
import { flush, rotate, writeDictionary } from './files/flush.ts';
import { refreshRollups } from './files/rollup.ts';
import { aggregate } from './query/aggregate.ts';
import { completeness } from './query/completeness.ts';
import { events } from './query/events.ts';
import { type ExportQuery, exportTo } from './query/export.ts';
import { range } from './query/range.ts';

/** After a flush that failed, ms until the next by itself. */
const FLUSH_RETRY_MS = 30_000;
/** How often the age of the open generation is looked at, at most, ms. */
const FLUSH_CHECK_MS_MIN = 1_000;

/** An open embedded store. */
export class EmbeddedStore implements TimeSeriesStore {
  readonly #archive: EmbeddedArchive;
  readonly #writer: Writer;
  readonly #stop = new AbortController();
  readonly #ticking: Promise<void>;
  #flushing = false;
  #flushNotBefore = Number.NEGATIVE_INFINITY;
  #dictionaryDevices = -1;
  #closing: Promise<void> | null = null;

  constructor(archive: EmbeddedArchive) {
    this.#archive = archive;
    this.#writer = new Writer(archive, () => this.#flushWhenFull());
    this.#ticking = this.#tick();
  }

  layout(profile: string, metrics: readonly string[]): Layout {
    return this.#writer.layout(profile, metrics);
  }

  device(id: string, layout: Layout): number {
    return this.#writer.device(id, layout);
  }

  reserve(layout: Layout, device: number, at: number, receivedAt: number, flags: number): number {
    return this.#writer.reserve(layout, device, at, receivedAt, flags);
  }

  unreserve(layout: Layout): void {
    this.#writer.unreserve(layout);
  }

  event(event: DeviceEvent, lane: Lane): void {
    this.#writer.event(event, lane);
  }

  sequence(gateway: string, epoch: string, seq: number): void {
    this.#writer.sequence(gateway, epoch, seq);
  }

  sequenceDropped(
    gateway: string,
    epoch: string,
    ranges: readonly (readonly [number, number])[],
  ): void {
    this.#writer.sequenceDropped(gateway, epoch, ranges);
  }

  deadLetter(entry: DeadLetter): void {
    this.#writer.deadLetter(entry);
  }

  settle(done: () => void): void {
    this.#writer.settle(done);
  }

  get rowsPending(): number {
    return this.#writer.rowsPending;
  }

  get commitFault(): Error | null {
    return this.#writer.commitFault;
  }

  commitNow(): Promise<void> {
    return this.#writer.commitNow();
  }

  locate(locations: ReadonlyMap<string, DeviceLocation>): void {
    const { db, locations: books, unitOf, layoutOf, latest, view } = this.#archive;
    const plan = books.plan(locations);
    const moved = plan.unitOf.flatMap((unit, device) => (unit === unitOf[device] ? [] : [device]));
    // Rollups count each device where it stood; those that held a device which moved are computed again.
    const layouts = new Set(moved.filter((one) => latest.heard(one)).map((one) => layoutOf[one]!));
    const stale = view.files.filter((file) => file.kind === 'rollup' && layouts.has(file.layout));
    try {
      db.transaction(() => {
        for (const [code, number] of plan.newAreas) db.addArea(number, code);
        for (const device of moved) db.setDeviceArea(device, plan.unitOf[device]!);
        for (const file of stale) this.#archive.saveDirty(file);
      });
    } catch (cause) {
      const { message } = cause as Error;
      throw new OperationalError('commit-failed', `The log refuses: ${message}`, {
        retry: true,
        cause,
      });
    }
    // Nothing in memory changes before it is durable.
    books.adopt(plan);
    for (const device of moved) unitOf[device] = plan.unitOf[device]!;
    for (const file of stale) this.#archive.showDirty(file);
    if (layouts.size > 0) this.#archive.moves++;
  }

  latest(device: string): LatestValue[] {
    const { numbersOf, layoutOf, layouts, latest } = this.#archive;
    const values: LatestValue[] = [];
    const numbers = numbersOf.get(device) ?? [];
    for (const number of numbers)
      latest.values(layoutOf[number]!, number, layouts[layoutOf[number]!]!.metrics, values);
    if (numbers.length < 2) return values;
    const newest = new Map<string, LatestValue>();
    for (const value of values)
      if (!(value.at < (newest.get(value.metric)?.at ?? Number.NEGATIVE_INFINITY)))
        newest.set(value.metric, value);
    return [...newest.values()];
  }

  lastSeen(device: string): number | null {
    let newest: number | null = null;
    for (const number of this.#archive.numbersOf.get(device) ?? []) {
      const seen = this.#archive.latest.lastSeen(number);
      if (!Number.isNaN(seen)) newest = Math.max(newest ?? Number.NEGATIVE_INFINITY, seen);
    }
    return newest;
  }

  changedSince(cursor: number): { devices: string[]; cursor: number } {
    const changed = this.#archive.latest.changedSince(cursor);
    const ids = new Set(changed.devices.map((device) => this.#archive.locations.id(device)));
    return { devices: [...ids], cursor: changed.cursor };
  }

  range(query: RangeQuery, signal?: AbortSignal): Promise<RangeRow[]> {
    return range(this.#archive, query, signal);
  }

  aggregate(query: AggregateQuery, signal?: AbortSignal): Promise<AggregateRow[]> {
    return aggregate(this.#archive, query, signal);
  }

  completeness(query: CompletenessQuery, signal?: AbortSignal): Promise<Completeness> {
    return completeness(this.#archive, query, signal);
  }

  events(
    query: { device?: string; from: number; to: number; limit: number },
    signal?: AbortSignal,
  ): Promise<DeviceEvent[]> {
    return events(this.#archive, query, signal);
  }

  sequences(gateway: string): SequenceState[] {
    return this.#archive.sequences.of(gateway);
  }

  deadLetters(query: {
    after?: number;
    limit: number;
    state?: StoredDeadLetter['state'];
  }): StoredDeadLetter[] {
    return this.#archive.deadLetters.list(query);
  }

  resolveDeadLetters(ids: readonly number[], state: 'rerun' | 'discarded'): void {
    this.#archive.deadLetters.resolve(ids, state);
  }

  exportTo(
    path: string,
    format: 'csv' | 'parquet',
    query: ExportQuery,
    signal?: AbortSignal,
  ): Promise<{ rows: number }> {
    return exportTo(this.#archive, path, format, query, signal);
  }

  async flush(): Promise<{ rows: number; files: number }> {
    rotate(this.#archive);
    const flushed = await this.#archive.maintain(async () => {
      const result = await flush(this.#archive);
      if (this.#dictionaryDevices !== this.#archive.layoutOf.length) {
        const devices = this.#archive.layoutOf.length;
        await writeDictionary(this.#archive);
        this.#dictionaryDevices = devices;
      }
      return result;
    });
    if (this.#archive.view.dirty.size > 0)
      this.#archive
        .maintain(() => refreshRollups(this.#archive))
        .catch((error: Error) => this.#complain('rollups could not be computed', error));
    return flushed;
  }

  compact(now: number): Promise<{ compacted: number }> {
    return this.#archive.maintain(() => compact(this.#archive, now));
  }

  retain(before: number): Promise<{ files: number }> {
    return this.#archive.maintain(() => retain(this.#archive, before));
  }

  backup(folder: string): Promise<void> {
    return this.#archive.maintain(() => backupTo(this.#archive, folder));
  }

  counters(): StoreCounters {
    const { totals, db, view, deadLetters, rowsInMemtable } = this.#archive;
    return {
      ...totals,
      rowsPending: this.#writer.rowsPending,
      rowsInMemtable,
      deadLetters: deadLetters.entries,
      deadLettersDropped: deadLetters.dropped,
      logBytes: db.bytes(),
      archiveBytes: view.files.reduce((sum, file) => sum + file.bytes, 0),
      commitSeconds: this.#writer.commitSeconds(),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#ticking;
    await this.#archive.quiet();
    try {
      this.#writer.close();
    } finally {
      await this.#archive.duck.close();
      this.#archive.db.close();
    }
  }

  #complain(message: string, error: Error): void {
    const code = error instanceof OperationalError ? error.code : undefined;
    this.#archive.settings.log('error', message, { reason: error.message, code });
  }

  #flushWhenFull(): void {
    const { settings, view } = this.#archive;
    if (view.open.rows >= settings.flushRows) this.#flushInBackground();
  }

  #flushInBackground(): void {
    const now = this.#archive.settings.timer.elapsed();
    if (this.#flushing || this.#stop.signal.aborted || now < this.#flushNotBefore) return;
    this.#flushing = true;
    this.flush()
      .catch((error: Error) => {
        this.#flushNotBefore = this.#archive.settings.timer.elapsed() + FLUSH_RETRY_MS;
        this.#complain('flushing failed and will be tried again', error);
      })
      .finally(() => {
        this.#flushing = false;
      });
  }

  /** Flushes generations that are old enough, also when no commit comes to notice it. */
  async #tick(): Promise<void> {
    const { timer, flushEveryMs } = this.#archive.settings;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { open } = this.#archive.view;
      const age = timer.elapsed() - open.startedAt;
      if (age >= flushEveryMs || this.#archive.view.generations.length > 1)
        this.#flushInBackground();
      const wait = Math.max(FLUSH_CHECK_MS_MIN, Math.min(flushEveryMs, flushEveryMs - age));
      await timer.sleep(wait, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }
}

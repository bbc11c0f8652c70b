/** The embedded time-series store: the contract's methods, each a short call into the file that does the work. */
import type { DeviceEvent, Lane } from '@village/core';
import { OperationalError } from '@village/core';
import type {
  AggregateQuery,
  AggregateRow,
  Completeness,
  CompletenessQuery,
  LatestValue,
  Layout,
  Place,
  QuarantineEntry,
  RangeQuery,
  RangeRow,
  SequenceState,
  StoreCounters,
  StoredQuarantineEntry,
  TimeSeriesStore,
} from '../contract.ts';
import { aggregate } from './aggregate.ts';
import { completeness } from './completeness.ts';
import type { Engine } from './engine.ts';
import { events } from './events.ts';
import { type ExportQuery, exportTo } from './export.ts';
import { backupTo, merge, retain } from './merge.ts';
import { range } from './range.ts';
import { refreshRollups } from './rollup.ts';
import { rotate, seal, writeDictionary } from './seal.ts';
import { Writer } from './writer.ts';

/** After a seal that failed, ms until the next by itself. */
const SEAL_RETRY_MS = 30_000;
/** How often the age of the open generation is looked at, at most, ms. */
const SEAL_CHECK_MS_MIN = 1_000;

/** An open embedded store. */
export class EmbeddedStore implements TimeSeriesStore {
  readonly #engine: Engine;
  readonly #writer: Writer;
  readonly #stop = new AbortController();
  readonly #ticking: Promise<void>;
  #sealing = false;
  #sealNotBefore = Number.NEGATIVE_INFINITY;
  #dictionaryDevices = -1;
  #closing: Promise<void> | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#writer = new Writer(engine, () => this.#sealWhenFull());
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

  quarantine(entry: QuarantineEntry): void {
    this.#writer.quarantine(entry);
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

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  place(places: ReadonlyMap<string, Place>): void {
    const { log, places: books, unitOf, layoutOf, latest, view } = this.#engine;
    const plan = books.plan(places);
    const moved = plan.unitOf.flatMap((unit, device) => (unit === unitOf[device] ? [] : [device]));
    // Rollups count each device where it stood; those that held a device which moved are computed again.
    const layouts = new Set(moved.filter((one) => latest.heard(one)).map((one) => layoutOf[one]!));
    const stale = view.files.filter((file) => file.kind === 'rollup' && layouts.has(file.layout));
    log.transaction(() => {
      for (const [code, number] of plan.newAreas) log.addArea(number, code);
      for (const device of moved) log.setDeviceArea(device, plan.unitOf[device]!);
      for (const file of stale) this.#engine.saveDirty(file);
    });
    // Nothing in memory changes before it is durable.
    books.adopt(plan);
    for (const device of moved) unitOf[device] = plan.unitOf[device]!;
    for (const file of stale) this.#engine.showDirty(file);
    if (layouts.size > 0) this.#engine.moves++;
  }

  latest(device: string): LatestValue[] {
    const { numbersOf, layoutOf, layouts, latest } = this.#engine;
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
    for (const number of this.#engine.numbersOf.get(device) ?? []) {
      const seen = this.#engine.latest.lastSeen(number);
      if (!Number.isNaN(seen)) newest = Math.max(newest ?? Number.NEGATIVE_INFINITY, seen);
    }
    return newest;
  }

  changedSince(cursor: number): { devices: string[]; cursor: number } {
    const changed = this.#engine.latest.changedSince(cursor);
    const ids = new Set(changed.devices.map((device) => this.#engine.places.id(device)));
    return { devices: [...ids], cursor: changed.cursor };
  }

  range(query: RangeQuery, signal?: AbortSignal): Promise<RangeRow[]> {
    return range(this.#engine, query, signal);
  }

  aggregate(query: AggregateQuery, signal?: AbortSignal): Promise<AggregateRow[]> {
    return aggregate(this.#engine, query, signal);
  }

  completeness(query: CompletenessQuery, signal?: AbortSignal): Promise<Completeness> {
    return completeness(this.#engine, query, signal);
  }

  events(
    query: { device?: string; from: number; to: number; limit: number },
    signal?: AbortSignal,
  ): Promise<DeviceEvent[]> {
    return events(this.#engine, query, signal);
  }

  sequences(gateway: string): SequenceState[] {
    return this.#engine.sequences.of(gateway);
  }

  quarantined(query: {
    after?: number;
    limit: number;
    state?: StoredQuarantineEntry['state'];
  }): StoredQuarantineEntry[] {
    return this.#engine.quarantine.list(query);
  }

  resolveQuarantined(ids: readonly number[], state: 'rerun' | 'discarded'): void {
    this.#engine.quarantine.resolve(ids, state);
  }

  exportTo(
    path: string,
    format: 'csv' | 'parquet',
    query: ExportQuery,
    signal?: AbortSignal,
  ): Promise<{ rows: number }> {
    return exportTo(this.#engine, path, format, query, signal);
  }

  async seal(): Promise<{ rows: number; files: number }> {
    rotate(this.#engine);
    const sealed = await this.#engine.maintain(async () => {
      const result = await seal(this.#engine);
      if (this.#dictionaryDevices !== this.#engine.layoutOf.length) {
        const devices = this.#engine.layoutOf.length;
        await writeDictionary(this.#engine);
        this.#dictionaryDevices = devices;
      }
      return result;
    });
    if (this.#engine.view.dirty.size > 0)
      this.#engine
        .maintain(() => refreshRollups(this.#engine))
        .catch((error: Error) => this.#complain('rollups could not be computed', error));
    return sealed;
  }

  merge(now: number): Promise<{ merged: number }> {
    return this.#engine.maintain(() => merge(this.#engine, now));
  }

  retain(before: number): Promise<{ files: number }> {
    return this.#engine.maintain(() => retain(this.#engine, before));
  }

  backup(folder: string): Promise<void> {
    return this.#engine.maintain(() => backupTo(this.#engine, folder));
  }

  counters(): StoreCounters {
    const { tally, log, view, quarantine, rowsHot } = this.#engine;
    return {
      ...tally,
      rowsPending: this.#writer.rowsPending,
      rowsHot,
      quarantined: quarantine.entries,
      quarantineDropped: quarantine.dropped,
      logBytes: log.bytes(),
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
    await this.#engine.quiet();
    try {
      this.#writer.close();
    } finally {
      await this.#engine.duck.close();
      this.#engine.log.close();
    }
  }

  #complain(message: string, error: Error): void {
    const code = error instanceof OperationalError ? error.code : undefined;
    this.#engine.settings.log('error', message, { reason: error.message, code });
  }

  #sealWhenFull(): void {
    const { settings, view } = this.#engine;
    if (view.open.rows >= settings.sealRows) this.#sealInBackground();
  }

  #sealInBackground(): void {
    const now = this.#engine.settings.timer.now();
    if (this.#sealing || this.#stop.signal.aborted || now < this.#sealNotBefore) return;
    this.#sealing = true;
    this.seal()
      .catch((error: Error) => {
        this.#sealNotBefore = this.#engine.settings.timer.now() + SEAL_RETRY_MS;
        this.#complain('sealing failed and will be tried again', error);
      })
      .finally(() => {
        this.#sealing = false;
      });
  }

  /** Seals generations that are old enough, also when no commit comes to notice it. */
  async #tick(): Promise<void> {
    const { timer, sealEveryMs } = this.#engine.settings;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { open } = this.#engine.view;
      const age = timer.now() - open.startedAt;
      if (age >= sealEveryMs || this.#engine.view.generations.length > 1) this.#sealInBackground();
      const wait = Math.max(SEAL_CHECK_MS_MIN, Math.min(sealEveryMs, sealEveryMs - age));
      await timer.sleep(wait, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }
}

/** Where figures get their inputs from: readings of the archive by pages, and what held of a device from the registry. */
import { BoundedMap, Slices } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { registryStore } from '@village/registry';
import type { RelationalAccess } from '@village/store/relational';
import type { DeviceSpan, RangeRow } from '@village/store/time-series';
import type { Corrections } from '../corrections/corrections.ts';
import type { ViewQueries, ViewRow } from '../corrections/queries.ts';
import type { StatementBook, StatementKind } from '../corrections/statement.ts';
import { Circumstances } from './circumstances.ts';
import { applies, computeSpan, type Readings, type Result, readingsOf } from './compute.ts';
import { dayStart, type Span, spansIn } from './days.ts';
import { type Figure, window } from './figure.ts';
import { CHUNK_DAYS, portions, type Wanted } from './portions.ts';

/** Statements that put readings right, as far as figures ask of them. */
export interface Statements {
  /** From now on: whether what holds of a device is still what holds now. */
  watch(): (device: string) => boolean;
  /** Whether they are those of the database; asked in the transaction that keeps what was computed with them. */
  isCurrent(access: Pick<RelationalAccess, 'for'>): Promise<boolean>;
  /** Takes in what was said since, or is there since the database was brought back. */
  follow(): Promise<void>;
  /** Ids of those that hold and touch a device's times, in order. */
  touching(device: string, span: Span): readonly number[];
  /** Devices that any of them touches. */
  devices(): readonly string[];
  /** Other times, and times of other devices, to which what was received from a device then is moved. */
  moved(device: string, span: Span): readonly (Span & { readonly device: string })[];
}

/** A book that nothing is kept of in the database. */
const ALONE = { isCurrent: () => Promise.resolve(true), follow: () => Promise.resolve() };

/** What figures ask of the statements that hold at the moment. */
export const statementsOf = (
  book: () => StatementBook,
  corrections: Pick<Corrections, 'isCurrent' | 'follow'> = ALONE,
): Statements => ({
  isCurrent: (access) => corrections.isCurrent(access),
  follow: () => corrections.follow(),
  watch: () => {
    const then = book();
    let [now, differing] = [then, new Set<string>()];
    return (device) => {
      if (book() !== now) {
        now = book();
        differing = now.differing(then);
      }
      return !differing.has(device);
    };
  },
  touching: (device, span) => book().touching(device, span),
  devices: () => book().devices(),
  moved: (device, { from, to }) => {
    const now = book();
    const moves = now
      .of(device)
      .some((one) => one.from < to && one.to > from && MOVING.has(one.kind));
    if (!moves) return [];
    const all = { kind: 'accept', metric: null, value: null, target: null } as const;
    return now.reach({ ...all, device, from, to });
  },
});

const MOVING: ReadonlySet<StatementKind> = new Set(['reassign', 'shift-clock']);

export interface SourceOptions {
  /** Corrected readings. */
  readonly rows: Pick<ViewQueries, 'range' | 'rangeMany'>;
  readonly statements: Statements;
  readonly relational: Pick<RelationalAccess, 'for'>;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
}

/** Rows of one question to the archive. */
const PAGE_ROWS = 50_000;
/** More than a county has devices: of an area's, asked one after the other, a smaller memory would never hold the next. */
const KNOWN_MAX = 30_000;
/** Devices whose history is in memory at once, as rows. */
const HISTORIES = 1_000;
/** Rows of many devices that are read in one turn: as many as a month of one device that reports each minute. */
const ROWS_A_TURN = 45_000;

/** Runs a part of the work when it is its turn. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>;

/** All that figures look at to compute whole days. */
function around(figures: readonly Figure[], part: Span): Span {
  const windows = figures.map((figure) => window(figure, part));
  return {
    from: Math.min(...windows.map(({ from }) => from)),
    to: Math.max(...windows.map(({ to }) => to)),
  };
}

/** Keys of all metrics that figures read of a device. */
function metricsOf(figures: readonly Figure[], held: Circumstances): string[] {
  const quantities = figures.flatMap(({ inputs }) => inputs.map(({ quantity }) => quantity));
  const measured = quantities.flatMap((quantity) => held.measured(quantity));
  return [...new Set(measured.map(({ metric }) => metric))];
}

export class Sources {
  readonly #options: SourceOptions;
  readonly #known = new BoundedMap<string, { version: number; held: Circumstances }>(KNOWN_MAX);

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  get statements(): Statements {
    return this.#options.statements;
  }

  /** Rises with each change of what holds of devices. */
  version(): Promise<number> {
    return registryStore(this.#options.relational).version();
  }

  /** What held of a device; kept in memory as long as nothing in the registry changes. */
  async circumstances(device: string, version?: number): Promise<Circumstances> {
    // Asked before what it stands for is read, so that nothing old is kept under a new number.
    const now = version ?? (await this.version());
    const known = this.#known.get(device);
    if (known !== undefined && known.version === now) return known.held;
    const registry = registryStore(this.#options.relational);
    const held = new Circumstances(
      device,
      this.#options.profiles,
      await registry.installations(device),
      await registry.properties({ kind: 'device', id: device }),
    );
    this.#known.set(device, { version: now, held });
    return held;
  }

  /** Of many devices at once; what is in memory is not asked for. */
  async circumstancesOf(
    devices: readonly string[],
    version: number,
  ): Promise<Map<string, Circumstances>> {
    const found = new Map<string, Circumstances>();
    const wanted: string[] = [];
    const slices = new Slices();
    for (const device of devices) {
      const known = this.#known.get(device);
      if (known !== undefined && known.version === version) found.set(device, known.held);
      else wanted.push(device);
      if (slices.over) await slices.next();
    }
    const { profiles, relational } = this.#options;
    const registry = registryStore(relational);
    for (let n = 0; n < wanted.length; n += HISTORIES)
      for (const [device, history] of await registry.histories(wanted.slice(n, n + HISTORIES))) {
        const { installations, properties } = history;
        const held = new Circumstances(device, profiles, installations, properties);
        this.#known.set(device, { version, held });
        found.set(device, held);
        if (slices.over) await slices.next();
      }
    return found;
  }

  /** Readings of a span in order of time. */
  async #rows(
    device: string,
    metrics: readonly string[],
    span: Span,
    signal?: AbortSignal,
  ): Promise<ViewRow[]> {
    const { rows } = this.#options;
    const found: ViewRow[] = [];
    for (let { from } = span; from < span.to; ) {
      const asked = { device, metrics, from, to: span.to, limit: PAGE_ROWS };
      const page = await rows.range(asked, signal);
      for (const row of page) found.push(row);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) break;
      from = last.at + 1;
    }
    return found;
  }

  /** The result whose span holds an instant, with its readings, and the rows that these are from. */
  async open(
    figure: Figure,
    held: Circumstances,
    at: number,
    signal?: AbortSignal,
  ): Promise<{ result: Result; readings: ReadonlyMap<string, Readings>; rows: ViewRow[] }> {
    const [span] = spansIn(figure.span, { from: at, to: at + 1 }) as [Span];
    const rows = await this.#rows(
      held.device,
      metricsOf([figure], held),
      window(figure, span),
      signal,
    );
    const readings = readingsOf(figure, held, rows);
    return { result: computeSpan(figure, span, readings, held), readings, rows };
  }

  /**
   * Computes figures of a device over whole days, from the first to before the end, a month of rows in memory at a time;
   * each month when it is its turn.
   */
  async *compute(
    figures: readonly Figure[],
    held: Circumstances,
    first: number,
    end: number,
    signal?: AbortSignal,
    turn: Turn = (work) => work(),
  ): AsyncGenerator<readonly [Figure, Result]> {
    const own = figures.filter((figure) => applies(figure, held));
    if (own.length === 0) return;
    const metrics = metricsOf(own, held);
    for (let day = first; day < end; day += CHUNK_DAYS) {
      const part = { from: dayStart(day), to: dayStart(Math.min(day + CHUNK_DAYS, end)) };
      yield* await turn(async () => {
        const rows = await this.#rows(held.device, metrics, around(own, part), signal);
        const results: (readonly [Figure, Result])[] = [];
        await compute(own, held, [part], rows, (...one) => results.push(one));
        return results;
      });
      signal?.throwIfAborted();
    }
  }

  /**
   * Computes figures of many devices over whole days, in no particular order of devices, each device's days in order. The archive is asked
   * once for as many of them as one question may bring; a month of a device's rows at most is in memory. `read` is told of rows as they come.
   */
  async *computeMany(
    figures: readonly Figure[],
    wanted: readonly Wanted[],
    signal?: AbortSignal,
    turn: Turn = (work) => work(),
    read: (rows: number) => void = () => undefined,
  ): AsyncGenerator<readonly [device: string, Figure, Result]> {
    // Devices that call it alike are asked for together.
    const alike = Map.groupBy(wanted, ({ held }) =>
      metricsOf(
        figures.filter((figure) => applies(figure, held)),
        held,
      ).join(),
    );
    for (const group of alike.values())
      for (const portion of portions(figures, group))
        yield* this.#alike(figures, portion, signal, turn, read);
  }

  async *#alike(
    figures: readonly Figure[],
    wanted: readonly Wanted[],
    signal: AbortSignal | undefined,
    turn: Turn,
    read: (rows: number) => void,
  ): AsyncGenerator<readonly [device: string, Figure, Result]> {
    const waiting = new Map(wanted.map((one) => [one.held.device, one]));
    const ownOf = ({ held }: Wanted): Figure[] => figures.filter((figure) => applies(figure, held));
    const [some] = wanted;
    const metrics = some === undefined ? [] : metricsOf(ownOf(some), some.held);
    if (metrics.length === 0) return;
    const spans = wanted.flatMap((one) => spansOf(ownOf(one), one));
    const parts = this.#options.rows.rangeMany({ spans, metrics }, signal)[Symbol.asyncIterator]();
    let results: (readonly [string, Figure, Result])[] = [];
    const add = async (one: Wanted, rows: readonly RangeRow[]): Promise<void> => {
      waiting.delete(one.held.device);
      const parts = one.runs.map(({ first, end }) => ({
        from: dayStart(first),
        to: dayStart(end),
      }));
      await compute(ownOf(one), one.held, parts, rows, (figure, result) =>
        results.push([one.held.device, figure, result]),
      );
    };
    let device = '';
    let rows: RangeRow[] = [];
    const readSome = async (): Promise<boolean> => {
      for (let n = 0; n < ROWS_A_TURN; ) {
        const { done, value } = await parts.next();
        const last = waiting.get(device);
        if (last !== undefined && (done === true || value.device !== device)) await add(last, rows);
        if (done === true) return true;
        if (value.device !== device) rows = [];
        device = value.device;
        for (const row of value.rows) rows.push(row);
        n += value.rows.length;
        read(value.rows.length);
      }
      return false;
    };
    try {
      for (let over = false; !over; ) {
        over = await turn(readSome);
        yield* inTurns(results);
        results = [];
        signal?.throwIfAborted();
      }
    } finally {
      await parts.return?.();
    }
    // They left no readings.
    await turn(async () => {
      for (const one of waiting.values()) await add(one, []);
    });
    yield* inTurns(results);
  }
}

/** Some at a time, so that others have their turn whatever is done with them. */
async function* inTurns<One>(list: readonly One[]): AsyncGenerator<One> {
  const slices = new Slices();
  for (const one of list) {
    yield one;
    if (slices.over) await slices.next();
  }
}

/** Where the readings lie that figures of a device need. */
function spansOf(figures: readonly Figure[], { held, runs }: Wanted): DeviceSpan[] {
  const quantities = new Set(
    figures.flatMap(({ inputs }) => inputs.map(({ quantity }) => quantity)),
  );
  return runs.flatMap(({ first, end }) => {
    const all = around(figures, { from: dayStart(first), to: dayStart(end) });
    return [...quantities]
      .flatMap((quantity) => held.measured(quantity))
      .map((one) => ({
        device: held.device,
        from: Math.max(all.from, one.from),
        to: Math.min(all.to, one.to),
      }))
      .filter(({ from, to }) => from < to);
  });
}

/** Computes figures of a device over whole days of rows in order of time. */
async function compute(
  figures: readonly Figure[],
  held: Circumstances,
  parts: readonly Span[],
  rows: readonly RangeRow[],
  give: (figure: Figure, result: Result) => void,
): Promise<void> {
  const slices = new Slices();
  for (const figure of figures) {
    const readings = readingsOf(figure, held, rows);
    for (const span of parts.flatMap((part) => spansIn(figure.span, part))) {
      give(figure, computeSpan(figure, span, readings, held));
      if (slices.over) await slices.next();
    }
  }
}

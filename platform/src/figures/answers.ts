/** Figures as they are asked for: over a span of time, and one opened to what it was computed from. */
import { DAY, OperationalError, SECOND } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { Circumstances, Measured } from './circumstances.ts';
import { applies, type InputState, type Result } from './compute.ts';
import { dayOf, dayStart, lastDeletedDay, lengthOf, type Span } from './days.ts';
import { type Figure, type InputRow, window } from './figure.ts';
import type { Sources } from './sources.ts';
import {
  current,
  type FormerDay,
  formerDays,
  storedDays,
  withStatements,
} from './stored/days-stored.ts';
import type { Marks } from './stored/marks.ts';
import { type StoredResult, sameTold, unpack } from './stored/packed.ts';
import { figureTables, type Reason } from './stored/tables.ts';

/** A figure as it was before, and why it is another now. */
export interface Former {
  readonly value: number | null;
  readonly completeness: number;
  readonly version: string;
  readonly corrections: readonly number[];
  readonly computedAt: number;
  readonly replacedAt: number;
  readonly reasons: readonly Reason[];
}

export interface FigureItem {
  readonly at: number;
  readonly value: number | null;
  readonly completeness: number;
  /** Versions of the standard that were used; of a figure without one its own. */
  readonly version: string;
  /** Statements that touch its inputs. */
  readonly corrections: readonly number[];
  /** False while its span goes on: it may change with every reading. */
  readonly closed: boolean;
  readonly fault: string | null;
  /** What it was before it was another. */
  readonly previous: Former | null;
}

/** One input of a figure, with every reading. */
export interface OpenedInput extends InputState {
  readonly quantity: string;
  readonly measured: readonly Measured[];
  readonly rows: number;
  readonly readings: readonly InputRow[];
}

/** A figure opened to what it was computed from. */
export interface Opened {
  readonly item: FigureItem;
  readonly result: Result;
  /** What it looked at. */
  readonly window: Span;
  readonly inputs: readonly OpenedInput[];
  /** Everything it was before, newest first. */
  readonly history: readonly Former[];
}

/** Days from the first to before the end. */
interface Days {
  readonly first: number;
  readonly end: number;
}

/** Values of one answer. */
const ITEMS_MAX = 20_000;

/** What a result is cited as. */
export function versionOf(
  figure: Pick<Figure, 'version'>,
  { standards }: Pick<Result, 'standards'>,
): string {
  return standards.length > 0 ? standards.join(' + ') : String(figure.version);
}

export interface FiguresOptions {
  readonly figures: readonly Figure[];
  readonly sources: Sources;
  readonly clock: () => number;
  readonly relational: Relational;
  /** What is marked; without, nothing is known to be current, and everything is computed. */
  readonly marks: Pick<Marks, 'isUpToDate' | 'gatheredOf'> | null;
  /** How long readings are kept, ms; undefined for ever. */
  readonly retention?: number | undefined;
}

/** How long an answer waits for the reader of the journal before it computes what may be stored. */
const READER_WAIT_MS = SECOND;

export class Figures {
  readonly #figures: ReadonlyMap<string, Figure>;
  readonly #options: FiguresOptions;

  constructor(options: FiguresOptions) {
    this.#options = options;
    this.#figures = new Map(options.figures.map((figure) => [figure.id, figure]));
    if (this.#figures.size !== options.figures.length)
      throw new Error('BUG: two figures have one id');
  }

  /** @throws unknown-figure */
  figure(id: string): Figure {
    const found = this.#figures.get(id);
    if (found === undefined) throw new OperationalError('unknown-figure', `no such figure: ${id}`);
    return found;
  }

  /** Those whose inputs the device measures or has measured. */
  async of(device: string): Promise<Figure[]> {
    const held = await this.#options.sources.circumstances(device);
    return this.#options.figures.filter((figure) => applies(figure, held));
  }

  #item(figure: Figure, result: StoredResult, former: readonly FormerDay[] = []): FigureItem {
    const to = result.at + lengthOf(figure.span);
    const { at, value, completeness, fault, corrections } = result;
    const version = versionOf(figure, result);
    const closed = to <= this.#options.clock();
    const previous = historyOf(result, former)[0] ?? null;
    return { at, value, completeness, version, corrections, closed, fault, previous };
  }

  /**
   * The values whose spans begin in a stretch of time and have begun by now, in order.
   * @throws too-many-buckets, not-measured
   */
  async values(
    figure: Figure,
    device: string,
    stretch: Span,
    signal?: AbortSignal,
  ): Promise<FigureItem[]> {
    const { sources, clock, relational } = this.#options;
    const to = Math.min(stretch.to, clock());
    if ((to - stretch.from) / lengthOf(figure.span) > ITEMS_MAX)
      throw new OperationalError('too-many-buckets', `from: more than ${ITEMS_MAX} values`);
    const held = await sources.circumstances(device);
    if (!applies(figure, held)) throw notMeasured(figure, device);
    if (stretch.from >= to) return [];
    const days = { first: dayOf(stretch.from), end: dayOf(to - 1) + 1 };
    const stored = await this.#current(figure, held, days);
    const results = [...stored.values()].flat();
    for (const [first, end] of missing(days, stored))
      for await (const [, result] of sources.compute([figure], held, first, end, signal))
        results.push(this.#withStatements(figure, device, result));
    const former =
      figure.keep === 'stored' ? await formerDays(relational, figure, device, days) : new Map();
    return results
      .filter(({ at }) => at >= stretch.from && at < to)
      .sort((a, b) => a.at - b.at)
      .map((result) => this.#item(figure, result, former.get(dayOf(result.at))));
  }

  #withStatements(figure: Figure, device: string, result: Result): StoredResult {
    const span = { from: result.at, to: result.at + lengthOf(figure.span) };
    return withStatements(figure, device, span, result, this.#options.sources.statements);
  }

  /** What is stored of closed days and known to be what computing them now would give. */
  async #current(
    figure: Figure,
    held: Circumstances,
    days: Days,
  ): Promise<Map<number, StoredResult[]>> {
    const found = new Map<number, StoredResult[]>();
    const { marks, relational, sources, clock, retention } = this.#options;
    if (figure.keep !== 'stored' || marks === null) return found;
    const { device } = held;
    // In this order: what is gathered becomes a mark, and a mark a result.
    const upToDate = await marks.isUpToDate(READER_WAIT_MS);
    const marked = new Set(marks.gatheredOf(device).keys());
    const rows = await figureTables(relational)
      .selectFrom('figure_mark')
      .select('day')
      .where('device', '=', device)
      .where('day', '>=', days.first - 1)
      .where('day', '<=', days.end)
      .execute();
    for (const { day } of rows) marked.add(day);
    const today = dayOf(clock());
    const deleted = lastDeletedDay(clock(), retention);
    for (const row of await storedDays(relational, device, days, figure.id)) {
      const { from, to } = window(figure, { from: dayStart(row.day), to: dayStart(row.day) + DAY });
      // It can't be computed again: what was stored while its readings were there holds.
      if (row.day <= deleted) {
        const results = unpack(figure, row.day, row.body);
        if (results !== null) found.set(row.day, results);
        continue;
      }
      let due = row.day >= today || !upToDate;
      for (let day = dayOf(from); day <= dayOf(to - 1); day++) due ||= marked.has(day);
      const results = due ? null : current(figure, held, row, sources.statements);
      if (results !== null) found.set(row.day, results);
    }
    return found;
  }

  /** The value whose span holds an instant, opened. @throws not-measured, not-found when that is in the future */
  async open(figure: Figure, device: string, at: number, signal?: AbortSignal): Promise<Opened> {
    const { sources, clock, relational } = this.#options;
    if (at > clock()) throw new OperationalError('not-found', 'that time has not come');
    const held = await sources.circumstances(device);
    if (!applies(figure, held)) throw notMeasured(figure, device);
    const opened = await sources.open(figure, held, at, signal);
    const result = this.#withStatements(figure, device, opened.result);
    const around = window(figure, { from: result.at, to: result.at + lengthOf(figure.span) });
    const day = dayOf(result.at);
    const former =
      figure.keep === 'stored'
        ? await formerDays(relational, figure, device, { first: day, end: day + 1 })
        : new Map<number, FormerDay[]>();
    return {
      item: this.#item(figure, result, former.get(day)),
      result,
      window: around,
      inputs: figure.inputs.map(({ name, quantity }, n) => ({
        ...(result.inputs[n] as InputState),
        quantity,
        measured: held
          .measured(quantity)
          .filter(({ from, to }) => from < around.to && to > around.from),
        readings: opened.readings.get(name)?.between(around.from, around.to) ?? [],
      })),
      history: historyOf(result, former.get(day) ?? []),
    };
  }
}

/** What a result was before, newest first: of days whose other spans changed alone, only what tells something else. */
function historyOf(now: StoredResult, former: readonly FormerDay[]): Former[] {
  const history: Former[] = [];
  let after: StoredResult = now;
  for (const { results, version, computedAt, replacedAt, reasons } of former) {
    const was = results.find(({ at }) => at === now.at);
    if (was === undefined || sameTold([was], [after])) continue;
    const cited = versionOf({ version }, was);
    const { value, completeness, corrections } = was;
    history.push({
      ...{ value, completeness, version: cited, corrections },
      ...{ computedAt, replacedAt, reasons },
    });
    after = was;
  }
  return history;
}

/** The days that are not there, as runs. */
function missing({ first, end }: Days, there: ReadonlyMap<number, unknown>): [number, number][] {
  const runs: [number, number][] = [];
  for (let day = first; day < end; day++) {
    if (there.has(day)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === day) last[1]++;
    else runs.push([day, day + 1]);
  }
  return runs;
}

const notMeasured = (figure: Figure, device: string): OperationalError =>
  new OperationalError(
    'not-measured',
    `${device} has never measured what ${figure.id} is computed from, or by two sensors at once`,
  );

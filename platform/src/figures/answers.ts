/** Figures as they are asked for: over a span of time, and one opened to what it was computed from. */
import { OperationalError, SECOND, type Timer } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { AsReceived } from '../corrections/apply.ts';
import type { ViewRow } from '../corrections/queries.ts';
import { AtOnce } from './at-once.ts';
import type { Circumstances, Measured } from './circumstances.ts';
import { applies, type InputState, type Result } from './compute.ts';
import { dayOf, lengthOf, runsOf, type Span } from './days.ts';
import { type AnyFigure, type Figure, type InputRow, window } from './figure.ts';
import type { Sources } from './sources.ts';
import { currentDays, type Days, type Known } from './stored/current-days.ts';
import {
  type FormerDay,
  formerDays,
  formerOfComputed,
  withStatements,
} from './stored/days-stored.ts';
import type { Marks } from './stored/marks.ts';
import { type StoredResult, sameTold } from './stored/packed.ts';
import type { Reason } from './stored/tables.ts';

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
  readonly readings: readonly OpenedReading[];
}

/** A reading, and what was received of it where statements speak of it. */
export interface OpenedReading extends InputRow {
  readonly received?: AsReceived;
}

/** The readings of an input with what was received of them, from the rows that they stood in. */
function withReceived(
  readings: readonly InputRow[],
  rows: readonly ViewRow[],
  measured: readonly Measured[],
): OpenedReading[] {
  const told = new Map(rows.flatMap(({ at, received }) => (received ? [[at, received]] : [])));
  return readings.map((reading) => {
    const by = measured.find(({ from, to }) => from <= reading.at && reading.at < to);
    const received = told.get(reading.at)?.[by?.metric ?? ''];
    return received === undefined ? reading : { ...reading, received };
  });
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

/** Values of one answer. */
export const ITEMS_MAX = 20_000;

/** What a result is cited as. */
export function versionOf(
  figure: Pick<AnyFigure, 'version'>,
  { standards }: Pick<Result, 'standards'>,
): string {
  return standards.length > 0 ? standards.join(' + ') : String(figure.version);
}

export interface FiguresOptions {
  readonly figures: readonly Figure[];
  readonly sources: Sources;
  readonly clock: () => number;
  readonly timer: Pick<Timer, 'sleep'>;
  readonly relational: Relational;
  /** What is marked; without, nothing is known to be current, and everything is computed. */
  readonly marks: Pick<Marks, 'isUpToDate' | 'gatheredOf'> | null;
  /** Readings from before it may have been deleted; without, all are there. */
  readonly deletedBefore?: () => number;
}

/** How long an answer waits for the reader of the journal before it computes what may be stored. */
const READER_WAIT_MS = SECOND;

export class Figures {
  readonly #figures: ReadonlyMap<string, Figure>;
  readonly atOnce: AtOnce;
  readonly #options: FiguresOptions;

  constructor(options: FiguresOptions) {
    this.#options = options;
    this.atOnce = new AtOnce(options.timer);
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
    const { sources, clock } = this.#options;
    const to = Math.min(stretch.to, clock());
    if ((to - stretch.from) / lengthOf(figure.span) > ITEMS_MAX)
      throw new OperationalError('too-many-buckets', `from: more than ${ITEMS_MAX} values`);
    const held = await sources.circumstances(device);
    if (!applies(figure, held)) throw notMeasured(figure, device);
    if (stretch.from >= to) return [];
    const days = { first: dayOf(stretch.from), end: dayOf(to - 1) + 1 };
    const stored = await this.#current(figure, held, days);
    const results = [...stored.values()].flat();
    const turn = <T>(work: () => Promise<T>): Promise<T> => this.atOnce.run(work, signal);
    const withTheirs = this.#withStatementsInTurn(figure, device);
    const runs = missing(days, stored);
    for (const [first, end] of runs)
      for await (const [, result] of sources.compute([figure], held, first, end, signal, turn))
        results.push(withTheirs(result));
    const former = await formerFor(this.#options, figure, device, { days, runs });
    return results
      .filter(({ at }) => at >= stretch.from && at < to)
      .sort((a, b) => a.at - b.at)
      .map((result) => itemOf(figure, result, clock(), former.get(dayOf(result.at))));
  }

  /** Results with the statements that touch them. Spans that follow each other have mostly the same, and a list of a thousand is kept once. */
  #withStatementsInTurn(figure: Figure, device: string): (result: Result) => StoredResult {
    let last: readonly number[] = [];
    return (result) => {
      const one = this.#withStatements(figure, device, result);
      const { corrections } = one;
      const same =
        corrections.length === last.length && corrections.every((id, n) => id === last[n]);
      if (!same) last = corrections;
      return { ...one, corrections: last };
    };
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
    const { marks } = this.#options;
    if (figure.keep !== 'stored' || marks === null) return new Map();
    const known = await knownOf(marks);
    const found = await currentDays(this.#options, figure, [held], days, known);
    return found.get(held.device) ?? new Map();
  }

  /** The value whose span holds an instant, opened. @throws not-measured, not-found when that is in the future */
  async open(figure: Figure, device: string, at: number, signal?: AbortSignal): Promise<Opened> {
    const { sources, clock } = this.#options;
    if (at > clock()) throw new OperationalError('not-found', 'that time has not come');
    const held = await sources.circumstances(device);
    if (!applies(figure, held)) throw notMeasured(figure, device);
    const opened = await this.atOnce.run(() => sources.open(figure, held, at, signal), signal);
    const result = this.#withStatements(figure, device, opened.result);
    const around = window(figure, { from: result.at, to: result.at + lengthOf(figure.span) });
    const day = dayOf(result.at);
    const days = { first: day, end: day + 1 };
    const runs = [[day, day + 1]] as const;
    const former = await formerFor(this.#options, figure, device, { days, runs });
    return {
      item: itemOf(figure, result, clock(), former.get(day)),
      result,
      window: around,
      inputs: figure.inputs.map(({ name, quantity }, n) => ({
        ...(result.inputs[n] as InputState),
        quantity,
        measured: held
          .measured(quantity)
          .filter(({ from, to }) => from < around.to && to > around.from),
        readings: withReceived(
          opened.readings.get(name)?.between(around.from, around.to) ?? [],
          opened.rows,
          held.measured(quantity),
        ),
      })),
      history: historyOf(result, former.get(day) ?? []),
    };
  }
}

/** A result as people are told of it. */
export function itemOf(
  figure: AnyFigure,
  result: StoredResult,
  now: number,
  former: readonly FormerDay[] = [],
): FigureItem {
  const { at, value, completeness, fault, corrections } = result;
  return {
    ...{ at, value, completeness, fault, corrections },
    version: versionOf(figure, result),
    closed: at + lengthOf(figure.span) <= now,
    previous: historyOf(result, former)[0] ?? null,
  };
}

/**
 * What a stored figure's days were before, newest first; of those that were computed just now also what is stored and told something else.
 * `runs` are the stretches of days that were computed; `of` are the devices that an area's figure is computed from.
 */
export async function formerFor(
  { relational, marks, clock }: Pick<FiguresOptions, 'relational' | 'marks' | 'clock'>,
  figure: AnyFigure,
  owner: string,
  { days, runs, of = [] }: ComputedDays,
): Promise<Map<number, FormerDay[]>> {
  if (figure.keep !== 'stored') return new Map();
  const found = await formerDays(relational, figure, owner, days);
  const first = runs[0]?.[0];
  const end = runs.at(-1)?.[1];
  if (first === undefined || end === undefined) return found;
  const causes = {
    owners: [owner, ...of],
    gatheredOf: (one: string) => marks?.gatheredOf(one) ?? new Map(),
  };
  const means = { causes, now: clock() };
  const computed = await formerOfComputed(relational, figure, owner, { first, end }, means);
  return new Map([...found, ...computed]);
}

interface ComputedDays {
  readonly days: Days;
  readonly runs: readonly (readonly [first: number, end: number])[];
  readonly of?: readonly string[];
}

/** What the reader of the journal knows, once it has seen what is committed, or after a while. */
export const knownOf = async (marks: NonNullable<FiguresOptions['marks']>): Promise<Known> => ({
  upToDate: await marks.isUpToDate(READER_WAIT_MS),
  gatheredOf: (device) => marks.gatheredOf(device),
});

/** What a result was before, newest first: of days whose other spans changed alone, only what tells something else. */
export function historyOf(now: StoredResult, former: readonly FormerDay[]): Former[] {
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
export function missing(
  { first, end }: Days,
  there: ReadonlyMap<number, unknown>,
): [number, number][] {
  const days: number[] = [];
  for (let day = first; day < end; day++) if (!there.has(day)) days.push(day);
  return runsOf(days);
}

const notMeasured = (figure: Figure, device: string): OperationalError =>
  new OperationalError(
    'not-measured',
    `${device} has never measured what ${figure.id} is computed from, or by two sensors at once`,
  );

/** Figures as they are asked for: over a span of time, and one opened to what it was computed from. */
import { OperationalError, SECOND, type Timer } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { AsReceived } from '../corrections/apply.ts';
import type { ViewRow } from '../corrections/queries.ts';
import { AtOnce } from './at-once.ts';
import type { Circumstances, Measured } from './circumstances.ts';
import { applies, type InputState, type Result } from './compute.ts';
import { dayOf, dayStart, lengthOf, runsOf, type Span } from './days.ts';
import { type AnyFigure, type Figure, type InputRow, window } from './figure.ts';
import type { Sources } from './sources.ts';
import { currentDays, type Days, type Known } from './stored/current-days.ts';
import { withStatements } from './stored/days-stored.ts';
import { type FormerDay, noteBefore, type Told } from './stored/former.ts';
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
    const runs = missing(days, stored);
    const told = toldOf(figure, held);
    const before = await noteFormer(this.#options, told, days, runs);
    const turn = <T>(work: () => Promise<T>): Promise<T> => this.atOnce.run(work, signal);
    const withTheirs = this.#withStatementsInTurn(figure, device);
    for (const [first, end] of runs)
      for await (const [, result] of sources.compute([figure], held, first, end, signal, turn))
        results.push(withTheirs(result));
    const wanted = results.filter(({ at }) => at >= stretch.from && at < to);
    return itemsOf(figure, wanted, before(), clock());
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
    const day = dayOf(at);
    const days = { first: day, end: day + 1 };
    const told = toldOf(figure, held);
    const before = await noteFormer(this.#options, told, days, [[day, day + 1]]);
    const opened = await this.atOnce.run(() => sources.open(figure, held, at, signal), signal);
    const result = this.#withStatements(figure, device, opened.result);
    const around = window(figure, { from: result.at, to: result.at + lengthOf(figure.span) });
    const history = await historyOf(figure, result, before());
    return {
      item: itemOf(figure, result, clock(), history[0]),
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
      history,
    };
  }
}

/** A device's figure as it is told. */
const toldOf = (figure: Figure, held: Circumstances): Told => ({
  ...{ figure, owner: held.device },
  reads: (span) => window(figure, span),
  holds: () => Promise.resolve(held.digest),
});

/** A result as people are told of it. */
export function itemOf(
  figure: AnyFigure,
  result: StoredResult,
  now: number,
  previous: Former | undefined,
): FigureItem {
  const { at, value, completeness, fault, corrections } = result;
  return {
    ...{ at, value, completeness, fault, corrections },
    version: versionOf(figure, result),
    closed: at + lengthOf(figure.span) <= now,
    previous: previous ?? null,
  };
}

type FormerDays = AsyncIterable<[day: number, former: readonly FormerDay[]]>;

/** Results in order as people are told of them, each with what it was before. */
export async function itemsOf(
  figure: AnyFigure,
  results: readonly StoredResult[],
  formerDays: FormerDays,
  now: number,
): Promise<FigureItem[]> {
  const byDay = Map.groupBy(results, ({ at }) => dayOf(at));
  const previous = new Map<number, Former>();
  for await (const [day, former] of formerDays)
    for (const result of byDay.get(day) ?? [])
      for (const was of changesOf(figure, result, former)) {
        previous.set(result.at, was);
        break;
      }
  return [...results]
    .sort((a, b) => a.at - b.at)
    .map((result) => itemOf(figure, result, now, previous.get(result.at)));
}

/** What days of a figure were, told when they are computed: see `noteBefore`, which is called before. */
export async function noteFormer(
  { relational, marks, clock }: Pick<FiguresOptions, 'relational' | 'marks' | 'clock'>,
  ...about: Parameters<typeof noteBefore> extends [unknown, ...infer Rest] ? Rest : never
): Promise<() => FormerDays> {
  const former = await noteBefore(relational, ...about);
  return () => former((owner) => marks?.gatheredOf(owner), clock());
}

/** What the reader of the journal knows, once it has seen what is committed, or after a while. */
export const knownOf = async (marks: NonNullable<FiguresOptions['marks']>): Promise<Known> => ({
  upToDate: await marks.isUpToDate(READER_WAIT_MS),
  gatheredOf: (device) => marks.gatheredOf(device),
});

/** Everything a result was before, newest first. */
export async function historyOf(
  figure: AnyFigure,
  now: StoredResult,
  formerDays: FormerDays,
): Promise<Former[]> {
  const history: Former[] = [];
  for await (const [, former] of formerDays) history.push(...changesOf(figure, now, former));
  return history;
}

/** What a result was on its day, newest first: where others of the day changed alone, only what tells something else. */
function* changesOf(
  figure: AnyFigure,
  now: StoredResult,
  formerDays: readonly FormerDay[],
): Generator<Former> {
  let after: StoredResult = now;
  for (const { results, version, computedAt, replacedAt, reasons } of formerDays) {
    const was = results()?.[(now.at - dayStart(dayOf(now.at))) / lengthOf(figure.span)];
    if (was === undefined || sameTold([was], [after])) continue;
    const cited = versionOf({ version }, was);
    const { value, completeness, corrections } = was;
    yield {
      ...{ value, completeness, version: cited, corrections },
      ...{ computedAt, replacedAt, reasons },
    };
    after = was;
  }
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

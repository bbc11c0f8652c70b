/** Figures of areas as they are asked for: over a span of time, and one opened to what each device gave. */
import { DAY, OperationalError, Slices } from '@village/core';
import {
  type FigureItem,
  type FiguresOptions,
  type Former,
  historyOf,
  ITEMS_MAX,
  itemOf,
  itemsOf,
  knownOf,
  missing,
  noteFormer,
} from '../answers.ts';
import { AtOnce } from '../at-once.ts';
import type { Result } from '../compute.ts';
import { dayOf, dayStart, lastDeletedDay, lengthOf, type Span } from '../days.ts';
import type { AreaFigure, Figure } from '../figure.ts';
import type { Days, Known } from '../stored/current-days.ts';
import { storedDaysOf } from '../stored/days-stored.ts';
import type { Told } from '../stored/former.ts';
import { type StoredResult, unpack } from '../stored/packed.ts';
import type { StationResults } from './compute.ts';
import { areaKey } from './keys.ts';
import { areaWindow, Holding, type Member } from './members.ts';
import { type AreaSources, type Computing, RowBudget } from './sources.ts';
import { currentArea, unsettledDays } from './stored-areas.ts';

export interface AreaFiguresOptions extends Omit<FiguresOptions, 'figures'> {
  readonly figures: readonly AreaFigure[];
  readonly areas: AreaSources;
  /** Of answers about devices: each part of an area's waits for its turn among them. */
  readonly atOnce: AtOnce;
}

/** What one device gave, when it stood in the area. */
export interface OpenedStation extends StationResults {
  readonly stays: readonly Span[];
}

export interface OpenedArea {
  readonly item: FigureItem;
  readonly result: Result;
  readonly inputs: readonly {
    readonly name: string;
    readonly figure: Figure;
    readonly expected: number;
    readonly valid: number;
    readonly stations: readonly OpenedStation[];
  }[];
  readonly history: readonly Former[];
}

/** Readings that one answer is computed from, as devices are expected to send them. */
const ROWS_MAX = 2_000_000;
/** Those that really come, of devices that send more often than their profile says. */
const COMING_MAX = 2 * ROWS_MAX;
/** Values of devices that one answer is computed from. */
const VALUES_MAX = 1_000_000;

export class AreaFigures {
  /** Answers that hold values of all devices of an area in memory. */
  readonly atOnce: AtOnce;
  readonly #options: AreaFiguresOptions;
  readonly #figures: ReadonlyMap<string, AreaFigure>;

  constructor(options: AreaFiguresOptions) {
    this.#options = options;
    this.atOnce = new AtOnce(options.timer);
    this.#figures = new Map(options.figures.map((figure) => [figure.id, figure]));
    if (this.#figures.size !== options.figures.length)
      throw new Error('BUG: two figures of areas have one id');
  }

  find(id: string): AreaFigure | undefined {
    return this.#figures.get(id);
  }

  /** Those whose inputs devices measure that stand in the area or have stood there. */
  async of(area: string): Promise<AreaFigure[]> {
    const version = await this.#options.sources.version();
    const found: AreaFigure[] = [];
    for (const figure of this.#figures.values())
      if ((await this.#options.areas.members(figure, area, version)).length > 0) found.push(figure);
    return found;
  }

  async #members(figure: AreaFigure, area: string): Promise<Member[]> {
    const members = await this.#options.areas.members(figure, area);
    if (members.length === 0)
      throw new OperationalError(
        'not-measured',
        `no device that stands in ${area} or has stood there measures what ${figure.id} is computed from`,
      );
    return members;
  }

  /**
   * The values whose spans begin in a stretch of time and have begun by now, in order.
   * @throws too-many-buckets, not-measured, range-too-wide
   */
  async values(
    figure: AreaFigure,
    area: string,
    stretch: Span,
    signal?: AbortSignal,
  ): Promise<FigureItem[]> {
    const { areas, clock } = this.#options;
    const to = Math.min(stretch.to, clock());
    if ((to - stretch.from) / lengthOf(figure.span) > ITEMS_MAX)
      throw new OperationalError('too-many-buckets', `from: more than ${ITEMS_MAX} values`);
    const members = await this.#members(figure, area);
    if (stretch.from >= to) return [];
    const days = { first: dayOf(stretch.from), end: dayOf(to - 1) + 1 };
    const known = await this.#known(figure);
    const stored = await this.#current(figure, area, members, days, known);
    const results = [...stored.values()].flat();
    const runs = missing(days, stored);
    await expectFew(figure, members, runs);
    const told = await toldOf(figure, area, members);
    const before = await noteFormer(this.#options, told, days, runs);
    const computing = this.#computing(known, signal);
    for (const [first, end] of runs)
      for await (const one of areas.compute(figure, members, { first, end }, computing, signal))
        results.push(one);
    const wanted = results.filter(({ at }) => at >= stretch.from && at < to);
    return itemsOf(figure, wanted, before(), clock());
  }

  #computing(known: Known | null, signal: AbortSignal | undefined): Computing {
    return {
      known,
      budget: new RowBudget(ROWS_MAX),
      coming: new RowBudget(COMING_MAX),
      days: (work) => this.atOnce.run(work, signal),
      turn: (work) => this.#options.atOnce.run(work, signal),
    };
  }

  /** Null where nothing of it is stored, neither of the area nor of its devices. */
  async #known({ keep, inputs }: AreaFigure): Promise<Known | null> {
    const { marks } = this.#options;
    const stored = keep === 'stored' || inputs.some(({ figure }) => figure.keep === 'stored');
    return marks === null || !stored ? null : knownOf(marks);
  }

  async #current(
    figure: AreaFigure,
    area: string,
    members: readonly Member[],
    days: Days,
    known: Known | null,
  ): Promise<Map<number, StoredResult[]>> {
    const found = new Map<number, StoredResult[]>();
    if (figure.keep !== 'stored' || known === null) return found;
    const { relational, sources, clock, deletedBefore } = this.#options;
    const stored = { figure, area, members, holding: await Holding.over(figure, members) };
    // In this order: what is marked becomes a result.
    const unsettled = await unsettledDays(relational, stored, days, known);
    const today = dayOf(clock());
    const deleted = lastDeletedDay(deletedBefore);
    for (const row of await storedDaysOf(relational, [areaKey(area)], days, figure.id)) {
      // It can't be computed again: what was stored while its readings were there holds.
      const settled = row.day < today && known.upToDate && !unsettled.has(row.day);
      const results =
        row.day <= deleted
          ? unpack(figure, row.day, row.body)
          : settled
            ? await currentArea(stored, row, sources.statements)
            : null;
      if (results !== null) found.set(row.day, results);
    }
    return found;
  }

  /** The value whose span holds an instant, opened. @throws not-measured, range-too-wide, not-found when that is in the future */
  async open(
    figure: AreaFigure,
    area: string,
    at: number,
    signal?: AbortSignal,
  ): Promise<OpenedArea> {
    const { areas, clock } = this.#options;
    if (at > clock()) throw new OperationalError('not-found', 'that time has not come');
    const members = await this.#members(figure, area);
    const computing = this.#computing(await this.#known(figure), signal);
    const day = dayOf(at);
    const days = { first: day, end: day + 1 };
    const told = await toldOf(figure, area, members);
    const before = await noteFormer(this.#options, told, days, [[day, day + 1]]);
    const { result, inputs } = await areas.open(figure, members, at, computing, signal);
    const history = await historyOf(figure, result, before());
    const stays = new Map(members.map((one) => [one.device, one.stays]));
    return {
      item: itemOf(figure, result, clock(), history[0]),
      result,
      inputs: figure.inputs.map(({ name, figure: own }, n) => ({
        ...{ name, figure: own },
        expected: result.inputs[n]?.expected ?? 0,
        valid: result.inputs[n]?.valid ?? 0,
        stations: (inputs.get(name) ?? []).map((one) => ({
          ...one,
          stays: stays.get(one.device) ?? [],
        })),
      })),
      history,
    };
  }
}

/** An area's figure as it is told. */
async function toldOf(figure: AreaFigure, area: string, members: readonly Member[]): Promise<Told> {
  const holding = await Holding.over(figure, members);
  return {
    ...{ figure, owner: areaKey(area), of: members.map(({ device }) => device) },
    reads: (span) => areaWindow(figure, span),
    holds: (day) => holding.of(day),
  };
}

/** Before anything is read: what is computed from readings each time is known to be too much at once. @throws range-too-wide */
async function expectFew(
  figure: AreaFigure,
  members: readonly Member[],
  runs: readonly (readonly [number, number])[],
): Promise<void> {
  const slices = new Slices();
  const budget = new RowBudget(ROWS_MAX);
  const values = new RowBudget(VALUES_MAX);
  for (const [first, end] of runs) {
    const span = { from: dayStart(first), to: dayStart(end) };
    for (const { figure: own } of figure.inputs)
      for (const member of members) {
        if (slices.over) await slices.next();
        if (!member.measures(own, span)) continue;
        values.take(((end - first) * DAY) / lengthOf(own.span));
        if (own.keep === 'computed') budget.take(member.rowsIn(own, span));
      }
  }
}

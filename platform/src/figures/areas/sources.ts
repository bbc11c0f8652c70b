/** Where figures of areas get their inputs from: devices that stood there, and what their figures came to while they did. */
import { createHash } from 'node:crypto';
import { DAY, OperationalError, Slices } from '@village/core';
import type { RelationalAccess } from '@village/store/relational';
import { applies } from '../compute.ts';
import { dayOf, dayStart, lengthOf, type Span, spansIn } from '../days.ts';
import { type AreaFigure, type Figure, window } from '../figure.ts';
import type { Wanted } from '../portions.ts';
import type { Sources, Turn } from '../sources.ts';
import { type CurrentOptions, currentDays, type Days, type Known } from '../stored/current-days.ts';
import type { StoredResult } from '../stored/packed.ts';
import { computeArea, type Inputs, type StationResults } from './compute.ts';
import { Holding, type Member, membersOf } from './members.ts';
import { Standing } from './standing.ts';

/** Values of devices that are in memory at once. */
const VALUES_IN_MEMORY = 100_000;
const CHUNK_DAYS = 31;

export interface AreaSourceOptions extends Omit<CurrentOptions, 'relational' | 'sources'> {
  readonly sources: Sources;
  readonly relational: Pick<RelationalAccess, 'for'>;
}

/** Days that are computed at once: values of all devices for them are in memory. */
function daysAtOnce({ inputs }: AreaFigure, members: number): number {
  const perDay = inputs.reduce((sum, { figure }) => sum + DAY / lengthOf(figure.span), 0);
  const most = Math.floor(VALUES_IN_MEMORY / Math.max(1, members * perDay));
  return Math.min(CHUNK_DAYS, Math.max(1, most));
}

/** Rows that an answer may still read of the archive; those that devices are expected to have sent. */
export class RowBudget {
  #left: number;

  constructor(rows: number) {
    this.#left = rows;
  }

  /** @throws range-too-wide */
  take(rows: number): void {
    this.#left -= rows;
    if (this.#left < 0)
      throw new OperationalError(
        'range-too-wide',
        'from: these stations have more readings in that time than one answer is computed from; ask for a shorter time',
      );
  }
}

/** How an area's values are computed. */
export interface Computing {
  /** What is known of marks; device figures that are stored are then taken as they are. Null computes all from readings. */
  readonly known: Known | null;
  readonly budget?: RowBudget;
  /** Rows that may really come, whatever is expected of devices. */
  readonly coming?: RowBudget;
  /** Runs what holds values of all devices in memory, and the parts of it that hold readings of one, when it is their turn. */
  readonly days?: Turn;
  readonly turn?: Turn;
}

const atOnce: Turn = (work) => work();

export class AreaSources {
  readonly #options: AreaSourceOptions;
  #standing: { readonly version: number; readonly standing: Standing } | null = null;

  constructor(options: AreaSourceOptions) {
    this.#options = options;
  }

  /** Who stood where; kept in memory as long as nothing in the registry changes. */
  async standing(version: number): Promise<Standing> {
    if (this.#standing?.version === version) return this.#standing.standing;
    const standing = await Standing.load(this.#options.relational);
    this.#standing = { version, standing };
    return standing;
  }

  /** Devices that the figure is of, at any time. */
  async members(figure: AreaFigure, area: string, version?: number): Promise<Member[]> {
    const { sources } = this.#options;
    // Asked before what it stands for is read.
    const now = version ?? (await sources.version());
    const stood = (await this.standing(now)).in(area);
    const held = await sources.circumstancesOf(
      stood.map(({ device }) => device),
      now,
    );
    return membersOf(figure, stood, held);
  }

  /** Digest of all that held for some figures of an area, at any time. */
  async digest(figures: readonly AreaFigure[], area: string, version?: number): Promise<string> {
    const hash = createHash('sha256');
    for (const figure of figures) {
      const holding = await Holding.over(figure, await this.members(figure, area, version));
      hash.update(await holding.whole());
    }
    return hash.digest('base64url').slice(0, 22);
  }

  /** Results over whole days, from the first to before the end, of so many days at once as memory allows. */
  async *compute(
    figure: AreaFigure,
    members: readonly Member[],
    { first, end }: Days,
    computing: Computing,
    signal?: AbortSignal,
  ): AsyncGenerator<StoredResult> {
    const step = daysAtOnce(figure, members.length);
    const turn = computing.days ?? atOnce;
    for (let day = first; day < end; day += step) {
      const days = { first: day, end: Math.min(day + step, end) };
      yield* await turn(() => this.#days(figure, members, days, computing, signal));
    }
  }

  async #days(
    figure: AreaFigure,
    members: readonly Member[],
    days: Days,
    computing: Computing,
    signal: AbortSignal | undefined,
  ): Promise<StoredResult[]> {
    const part = { from: dayStart(days.first), to: dayStart(days.end) };
    const given = await this.#givenAll(figure, members, days, computing, signal);
    const results: StoredResult[] = [];
    const slices = new Slices();
    for (const span of spansIn(figure.span, part)) {
      results.push(await computeArea(figure, span, await inputsOf(figure, members, span, given)));
      if (slices.over) await slices.next();
    }
    return results;
  }

  async #givenAll(
    figure: AreaFigure,
    members: readonly Member[],
    days: Days,
    computing: Computing,
    signal: AbortSignal | undefined,
  ): Promise<Map<string, Map<string, Map<number, StoredResult>>>> {
    const given = new Map<string, Map<string, Map<number, StoredResult>>>();
    for (const input of figure.inputs)
      given.set(input.name, await this.#given(input.figure, members, days, computing, signal));
    return given;
  }

  /** The result whose span holds an instant, with what each device gave. */
  async open(
    figure: AreaFigure,
    members: readonly Member[],
    at: number,
    computing: Computing,
    signal?: AbortSignal,
  ): Promise<{ result: StoredResult; inputs: Inputs }> {
    const [span] = spansIn(figure.span, { from: at, to: at + 1 }) as [Span];
    const days = { first: dayOf(span.from), end: dayOf(span.to - 1) + 1 };
    const turn = computing.days ?? atOnce;
    return turn(async () => {
      const given = await this.#givenAll(figure, members, days, computing, signal);
      const inputs = await inputsOf(figure, members, span, given);
      return { result: await computeArea(figure, span, inputs), inputs };
    });
  }

  /** A device figure's results on days on which the devices stood there, by device and time. */
  async #given(
    figure: Figure,
    members: readonly Member[],
    days: Days,
    { known, budget, coming, turn }: Computing,
    signal: AbortSignal | undefined,
  ): Promise<Map<string, Map<number, StoredResult>>> {
    const { sources } = this.#options;
    const slices = new Slices();
    const own: Member[] = [];
    for (const member of members) {
      if (applies(figure, member.here)) own.push(member);
      if (slices.over) await slices.next();
    }
    const whole = own.map(({ held }) => held);
    const there =
      known === null || figure.keep !== 'stored'
        ? new Map<string, Map<number, StoredResult[]>>()
        : await currentDays(this.#options, figure, whole, days, known);
    const found = new Map<string, Map<number, StoredResult>>();
    const computed = new Map<string, Member>();
    const wanted: Wanted[] = [];
    for (const member of own) {
      if (slices.over) await slices.next();
      const results = new Map<number, StoredResult>();
      found.set(member.device, results);
      const runs: { first: number; end: number }[] = [];
      for (let day = days.first; day < days.end; day++) {
        const span = { from: dayStart(day), to: dayStart(day) + DAY };
        if (!member.measures(figure, span)) continue;
        // What is stored is of the whole device; of a day in which it moved only a part counts.
        const stored = member.staysThrough(window(figure, span))
          ? there.get(member.device)?.get(day)
          : undefined;
        const last = runs.at(-1);
        if (stored !== undefined) for (const one of stored) results.set(one.at, one);
        else if (last?.end === day) last.end++;
        else runs.push({ first: day, end: day + 1 });
      }
      if (runs.length === 0) continue;
      for (const { first, end } of runs)
        budget?.take(member.rowsIn(figure, { from: dayStart(first), to: dayStart(end) }));
      computed.set(member.device, member);
      wanted.push({ held: member.here, runs });
    }
    const read = (rows: number): void => coming?.take(rows);
    for await (const [device, , result] of sources.computeMany(
      [figure],
      wanted,
      signal,
      turn,
      read,
    )) {
      const member = computed.get(device)!;
      found.get(device)!.set(result.at, this.#withStatements(figure, member, result));
    }
    return found;
  }

  /** A result with the statements that touch what the device measured in the area. */
  #withStatements(
    figure: Figure,
    { device, stays }: Member,
    result: Omit<StoredResult, 'corrections'>,
  ): StoredResult {
    const { statements } = this.#options.sources;
    const around = window(figure, { from: result.at, to: result.at + lengthOf(figure.span) });
    const ids = new Set<number>();
    for (const { from, to } of stays) {
      const part = { from: Math.max(from, around.from), to: Math.min(to, around.to) };
      if (part.from < part.to) for (const id of statements.touching(device, part)) ids.add(id);
    }
    return { ...result, corrections: [...ids].sort((a, b) => a - b) };
  }
}

/** What devices gave, by input, device and time. */
export type Given = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<number, StoredResult>>>;

/** What the devices that stood there in a span gave in it. Out of service, those count that left readings. */
export async function inputsOf(
  figure: AreaFigure,
  members: readonly Member[],
  span: Span,
  given: Given,
): Promise<Inputs> {
  const inputs = new Map<string, readonly StationResults[]>();
  const slices = new Slices();
  for (const { name, figure: own } of figure.inputs) {
    const stations: StationResults[] = [];
    const parts = spansIn(own.span, span);
    for (const member of members) {
      if (slices.over) await slices.next();
      const known = given.get(name)?.get(member.device);
      if (known === undefined || !member.measures(own, span)) continue;
      const results = parts.flatMap((part) => {
        const one = known.get(part.from);
        if (one === undefined || !member.measures(own, part)) return [];
        const counts = member.inService(part) || one.inputs.some(({ rows }) => rows > 0);
        return counts ? [one] : [];
      });
      if (results.length > 0) stations.push({ device: member.device, results });
    }
    inputs.set(name, stations);
  }
  return inputs;
}

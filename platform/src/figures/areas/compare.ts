/**
 * Which figures of areas would be others if other readings held of a few devices: computed from readings under both, of the days on
 * which what one of the devices gave differs. Bounded in readings and time; what was not computed is counted.
 */
import { DAY, Slices } from '@village/core';
import { applies, type Result } from '../compute.ts';
import { dayOf, dayStart, lastDeletedDay, lengthOf, runsOf, spansIn } from '../days.ts';
import type { AreaFigure, Figure } from '../figure.ts';
import type { Sources } from '../sources.ts';
import type { StoredResult } from '../stored/packed.ts';
import { computeArea } from './compute.ts';
import type { Member } from './members.ts';
import { type AreaSources, type Given, inputsOf } from './sources.ts';

/** What an area's figure comes to, and how many of the values that it is made of are there. */
export interface AreaValue {
  readonly value: number | null;
  readonly completeness: number;
  readonly valid: number;
  readonly expected: number;
}

export interface AreaDifference {
  readonly figure: string;
  readonly area: string;
  readonly at: number;
  readonly before: AreaValue;
  readonly after: AreaValue;
}

export interface Compared {
  readonly differences: readonly AreaDifference[];
  /** Values of areas that may differ as well and were not computed. */
  readonly unseen: number;
}

export interface CompareOptions {
  readonly figures: readonly AreaFigure[];
  readonly areas: AreaSources;
  /** Where readings come from, before and after. */
  readonly sources: readonly [before: Sources, after: Sources];
  /** Days on which readings of devices may differ. */
  readonly days: ReadonlyMap<string, readonly number[]>;
  /** Whether an area is to be told of. */
  readonly sees: (area: string) => boolean;
  readonly clock: () => number;
  /** Time that has passed, which nobody sets. */
  readonly elapsed: () => number;
  /** Readings from before it may have been deleted; without, all are there. */
  readonly deletedBefore?: () => number;
}

/** Readings that are read, as devices are expected to have sent them. */
const ROWS_MAX = 2_000_000;
/** How long it may take. */
const TIME_MAX_MS = 8_000;
/** Values of devices in memory. */
const VALUES_MAX = 100_000;

/** One device's results under one of both, by figure and time. */
type Results = ReadonlyMap<string, ReadonlyMap<number, StoredResult>>;
type Sides = readonly [before: Results, after: Results];

/** An area in which one of the devices stood. */
interface Place {
  readonly area: string;
  readonly members: readonly Member[];
  /** Those of which other readings may hold. */
  readonly concerned: ReadonlyMap<string, Sides>;
  /** Days on which an input differs, by the input's id. */
  readonly differing: ReadonlyMap<string, ReadonlySet<number>>;
}

export class AreaComparison {
  readonly #options: CompareOptions;
  readonly #until: number;
  readonly #slices = new Slices();
  #rows = ROWS_MAX;

  constructor(options: CompareOptions) {
    this.#options = options;
    this.#until = options.elapsed() + TIME_MAX_MS;
  }

  /** @throws as the sources do */
  async run(signal?: AbortSignal): Promise<Compared> {
    const differences: AreaDifference[] = [];
    let unseen = 0;
    // Of one quantity at a time, so that devices are read once for its means and verdicts.
    for (const group of groups(this.#options.figures)) {
      const places = await this.#places(group, signal);
      const found = await this.#compare(group, places, signal);
      for (const one of found.differences) differences.push(one);
      unseen += found.unseen;
    }
    return { differences, unseen };
  }

  /** Areas in which what a device gave differs, the smallest first. */
  async #places(group: Group, signal: AbortSignal | undefined): Promise<Place[]> {
    const { areas, days, sees } = this.#options;
    const version = await this.#options.sources[0].version();
    const standing = await areas.standing(version);
    const codes = new Set<string>();
    for (const [device, own] of days)
      for (const day of own)
        for (const area of standing.areasOf(device, daySpan(day))) if (sees(area)) codes.add(area);
    const known = new Map<string, Sides>();
    const places: Place[] = [];
    for (const area of codes) {
      const members = await areas.members(group.figures[0], area, version);
      if (this.#slices.over) await this.#slices.next();
      const concerned = new Map<string, Sides>();
      const differing = new Map<string, Set<number>>(group.inputs.map(({ id }) => [id, new Set()]));
      for (const member of members) {
        const own = days.get(member.device);
        if (own === undefined) continue;
        const key = keyOf(member);
        const sides = known.get(key) ?? (await this.#sides(group, member, own, signal));
        known.set(key, sides);
        concerned.set(member.device, sides);
        for (const [id, list] of differing) for (const day of daysOf(id, sides)) list.add(day);
      }
      if ([...differing.values()].some(({ size }) => size > 0))
        places.push({ area, members, concerned, differing });
    }
    return places.sort((a, b) => a.members.length - b.members.length || (a.area < b.area ? -1 : 1));
  }

  /** What a device of which other readings may hold gave under both. */
  async #sides(
    group: Group,
    member: Member,
    days: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<Sides> {
    const [before, after] = this.#options.sources;
    return [
      await this.#given(before, group, member, days, signal),
      await this.#given(after, group, member, days, signal),
    ];
  }

  async #given(
    sources: Sources,
    { inputs }: Group,
    { here }: Member,
    days: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<Results> {
    const own = inputs.filter((figure) => applies(figure, here));
    const found = emptyOf({ inputs }, here);
    for (const [first, end] of runsOf(days))
      for await (const [{ id }, result] of sources.compute(own, here, first, end, signal))
        found.get(id)?.set(result.at, { ...result, corrections: [] });
    return found;
  }

  async #compare(
    group: Group,
    places: readonly Place[],
    signal: AbortSignal | undefined,
  ): Promise<Compared> {
    const differences: AreaDifference[] = [];
    let unseen = 0;
    const valuesADay = group.inputs.reduce((sum, { span }) => sum + DAY / lengthOf(span), 0);
    const small = places.filter(({ members }) => members.length * valuesADay <= VALUES_MAX);
    for (const place of places) if (!small.includes(place)) unseen += this.#count(group, place);
    const days = [...new Set(small.flatMap(({ differing }) => allDays(differing)))];
    const most = Math.max(1, ...small.map(({ members }) => members.length));
    const step = Math.max(1, Math.floor(VALUES_MAX / (most * valuesADay)));
    days.sort((a, b) => a - b);
    for (let n = 0; n < days.length; n += step) {
      const part = days.slice(n, n + step);
      // A device stands in several of the areas, the one within the other.
      const known = new Map<string, Results>();
      for (const place of small) {
        const own = part.filter((day) => allDays(place.differing).includes(day));
        const complete =
          own.length === 0 || (await this.#readOthers(group, place, part, known, signal));
        if (!complete) unseen += this.#count(group, place, own);
        else
          for (const one of await this.#differences(group, place, own, known))
            differences.push(one);
      }
    }
    return { differences, unseen };
  }

  /** Values of an area that may differ. */
  #count({ figures }: Group, { differing }: Place, days?: readonly number[]): number {
    return figures.reduce((sum, figure) => {
      const own = this.#daysOf(figure, differing);
      const wanted = days === undefined ? own : own.filter((day) => days.includes(day));
      return sum + wanted.length * (DAY / lengthOf(figure.span));
    }, 0);
  }

  /** Days on which a figure of an area may differ: what is stored of readings that retention has deleted stays as it is. */
  #daysOf({ inputs, keep }: AreaFigure, differing: Place['differing']): number[] {
    const deleted =
      keep === 'stored' ? lastDeletedDay(this.#options.deletedBefore) : Number.NEGATIVE_INFINITY;
    const days = inputs.flatMap(({ figure }) => [...(differing.get(figure.id) ?? [])]);
    return [...new Set(days)].filter((day) => day > deleted);
  }

  /** Reads what the others gave who stood there; false when that is more than may be read. */
  async #readOthers(
    group: Group,
    { members, concerned }: Place,
    days: readonly number[],
    known: Map<string, Results>,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { sources, elapsed } = this.#options;
    const others = members.filter((one) => !concerned.has(one.device) && !known.has(keyOf(one)));
    const runs = runsOf(days).map(([first, end]) => ({ first, end }));
    let rows = 0;
    for (const { first, end } of runs)
      for (const member of others) {
        const span = { from: dayStart(first), to: dayStart(end) };
        rows += Math.max(...group.inputs.map((one) => member.rowsIn(one, span)));
        if (this.#slices.over) await this.#slices.next();
      }
    if (rows > this.#rows || elapsed() > this.#until) return false;
    this.#rows -= rows;
    const found = new Map(others.map(({ device, here }) => [device, emptyOf(group, here)]));
    const wanted = others.map(({ here }) => ({ held: here, runs }));
    const computed = sources[0].computeMany(group.inputs, wanted, signal);
    for await (const [device, { id }, result] of computed) {
      if (elapsed() > this.#until) return false;
      found
        .get(device)
        ?.get(id)
        ?.set(result.at, { ...result, corrections: [] });
    }
    for (const member of others) known.set(keyOf(member), found.get(member.device)!);
    return true;
  }

  async #differences(
    group: Group,
    place: Place,
    days: readonly number[],
    known: ReadonlyMap<string, Results>,
  ): Promise<AreaDifference[]> {
    const { area, members, concerned, differing } = place;
    const side = (n: 0 | 1): ReadonlyMap<string, Results> =>
      new Map(
        members.flatMap((member) => {
          const given = concerned.get(member.device)?.[n] ?? known.get(keyOf(member));
          return given === undefined ? [] : [[member.device, given] as const];
        }),
      );
    const [before, after] = [side(0), side(1)];
    const now = this.#options.clock();
    const found: AreaDifference[] = [];
    for (const figure of group.figures) {
      const wanted = this.#daysOf(figure, differing).filter((day) => days.includes(day));
      const given = [givenOf(figure, before), givenOf(figure, after)] as const;
      for (const span of wanted.flatMap((day) => spansIn(figure.span, daySpan(day)))) {
        if (span.from >= now) continue;
        const was = await computeArea(
          figure,
          span,
          await inputsOf(figure, members, span, given[0]),
        );
        const is = await computeArea(figure, span, await inputsOf(figure, members, span, given[1]));
        if (this.#slices.over) await this.#slices.next();
        if (toldOf(was) === toldOf(is)) continue;
        const sides = { before: worth(was), after: worth(is) };
        found.push({ figure: figure.id, area, at: span.from, ...sides });
      }
    }
    return found;
  }
}

/** Figures that are made of the same quantities, and the figures of devices that they are made of. */
interface Group {
  readonly figures: readonly [AreaFigure, ...AreaFigure[]];
  readonly inputs: readonly Figure[];
}

function groups(figures: readonly AreaFigure[]): Group[] {
  const key = ({ inputs }: AreaFigure): string =>
    [...new Set(inputs.map(({ figure }) => figure.inputs.map(({ quantity }) => quantity).join()))]
      .sort()
      .join(' ');
  return [...Map.groupBy(figures, key).values()].map((own) => {
    const inputs = own.flatMap((one) => one.inputs.map(({ figure }) => figure));
    return {
      figures: own as [AreaFigure, ...AreaFigure[]],
      inputs: [...new Map(inputs.map((one) => [one.id, one])).values()],
    };
  });
}

/** Nothing yet of all figures that a device has. */
const emptyOf = (
  { inputs }: Pick<Group, 'inputs'>,
  here: Member['here'],
): Map<string, Map<number, StoredResult>> =>
  new Map(inputs.filter((one) => applies(one, here)).map(({ id }) => [id, new Map()]));

const daySpan = (day: number): { from: number; to: number } => ({
  from: dayStart(day),
  to: dayStart(day + 1),
});

/** A device as far as it stood in an area: in those in which it stood the same time it gave the same. */
const keyOf = ({ device, stays }: Member): string =>
  `${device} ${stays.map(({ from, to }) => `${from} ${to}`).join()}`;

const allDays = (differing: Place['differing']): number[] => [
  ...new Set([...differing.values()].flatMap((days) => [...days])),
];

/** What of a result counts for who is told of it, and for areas. */
const toldOf = ({
  value,
  completeness,
  standards,
  fault,
  inputs,
}: Omit<Result, 'attributes'>): string =>
  JSON.stringify([
    ...[value, completeness, standards, fault],
    ...inputs.map(({ expected, valid, rows }) => [expected, valid, rows > 0]),
  ]);

/** Days on which a device's figure differs. */
function daysOf(id: string, [before, after]: Sides): Set<number> {
  const days = new Set<number>();
  for (const [at, one] of after.get(id) ?? []) {
    const other = before.get(id)?.get(at);
    if (other === undefined || toldOf(other) !== toldOf(one)) days.add(dayOf(at));
  }
  return days;
}

function givenOf({ inputs }: AreaFigure, results: ReadonlyMap<string, Results>): Given {
  return new Map(
    inputs.map(({ name, figure }) => [
      name,
      new Map(
        [...results].flatMap(([device, own]) => {
          const there = own.get(figure.id);
          return there === undefined ? [] : [[device, there] as const];
        }),
      ),
    ]),
  );
}

function worth({ value, completeness, inputs }: StoredResult): AreaValue {
  const share = ({ valid, expected }: (typeof inputs)[number]): number => valid / expected;
  const least = inputs.reduce((a, b) => (share(b) < share(a) ? b : a));
  return { value, completeness, valid: least.valid, expected: least.expected };
}

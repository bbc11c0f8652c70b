/** Puts what a county says in the place of unverified values; what can't stand there is refused with its place. */
import type { Label } from '@village/core';
import { type GradeStandard, isScale, type Scale } from '../grades.ts';
import {
  type Conditions,
  type LimitRow,
  type LimitStandard,
  type LimitTable,
  WATERS,
} from '../limits.ts';
import type { Signal, SignalStandard } from '../signals.ts';
import { type CountyMark, PERIODS, type Period, type StandardVersion } from '../standard.ts';
import type { AnyStandard } from '../tables/index.ts';
import type { CountyGrade, CountyLimit, CountySignal, CountyValues, Refuse } from './file.ts';

interface Versioned {
  readonly version: string;
  readonly refuse: Refuse;
  readonly mark: CountyMark;
}

/** The version as it is cited once it has values of a county in it. */
const renamed = (version: string, marks: readonly CountyMark[]): string =>
  `${version} (county ${marks
    .map(({ on }) => on)
    .sort()
    .at(-1)})`;

type Versions<Data> = readonly [StandardVersion<Data>, ...StandardVersion<Data>[]];

/** Every version with the entries that are of it. */
function withEntries<Data extends { readonly version: string }, Entry extends Versioned>(
  versions: Versions<Data>,
  entries: readonly Entry[],
  change: (data: Data, own: readonly Entry[]) => Data,
): Versions<Data> {
  const [first, ...rest] = versions.map((one) => {
    const own = entries.filter(({ version }) => version === one.data.version);
    if (own.length === 0) return one;
    const marks = own.map(({ mark }) => mark);
    return { ...one, version: renamed(one.version, marks), data: change(one.data, own) };
  });
  return [first as StandardVersion<Data>, ...rest];
}

/** Entries of versions that are there and that nobody has held against their text. */
function usable<Entry extends Versioned>(
  entries: readonly Entry[],
  versions: readonly { readonly verified: boolean; readonly data: { readonly version: string } }[],
): Entry[] {
  const names = versions.map(({ data }) => data.version).join('、');
  return entries.filter(({ version, refuse }) => {
    const found = versions.find(({ data }) => data.version === version);
    if (found === undefined)
      refuse(
        `没有“${version}”，有：${names}`,
        `there is no "${version}", there are ${names.replaceAll('、', ', ')}`,
        'version',
      );
    else if (found.verified)
      refuse(
        `${version} 的数值已与原文核对，不能改`,
        `the values of ${version} were held against its text and can't be changed`,
        'version',
      );
    return found?.verified === false;
  });
}

const names = (words: readonly string[]): string => words.join(', ');

/** The period and class that an entry is of, as its table has them; null where it has been refused. */
function placeOf(
  entry: CountyLimit,
  standard: LimitStandard,
  { rows, coldAtMost }: LimitTable,
): { readonly period: Period; readonly class: string | null } | null {
  const { refuse, quantity } = entry;
  const all = PERIODS.filter((one) => rows.some(({ period }) => period === one));
  const of = rows.filter((row) => row.quantity === quantity);
  const there = PERIODS.filter((one) => of.some(({ period }) => period === one));
  const may = there.length > 0 ? there : all;
  const period = entry.period ?? (may.length === 1 ? may[0] : undefined);
  if (period === undefined || !all.includes(period)) {
    refuse(
      `须写明时段，可用：${names(may)}`,
      `must say its period, one of ${names(may)}`,
      'period',
    );
    return null;
  }
  const classes = standard.classes.map(({ key }) => key);
  if (entry.class !== null && !classes.includes(entry.class)) {
    refuse(
      `没有这一类，有：${names(classes)}`,
      `is no class of it, there are ${names(classes)}`,
      'class',
    );
    return null;
  }
  const forAll = of.length > 0 && of.every((row) => row.class === null);
  if ((entry.class === null) !== forAll && of.length > 0) {
    refuse(
      forAll ? '各类相同，不要写 class' : `须写明 class，可用：${names(classes)}`,
      forAll
        ? 'is the same for every class: leave out class'
        : `must say its class, one of ${names(classes)}`,
      forAll ? 'class' : undefined,
    );
    return null;
  }
  if (entry.when.cold !== undefined && coldAtMost === undefined) {
    refuse('该版本不分水温', 'does not go by the temperature of the water', 'cold');
    return null;
  }
  const sense = of[0]?.bound.sense;
  if (sense !== undefined && sense !== entry.bound.sense) {
    const key = { 'at-most': 'atMost', 'at-least': 'atLeast', between: 'between' }[sense];
    refuse(`须用 ${key}`, `must be said by ${key}`);
    return null;
  }
  return { period, class: entry.class };
}

const KINDS = ['water', 'cold', 'built'] as const;

const kindsOf = (when: Conditions): string[] =>
  KINDS.filter((kind) =>
    kind === 'built'
      ? when.builtFrom !== undefined || when.builtBefore !== undefined
      : when[kind] !== undefined,
  );

/** What has to be said together, and is not; null where all of it is. */
function gapOf(group: readonly CountyLimit[], standard: LimitStandard): Label | null {
  const [first] = group;
  const kinds = [...new Set(group.map(({ when }) => names(kindsOf(when))))];
  const [kind = ''] = kinds;
  if (kinds.length > 1 || kind.includes(','))
    return {
      zh: '同一项目、类别须按同一个条件分列（water、cold 或建设年份）',
      en: 'what is of one quantity and class must go by one condition: water, cold or the year of building',
    };
  const said = (has: (when: Conditions) => boolean): boolean => group.some(({ when }) => has(when));
  switch (kind) {
    case 'cold':
      return said(({ cold }) => cold === true) && said(({ cold }) => cold === false)
        ? null
        : {
            zh: '须同时给出 cold: true 和 cold: false',
            en: 'must be said for cold: true and for cold: false',
          };
    case 'water': {
      const excluded = standard.exclusions?.filter(({ quantity }) => quantity === first?.quantity);
      const open = WATERS.filter(
        (one) =>
          excluded?.some(({ water }) => water === one) !== true &&
          !said(({ water }) => water === one),
      );
      return open.length === 0
        ? null
        : {
            zh: `还须给出 water: ${names(open)}`,
            en: `must be said for water: ${names(open)} too`,
          };
    }
    case 'built': {
      const years = new Set(group.flatMap(({ when }) => when.builtFrom ?? when.builtBefore ?? []));
      const both = said(({ builtFrom }) => builtFrom !== undefined);
      return both && said(({ builtBefore }) => builtBefore !== undefined) && years.size === 1
        ? null
        : {
            zh: '须同时给出同一年的 builtFrom 和 builtBefore',
            en: 'must be said for builtFrom and builtBefore of one year',
          };
    }
    default:
      return null;
  }
}

/** Refuses what is said twice and what a standard leaves out. */
function sound(group: readonly CountyLimit[], standard: LimitStandard): boolean {
  const seen = new Map<string, CountyLimit>();
  for (const one of group) {
    const excluded = standard.exclusions?.find(
      ({ quantity, water }) => quantity === one.quantity && water === one.when.water,
    );
    const key = JSON.stringify(one.when);
    const other = seen.get(key);
    if (excluded !== undefined) one.refuse(excluded.reason.zh, excluded.reason.en, 'water');
    else if (other !== undefined)
      one.refuse(`与 ${other.mark.place} 重复`, `is said at ${other.mark.place} already`);
    else {
      seen.set(key, one);
      continue;
    }
    return false;
  }
  const gap = gapOf(group, standard);
  if (gap !== null) group[0]?.refuse(gap.zh, gap.en);
  return gap === null;
}

/** What a county says of a quantity, class and period takes the place of all that the table says of it. */
function changedRows(
  table: LimitTable,
  entries: readonly CountyLimit[],
  standard: LimitStandard,
): LimitRow[] {
  const placed = entries.flatMap((entry) => {
    const place = placeOf(entry, standard, table);
    return place === null ? [] : [{ entry, place }];
  });
  const groups = Map.groupBy(placed, ({ entry: { quantity }, place }) =>
    JSON.stringify([quantity, place.class, place.period]),
  );
  let rows = [...table.rows];
  for (const group of groups.values()) {
    if (
      !sound(
        group.map(({ entry }) => entry),
        standard,
      )
    )
      continue;
    const own = group.map(({ entry: { quantity, when, bound, mark: county }, place }): LimitRow => {
      const shipped = rows.find((row) => isOf(row, quantity, place) && row.note !== undefined);
      const note = shipped?.note === undefined ? {} : { note: shipped.note };
      return { quantity, ...place, when, bound, county, ...note };
    });
    const [{ quantity, ...place }] = own as [LimitRow];
    rows = [...rows.filter((row) => !isOf(row, quantity, place)), ...own];
  }
  return rows;
}

const isOf = (
  row: LimitRow,
  quantity: string,
  place: { readonly period: Period; readonly class: string | null },
): boolean => row.quantity === quantity && row.class === place.class && row.period === place.period;

function withLimits(standard: LimitStandard, entries: readonly CountyLimit[]): LimitStandard {
  return {
    ...standard,
    versions: withEntries(standard.versions, entries, (data, own) => ({
      ...data,
      rows: changedRows(data, own, standard),
    })),
  };
}

/** A scale with other begins of its grades. */
function changedScale(scale: Scale, entries: readonly CountyGrade[]): Scale {
  const own = entries.filter(({ hours }) => hours === scale.hours);
  const seen = new Map<string, CountyGrade>();
  for (const one of own) {
    const other = seen.get(one.grade);
    if (other !== undefined)
      one.refuse(`与 ${other.mark.place} 重复`, `is said at ${other.mark.place} already`);
    else if (scale.grades.some(({ key }) => key === one.grade)) seen.set(one.grade, one);
    else {
      const keys = names(scale.grades.map(({ key }) => key));
      one.refuse(`没有这一级，有：${keys}`, `is no grade of it, there are ${keys}`, 'grade');
    }
  }
  const [first, ...rest] = scale.grades.map((grade) => {
    const said = seen.get(grade.key);
    return said === undefined ? grade : { ...grade, from: said.from, county: said.mark };
  });
  const changed = { ...scale, grades: [first, ...rest] as Scale['grades'] };
  if (isScale(changed.grades)) return changed;
  own[0]?.refuse('各级下限须逐级升高', 'grades must begin one above the other');
  return scale;
}

function withGrades(standard: GradeStandard, entries: readonly CountyGrade[]): GradeStandard {
  return {
    ...standard,
    versions: withEntries(standard.versions, entries, (data, own) => {
      for (const { hours, refuse } of own)
        if (!data.scales.some((scale) => scale.hours === hours)) {
          const all = names(data.scales.map((scale) => String(scale.hours ?? '-')));
          refuse(`没有这个时段，有：${all}`, `has no such hours, there are ${all}`, 'hours');
        }
      return { ...data, scales: data.scales.map((scale) => changedScale(scale, own)) };
    }),
  };
}

/** A signal with other thresholds. */
function changedSignal(signal: Signal, entries: readonly CountySignal[]): Signal {
  const own = entries.filter(
    ({ hazard, colour }) => hazard === signal.hazard && colour === signal.colour,
  );
  const seen = new Map<string, CountySignal>();
  let hours: CountySignal | null = null;
  for (const one of own) {
    const other = seen.get(one.element);
    if (other !== undefined)
      one.refuse(`与 ${other.mark.place} 重复`, `is said at ${other.mark.place} already`);
    else if (!signal.conditions.some(({ element }) => element === one.element))
      one.refuse('该信号没有这个要素', 'is no element of that signal', 'element');
    else if (one.hours !== null && hours !== null && hours.hours !== one.hours)
      one.refuse(`与 ${hours.mark.place} 不一致`, `is not as at ${hours.mark.place}`, 'hours');
    else if (one.hours !== null && signal.hours === null)
      one.refuse('该信号按天数计', 'goes by days', 'hours');
    else {
      seen.set(one.element, one);
      if (one.hours !== null) hours = one;
    }
  }
  return {
    ...signal,
    hours: hours?.hours ?? signal.hours,
    conditions: signal.conditions.map((condition) => {
      const said = seen.get(condition.element);
      return said === undefined
        ? condition
        : { ...condition, value: said.value, county: said.mark };
    }),
  };
}

function withSignals(standard: SignalStandard, entries: readonly CountySignal[]): SignalStandard {
  return {
    ...standard,
    versions: withEntries(standard.versions, entries, (data, own) => {
      for (const { hazard, colour, refuse } of own)
        if (!data.signals.some((one) => one.hazard === hazard && one.colour === colour))
          refuse('没有这个信号', 'there is no such signal', 'hazard');
      return { ...data, signals: data.signals.map((one) => changedSignal(one, own)) };
    }),
  };
}

type Kind = AnyStandard['kind'];

/** The standards with what files say; of what is refused the shipped values stay. */
export function withCounty(
  all: readonly AnyStandard[],
  values: readonly CountyValues[],
): AnyStandard[] {
  const versionsOf = (kind: Kind) =>
    all.flatMap((one) => (one.kind === kind ? [...one.versions] : []));
  const said = {
    limits: usable(
      values.flatMap(({ limits }) => limits),
      versionsOf('limits'),
    ),
    grades: usable(
      values.flatMap(({ grades }) => grades),
      versionsOf('grades'),
    ),
    signals: usable(
      values.flatMap(({ signals }) => signals),
      versionsOf('signals'),
    ),
  };
  return all.map((standard) => {
    const isOwn = ({ version }: Versioned): boolean =>
      standard.versions.some(({ data }) => data.version === version);
    if (!said[standard.kind].some(isOwn)) return standard;
    if (standard.kind === 'limits') return withLimits(standard, said.limits);
    return standard.kind === 'grades'
      ? withGrades(standard, said.grades)
      : withSignals(standard, said.signals);
  });
}

/** Tables of limits: of each quantity and class the bound, and where it matters the conditions under which it holds. */
import { bug, type Label, QUANTITIES, type QuantityId } from '@village/core';
import {
  type CountyMark,
  defineStandard,
  type Limit,
  type Period,
  type Standard,
  type StandardVersion,
} from './standard.ts';

/** What a value must keep to, in the quantity's canonical unit; the bound itself is still allowed. */
export type Bound =
  | { readonly sense: 'at-most' | 'at-least'; readonly value: number }
  | { readonly sense: 'between'; readonly low: number; readonly high: number };

export const WATERS = ['river', 'lake'] as const;
export type Water = (typeof WATERS)[number];

/** A row holds only where all of this is so. */
export interface Conditions {
  readonly water?: Water;
  /** Whether the water is as cold as the table's `coldAtMost`, or warmer. */
  readonly cold?: boolean;
  /** Built in this year or later, or earlier than in it. */
  readonly builtFrom?: number;
  readonly builtBefore?: number;
}

export interface LimitRow {
  readonly quantity: QuantityId;
  readonly period: Period;
  /** Null: of every class. */
  readonly class: string | null;
  readonly bound: Bound;
  readonly when: Conditions;
  readonly note?: Label;
  readonly county?: CountyMark;
}

/** What is to be known about a version beyond its numbers. */
export interface TableNote {
  readonly text: Label;
  /** It does not concern plants of this class. */
  readonly unlessFacility?: string;
}

/** What a version of such a standard says. */
export interface LimitTable {
  /** The version's own name, also where a county has put values of its own into it. */
  readonly version: string;
  readonly cite: Label;
  readonly rows: readonly LimitRow[];
  /** Water of this temperature, ℃, is cold, and so is colder. */
  readonly coldAtMost?: number;
  readonly notes?: readonly TableNote[];
}

export interface LimitClass {
  readonly key: string;
  readonly name: Label;
}

/** A quantity that is not judged in a water, and why. */
export interface Exclusion {
  readonly quantity: QuantityId;
  readonly water: Water;
  readonly reason: Label;
}

export interface LimitStandard extends Standard<LimitTable> {
  readonly kind: 'limits';
  readonly classes: readonly LimitClass[];
  /** Which attribute of a device says the class, how people call it, and which class each of its words stands for. */
  readonly classBy: {
    readonly attribute: string;
    readonly name: Label;
    readonly words: Readonly<Record<string, string>>;
  };
  readonly exclusions?: readonly Exclusion[];
}

export const PERIOD_NAMES: Readonly<Record<Period, Label>> = {
  hour: { zh: '1 小时平均', en: '1 hour' },
  mda8: { zh: '日最大 8 小时平均', en: 'highest 8 hours of a day' },
  day: { zh: '日平均', en: 'day' },
  year: { zh: '年平均', en: 'year' },
  any: { zh: '限值', en: 'limit' },
};

/** Writers of rows: one number for each class, in their order; null where a class has none. */
export function writer(classes: readonly string[], period: Period) {
  const rows = (
    quantity: QuantityId,
    values: readonly (number | null)[],
    sense: 'at-most' | 'at-least',
    { note, ...when }: Conditions & { readonly note?: Label } = {},
  ): LimitRow[] => {
    if (values.length !== classes.length) bug(`${quantity} has not one value for each class`);
    return values.flatMap((value, n) =>
      value === null
        ? []
        : [
            {
              ...{ quantity, period, class: classes[n] ?? null, bound: { sense, value }, when },
              ...(note === undefined ? {} : { note }),
            },
          ],
    );
  };
  return {
    most: (
      quantity: QuantityId,
      values: readonly (number | null)[],
      more?: Parameters<typeof rows>[3],
    ) => rows(quantity, values, 'at-most', more),
    least: (
      quantity: QuantityId,
      values: readonly (number | null)[],
      more?: Parameters<typeof rows>[3],
    ) => rows(quantity, values, 'at-least', more),
    /** Of every class. */
    between: (quantity: QuantityId, low: number, high: number): LimitRow[] => [
      { quantity, period, class: null, bound: { sense: 'between', low, high }, when: {} },
    ],
  };
}

const CONDITION_NAMES: readonly ((when: Conditions) => Label | null)[] = [
  ({ water }) =>
    water === undefined
      ? null
      : water === 'lake'
        ? { zh: '湖、库', en: 'lakes and reservoirs' }
        : { zh: '河流', en: 'rivers' },
  ({ cold }) =>
    cold === undefined
      ? null
      : cold
        ? { zh: '低水温', en: 'cold water' }
        : { zh: '非低水温', en: 'no cold water' },
  ({ builtFrom }) =>
    builtFrom === undefined
      ? null
      : { zh: `${builtFrom} 年起建设`, en: `built in ${builtFrom} or later` },
  ({ builtBefore }) =>
    builtBefore === undefined
      ? null
      : { zh: `${builtBefore} 年以前建设`, en: `built before ${builtBefore}` },
];

const SENSES: Readonly<Record<'at-most' | 'at-least', Label>> = {
  'at-most': { zh: '', en: '' },
  'at-least': { zh: '不低于', en: 'at least' },
};

/** What a row is of, in words: class, period, conditions. */
function nameOf(standard: Pick<LimitStandard, 'classes'>, row: LimitRow): Label {
  const parts = [
    standard.classes.find(({ key }) => key === row.class)?.name,
    PERIOD_NAMES[row.period],
    ...CONDITION_NAMES.map((name) => name(row.when)),
    row.bound.sense === 'between' ? null : SENSES[row.bound.sense],
    row.county && { zh: '本县核定', en: 'as the county has it' },
  ].filter((part) => part !== null && part !== undefined);
  return {
    zh: parts
      .map(({ zh }) => zh)
      .filter((text) => text !== '')
      .join(' '),
    en: parts
      .map(({ en }) => en)
      .filter((text) => text !== '')
      .join(', '),
  };
}

function limitsOf(standard: Pick<LimitStandard, 'classes'>, row: LimitRow): Limit[] {
  const { zh, en } = nameOf(standard, row);
  if (row.bound.sense !== 'between') return [{ name: { zh, en }, value: row.bound.value }];
  return [
    { name: { zh: `${zh} 下限`, en: `${en}, lower` }, value: row.bound.low },
    { name: { zh: `${zh} 上限`, en: `${en}, upper` }, value: row.bound.high },
  ];
}

/** Rows of one key can't both hold. */
export const keyOf = ({ quantity, period, class: key, when }: Omit<LimitRow, 'bound'>): string =>
  JSON.stringify([
    quantity,
    period,
    key,
    when.water ?? '',
    when.cold ?? '',
    when.builtFrom ?? '',
    when.builtBefore ?? '',
  ]);

function faultOf(standard: Omit<LimitStandard, 'limits' | 'kind'>, table: LimitTable) {
  const classes = new Set(standard.classes.map(({ key }) => key));
  const keys = new Set<string>();
  for (const row of table.rows) {
    const key = keyOf(row);
    if (keys.has(key)) return `has ${key} twice`;
    keys.add(key);
    if (!Object.hasOwn(QUANTITIES, row.quantity)) return `knows no ${row.quantity}`;
    if (row.class !== null && !classes.has(row.class)) return `has no class ${row.class}`;
    if (row.when.cold !== undefined && table.coldAtMost === undefined)
      return 'does not say what is cold';
    const { bound } = row;
    if (bound.sense === 'between' ? !(bound.low < bound.high) : !Number.isFinite(bound.value))
      return `has no bound for ${key}`;
  }
  return null;
}

/** Dies of a table that can't be. */
export function defineLimits(standard: Omit<LimitStandard, 'limits' | 'kind'>): LimitStandard {
  const { id, classes, classBy, versions } = standard;
  for (const key of Object.values(classBy.words))
    if (!classes.some((one) => one.key === key)) bug(`${id} has no class ${key}`);
  for (const { version, data } of versions) {
    const fault = faultOf(standard, data);
    if (fault !== null) bug(`${version} ${fault}`);
  }
  const limits: LimitStandard['limits'] = (data, quantity, period) =>
    data.rows
      .filter((row) => row.quantity === quantity && (period ?? row.period) === row.period)
      .flatMap((row) => limitsOf(standard, row));
  return { ...standard, ...defineStandard({ ...standard, limits }), kind: 'limits' };
}

/** A version of a table, whose `cite` is its name as it is written in Chinese and in English. */
export function limitVersion(
  version: string,
  cite: Label,
  more: Pick<StandardVersion<LimitTable>, 'from' | 'source' | 'verified'> &
    Omit<LimitTable, 'version' | 'cite'>,
): StandardVersion<LimitTable> {
  const { from, source, verified, ...table } = more;
  return { version, from, source, verified, data: { version, cite, ...table } };
}

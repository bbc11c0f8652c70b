/**
 * The one question: which limit does a standard set on a quantity, for a class of place or plant, at a time. What it takes to
 * answer and is not said makes the answer unknown, with the reason and with what it may be; nothing is guessed.
 */
import { bug, type Label, QUANTITIES, type QuantityId } from '@village/core';
import {
  type Bound,
  type Conditions,
  type LimitRow,
  type LimitStandard,
  type LimitTable,
  PERIOD_NAMES,
  type Water,
} from './limits.ts';
import {
  type CountyMark,
  citing,
  heldAt,
  heldUntil,
  PERIODS,
  type Period,
  type StandardVersion,
} from './standard.ts';

export interface LimitQuestion {
  /** The instant that is judged, ms. */
  readonly at: number;
  /** A class of the standard, such as `III`; undefined where nobody said one. */
  readonly class?: string | undefined;
  /** Of what a limit is asked for; without it the one that there is. */
  readonly period?: Period | undefined;
  /** ℃; undefined or no number where it is not known. */
  readonly waterTemperature?: number | undefined;
  readonly water?: Water | undefined;
  /** The year in which the plant was built. */
  readonly builtYear?: number | undefined;
  /** The class of the plant by its size, a word of the attribute `facility-class`. */
  readonly facility?: string | undefined;
}

interface Cited {
  /** In which the bound is told: the quantity's canonical one. */
  readonly unit: string;
  readonly period: Period;
  readonly class: string | null;
  /** Conditions under which this holds and another would not. */
  readonly when: Conditions;
  readonly standard: string;
  readonly version: string;
  /** When the version begins and ceases to hold, ms; Infinity while none follows. */
  readonly from: number;
  readonly until: number;
  /** False while nobody has held it against the text of the standard. */
  readonly verified: boolean;
  /** Such as `GB 3838—2002 Ⅲ类`. */
  readonly cite: Label;
  readonly notes: readonly Label[];
  /** Set when the county has put it in the place of what ships. */
  readonly county: CountyMark | null;
}

export type KnownLimit = Bound & Cited;

/** What would have to be said, or why there is no limit. */
export type Missing =
  | 'standard'
  | 'version'
  | 'quantity'
  | 'class'
  | 'period'
  | 'water'
  | 'water-temperature'
  | 'built-year';

export interface UnknownLimit {
  readonly unknown: Label;
  readonly missing: Missing;
  /** What it may be, by what is not said; empty where there is none. */
  readonly candidates: readonly KnownLimit[];
}

export type LimitAnswer = KnownLimit | UnknownLimit;

export const isKnown = (answer: LimitAnswer): answer is KnownLimit => !('unknown' in answer);

/**
 * Whether a value is out of bounds. Values are compared as they are, unrounded; the bound itself is allowed. Of no number
 * nothing can be said.
 */
export function isBeyond(bound: Bound, value: number): boolean | null {
  if (Number.isNaN(value)) return null;
  switch (bound.sense) {
    case 'at-most':
      return value > bound.value;
    case 'at-least':
      return value < bound.value;
    case 'between':
      return value < bound.low || value > bound.high;
  }
}

export const unknown = (
  missing: Missing,
  zh: string,
  en: string,
  candidates: readonly KnownLimit[] = [],
): UnknownLimit => ({ unknown: { zh, en }, missing, candidates });

const list = (labels: readonly Label[]): Label => ({
  zh: labels.map(({ zh }) => zh).join('、'),
  en: labels.map(({ en }) => en).join(', '),
});

/** Beijing day of an instant, as people write it. */
const dayText = (at: number): string =>
  new Date(at + 8 * 3_600_000).toISOString().slice(0, '2026-01-01'.length);

/** One question as it is answered: the version that held, and what is said. */
class Asked {
  readonly #standard: LimitStandard;
  readonly #held: StandardVersion<LimitTable>;
  readonly #question: LimitQuestion;

  constructor(standard: LimitStandard, held: StandardVersion<LimitTable>, question: LimitQuestion) {
    this.#standard = standard;
    this.#held = held;
    this.#question = question;
  }

  answer(quantity: QuantityId): LimitAnswer {
    const { zh, en } = QUANTITIES[quantity];
    const { cite } = this.#held.data;
    const all = this.#held.data.rows.filter((row) => row.quantity === quantity);
    if (all.length === 0)
      return unknown(
        'quantity',
        `${cite.zh} 表中没有${zh}的限值`,
        `there is no limit of ${en.toLowerCase()} in the table of ${cite.en}`,
      );
    const excluded = this.#standard.exclusions?.find(
      (one) => one.quantity === quantity && one.water === this.#question.water,
    );
    if (excluded !== undefined) return unknown('quantity', excluded.reason.zh, excluded.reason.en);
    const ofClass = this.#ofClass(all, quantity);
    if (!Array.isArray(ofClass)) return ofClass;
    const ofPeriod = this.#ofPeriod(ofClass);
    return Array.isArray(ofPeriod) ? this.#underConditions(ofPeriod) : ofPeriod;
  }

  #ofClass(rows: readonly LimitRow[], quantity: QuantityId): LimitRow[] | UnknownLimit {
    const { class: said } = this.#question;
    const { classBy, classes } = this.#standard;
    const { cite } = this.#held.data;
    if (said !== undefined && !classes.some(({ key }) => key === said))
      return unknown(
        'class',
        `${cite.zh} 没有“${said}”这一类，有：${list(classes.map(({ name }) => name)).zh}`,
        `${cite.en} has no class "${said}", it has ${list(classes.map(({ name }) => name)).en}`,
      );
    if (said === undefined && rows.some((row) => row.class !== null))
      return unknown(
        'class',
        `没有登记${classBy.name.zh}，${cite.zh} 的限值按类别而定`,
        `nobody said the ${classBy.name.en}: limits of ${cite.en} are by class`,
        rows.map((row) => this.#known(row)),
      );
    const found = rows.filter((row) => row.class === null || row.class === said);
    if (found.length > 0) return found;
    const { zh, en } = this.#cite(said ?? null);
    return unknown(
      'quantity',
      `${zh} 对${QUANTITIES[quantity].zh}没有限值`,
      `${en} sets no limit on ${QUANTITIES[quantity].en.toLowerCase()}`,
    );
  }

  #ofPeriod(rows: readonly LimitRow[]): LimitRow[] | UnknownLimit {
    const { period } = this.#question;
    const there = PERIODS.filter((one) => rows.some((row) => row.period === one));
    const names = list(there.map((one) => PERIOD_NAMES[one]));
    const cite = this.#cite(rows[0]?.class ?? null);
    if (period === undefined) {
      if (there.length === 1) return [...rows];
      return unknown(
        'period',
        `${cite.zh} 按时段有不同限值：${names.zh}`,
        `${cite.en} has a limit for each of ${names.en}`,
        rows.map((row) => this.#known(row)),
      );
    }
    const found = rows.filter((row) => row.period === 'any' || row.period === period);
    if (found.length > 0) return found;
    return unknown(
      'period',
      `${cite.zh} 没有${PERIOD_NAMES[period].zh}限值，有：${names.zh}`,
      `${cite.en} has no limit of this: ${PERIOD_NAMES[period].en}; it has ${names.en}`,
    );
  }

  #underConditions(rows: readonly LimitRow[]): LimitAnswer {
    const { water, waterTemperature = Number.NaN, builtYear = Number.NaN } = this.#question;
    const { coldAtMost = Number.NaN } = this.#held.data;
    const isCold = Number.isNaN(waterTemperature) ? undefined : waterTemperature <= coldAtMost;
    const may = rows.filter(
      ({ when }) =>
        (when.water === undefined || water === undefined || when.water === water) &&
        (when.cold === undefined || isCold === undefined || when.cold === isCold) &&
        !(builtYear < (when.builtFrom ?? Number.NEGATIVE_INFINITY)) &&
        !(builtYear >= (when.builtBefore ?? Number.POSITIVE_INFINITY)),
    );
    const [first] = may;
    const cite = this.#cite(first?.class ?? rows[0]?.class ?? null);
    if (first === undefined)
      return unknown(
        'quantity',
        `${cite.zh} 没有这种情形的限值`,
        `${cite.en} sets no limit under these conditions`,
      );
    const open = this.#openOf(may, isCold);
    const excludes = this.#standard.exclusions?.some(({ quantity }) => quantity === first.quantity);
    if (open === null) return this.#known(first);
    const saying = ({ bound, county }: LimitRow): string => JSON.stringify([bound, county]);
    const alike = may.every((row) => saying(row) === saying(first));
    // Whatever is not said, it is this.
    if (alike && excludes !== true) return this.#known({ ...first, when: {} });
    const [missing, zh, en] = open;
    return unknown(
      missing,
      `${cite.zh} 的限值${zh}`,
      `the limit of ${cite.en} ${en}`,
      may.map((row) => this.#known(row)),
    );
  }

  /** What is not said of what the rows that may hold depend on. */
  #openOf(
    rows: readonly LimitRow[],
    isCold: boolean | undefined,
  ): [Missing, string, string] | null {
    const { water, builtYear = Number.NaN } = this.#question;
    const { coldAtMost } = this.#held.data;
    if (water === undefined && rows.some(({ when }) => when.water !== undefined))
      return [
        'water',
        '按河流或湖库而定，没有登记水体类型',
        'is another for rivers than for lakes, and nobody said which it is',
      ];
    if (isCold === undefined && rows.some(({ when }) => when.cold !== undefined))
      return [
        'water-temperature',
        `按水温是否高于 ${coldAtMost} ℃ 而定，没有水温`,
        `depends on whether the water is warmer than ${coldAtMost} ℃, and its temperature is not known`,
      ];
    const byYear = rows.some(
      ({ when }) => when.builtFrom !== undefined || when.builtBefore !== undefined,
    );
    if (Number.isNaN(builtYear) && byYear)
      return [
        'built-year',
        '按建设年份而定，没有登记建成年份',
        'depends on when the plant was built, and nobody said the year',
      ];
    return null;
  }

  #cite(key: string | null): Label {
    const name = this.#standard.classes.find((one) => one.key === key)?.name;
    const { cite } = this.#held.data;
    if (name === undefined) return cite;
    return citing(cite, name);
  }

  #known(row: LimitRow): KnownLimit {
    const { from, verified, data } = this.#held;
    const { facility } = this.#question;
    const notes = (data.notes ?? [])
      .filter(({ unlessFacility }) => unlessFacility === undefined || unlessFacility !== facility)
      .map(({ text }) => text);
    return {
      ...row.bound,
      unit: QUANTITIES[row.quantity].unit,
      period: row.period,
      class: row.class,
      when: row.when,
      standard: this.#standard.id,
      version: data.version,
      from,
      until: heldUntil(this.#standard, this.#held),
      verified: row.county?.verified ?? verified,
      cite: this.#cite(row.class),
      notes: row.note === undefined ? notes : [row.note, ...notes],
      county: row.county ?? null,
    };
  }
}

/** The limit in a version of a standard, whenever it holds. */
export const limitInVersion = (
  standard: LimitStandard,
  version: StandardVersion<LimitTable>,
  quantity: QuantityId,
  question: LimitQuestion,
): LimitAnswer => new Asked(standard, version, question).answer(quantity);

/** The limit in one standard. Dies of a time that is none. */
export function limitIn(
  standard: LimitStandard,
  quantity: QuantityId,
  question: LimitQuestion,
): LimitAnswer {
  const { at } = question;
  if (!Number.isFinite(at)) bug(`a limit is asked for at ${at}`);
  const held = heldAt(standard, at);
  if (held !== undefined) return limitInVersion(standard, held, quantity, question);
  const [first] = standard.versions;
  const since = dayText(first.from);
  return unknown(
    'version',
    `${dayText(at)} 时 ${first.data.cite.zh} 尚未施行（自 ${since}），更早的版本未收录`,
    `on ${dayText(at)} ${first.data.cite.en} did not hold yet (since ${since}); no earlier version is here`,
  );
}

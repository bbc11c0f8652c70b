/** One metric, compiled: from a raw number or JSON value to a reading, and back. */
import { conversion, OperationalError, type Quality, quantity } from '@village/core';
import type { ChannelOf } from '../channels/schema.ts';
import { type Options, settle } from '../options.ts';
import type { MetricFile, ProfileFile, QualityRuleFile } from '../schema/file.ts';
import type { DecodedReading, Metric, RefusedPart } from '../types.ts';
import { type Scaling, scaling } from './number.ts';

export interface MetricRule {
  readonly key: string;
  readonly optional: boolean;
  readonly low: number;
  readonly high: number;
  readonly scaling: Scaling;
  /** The quantity is a coded state, so that true and false are values. */
  readonly state: boolean;
  readonly states: ReadonlyMap<string, number> | undefined;
  readonly stateNames: ReadonlyMap<number, string>;
  /** Raw values that mean "no value"; may hold NaN. */
  readonly absent: ReadonlySet<number> | undefined;
}

/** A reading while it is made: quality rules may still change it. */
export interface OpenReading {
  metric: string;
  value: number;
  quality: Quality;
}

/** Plausible range of a metric: as written, or what its states span. */
export function rangeOf(metric: MetricFile): readonly [low: number, high: number] {
  if (metric.range !== undefined) return [metric.range[0] as number, metric.range[1] as number];
  const values = Object.values(metric.states ?? { off: 0, on: 1 });
  return [Math.min(...values), Math.max(...values)];
}

/** What others need to know of a metric. */
export function describeMetric(metric: MetricFile): Metric {
  const of = quantity(metric.quantity) ?? { zh: '', en: '', unit: '' };
  return {
    key: metric.key,
    quantity: metric.quantity,
    span: metric.span,
    statistic: metric.statistic,
    unit: of.unit,
    name: metric.name ?? { zh: of.zh, en: of.en },
    range: rangeOf(metric),
    ...(metric.states === undefined ? {} : { states: metric.states }),
    ...(metric.stateNames === undefined ? {} : { stateNames: metric.stateNames }),
    deadband: metric.deadband,
    optional: metric.optional,
    ...(metric.of === undefined ? {} : { channel: channelOf(metric.of) }),
  };
}

function channelOf({ kind, key, name, base }: ChannelOf): NonNullable<Metric['channel']> {
  return { kind, key, name, base };
}

/** Compiles a metric for one settled set of options. */
export function compileMetric(metric: MetricFile, options: Options): MetricRule {
  const of = quantity(metric.quantity);
  const unit = settle<string>(metric.unit, options) ?? of?.unit ?? '';
  const [low, high] = rangeOf(metric);
  const states = metric.states === undefined ? undefined : new Map(Object.entries(metric.states));
  const absent = metric.absent?.map((raw) => (raw === 'nan' ? Number.NaN : raw));
  return {
    key: metric.key,
    optional: metric.optional,
    low,
    high,
    scaling: scaling(
      settle<number>(metric.scale, options) ?? 1,
      settle<number>(metric.offset, options) ?? 0,
      conversion(metric.quantity, unit) ?? [1, 0],
    ),
    state: of?.state === true,
    states,
    stateNames: new Map([...(states ?? [])].map(([name, value]) => [value, name])),
    absent: absent === undefined ? undefined : new Set(absent),
  };
}

function refuse(rule: MetricRule, code: string, what: string): never {
  throw new OperationalError(code, `${rule.key}: ${what}`);
}

/** Called when the frame does not carry the metric. @throws value-missing unless it is optional. */
export function noteMissing(rule: MetricRule): void {
  if (!rule.optional) refuse(rule, 'value-missing', 'the frame does not carry it');
}

/** Adds the reading of a value that already is canonical. @throws value-not-a-number */
export function addCanonical(readings: OpenReading[], rule: MetricRule, value: number): void {
  if (!Number.isFinite(value)) refuse(rule, 'value-not-a-number', String(value));
  const plausible =
    value >= rule.low &&
    value <= rule.high &&
    (rule.states === undefined || rule.stateNames.has(value));
  readings.push({ metric: rule.key, value, quality: plausible ? 'good' : 'implausible' });
}

/** Adds the reading of a raw number. @throws value-missing, value-not-a-number */
export function addRaw(readings: OpenReading[], rule: MetricRule, raw: number): void {
  if (rule.absent?.has(raw) === true) noteMissing(rule);
  else addCanonical(readings, rule, rule.scaling.toCanonical(raw));
}

const WORDS = new Map([
  ['true', 1],
  ['false', 0],
  ['1', 1],
  ['0', 0],
]);

const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;

/** The raw number of a JSON value; undefined for null. @throws value-not-a-number, unknown-state */
export function rawOfJson(rule: MetricRule, value: unknown, text: boolean): number | undefined {
  if (typeof value === 'number') return value;
  if (value === null) return undefined;
  if (typeof value === 'string') {
    const state = rule.states?.get(value) ?? (rule.state ? WORDS.get(value) : undefined);
    if (state !== undefined) return state;
    if (text && NUMBER.test(value)) return Number(value);
    if (rule.absent?.has(Number.NaN) === true && /^[+-]?nan$/i.test(value)) return Number.NaN;
    if (rule.state) refuse(rule, 'unknown-state', JSON.stringify(value.slice(0, 40)));
  } else if (typeof value === 'boolean' && rule.state) return value ? 1 : 0;
  const shown = (JSON.stringify(value) ?? typeof value).slice(0, 40);
  return refuse(rule, 'value-not-a-number', shown);
}

/** The JSON that a device would send for a canonical value. */
export function jsonOf(rule: MetricRule, value: number, text: boolean): string | number | boolean {
  const name = rule.stateNames.get(value);
  if (name !== undefined) return name;
  if (rule.state && (value === 0 || value === 1)) return value === 1;
  const raw = rule.scaling.toRaw(value) + 0;
  return text ? String(raw) : raw;
}

/** Marks readings by the states of others of the same frame. */
export type QualityMarker = (readings: readonly OpenReading[]) => void;

/** Compiles the quality rules of a profile; undefined when it has none. Later rules win. */
export function compileQuality(file: ProfileFile): QualityMarker | undefined {
  if (file.quality.length === 0) return undefined;
  const rules = file.quality.map((rule) => compileQualityRule(file, rule));
  return (readings) => {
    for (const { when, mark, metrics } of rules) {
      const holds = when.every(({ metric, values }) =>
        readings.some((reading) => reading.metric === metric && values.has(reading.value)),
      );
      if (!holds) continue;
      for (const reading of readings) if (metrics.has(reading.metric)) reading.quality = mark;
    }
  };
}

function compileQualityRule(file: ProfileFile, rule: QualityRuleFile) {
  const when = Object.entries(rule.when).map(([key, wanted]) => {
    const states = file.metrics.find((metric) => metric.key === key)?.states ?? {};
    const list = Array.isArray(wanted) ? wanted : [wanted];
    return { metric: key, values: new Set(list.map((one) => stateValue(states, one))) };
  });
  return { when, mark: rule.mark, metrics: new Set(rule.metrics) };
}

/** The number that a quality rule means by a state's name or number; NaN when it names none. */
export function stateValue(
  states: Readonly<Record<string, number>>,
  wanted: string | number | boolean,
): number {
  if (typeof wanted === 'number') return wanted;
  if (typeof wanted === 'boolean') return wanted ? 1 : 0;
  return Object.hasOwn(states, wanted) ? (states[wanted] as number) : Number.NaN;
}

/** Parts of one frame that are told one by one; the others are told together. */
const REFUSED_MAX = 64;

/** Notes a part that can't be taken, so that the rest can be. Throws on what is no fault of the part. */
export function refusePart(
  refused: RefusedPart[],
  error: unknown,
  place: string,
  metric: string | null,
): void {
  if (!(error instanceof OperationalError)) throw error;
  if (isMore(refused)) return;
  refused.push({ reason: error.code, message: error.message, place, metric });
}

/**
 * Whether so many are told that one more is counted only, which this does: a fault made for each of thousands would take
 * longer than all else of a message.
 */
function isMore(refused: RefusedPart[]): boolean {
  if (refused.length < REFUSED_MAX) return false;
  const count = (refused[REFUSED_MAX]?.count ?? 0) + 1;
  const message = `${count} more ${count === 1 ? 'part is' : 'parts are'} refused`;
  refused[REFUSED_MAX] = { reason: 'too-many-faults', message, place: '…', metric: null, count };
  return true;
}

/** Refuses a value of a channel that the profile does not list: it is nobody's, so that no series gets it. */
export function refuseStranger(
  refused: RefusedPart[],
  base: string,
  kind: string,
  word: string | undefined,
  place: string,
): void {
  if (isMore(refused)) return;
  const who = word === undefined || word === '' ? 'none' : JSON.stringify(word.slice(0, 80));
  const error = new OperationalError('unknown-channel', `${base}: ${who} is no known ${kind}`);
  refusePart(refused, error, place, null);
}

/** Refuses a value that another one of the same metric follows in one frame. */
export function refuseRepeated(refused: RefusedPart[], metric: string, place: string): void {
  if (isMore(refused)) return;
  const what = `${metric}: another value for it follows in the same frame`;
  refusePart(refused, new OperationalError('value-repeated', what), place, metric);
}

/** What a decoder hands back as readings. */
export function closeReadings(
  readings: OpenReading[],
  quality: QualityMarker | undefined,
): readonly DecodedReading[] {
  quality?.(readings);
  return readings;
}

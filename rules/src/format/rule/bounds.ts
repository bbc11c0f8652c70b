/** The shorthand of levels: `above: 9, deadband: 0.2` and the like, as conditions. */
import { conversion, type QuantityId, unitsOf } from '@village/core';
import type { LevelFile } from '../schema.ts';
import type { Notes } from '../shape/fault.ts';

export interface BoundContext {
  /** The input that is compared. */
  readonly name: string;
  /** Quantities that it may be of; numbers with a unit need exactly one. */
  readonly quantities: readonly QuantityId[];
  readonly hasLimit: boolean;
  readonly notes: Notes;
}

export interface Conditions {
  readonly when: string;
  readonly clear: string | null;
}

const NUMBER = /^([+-]?\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?)\s*(\S.*)?$/i;

/** Without what binary fractions add: 9 - 0.2 is 8.8. */
const tidy = (value: number): number => Number(value.toPrecision(12));

/** A number as expressions write it. */
export const numberText = (value: number): string => String(value);

/** Factor and offset of a unit; null after a fault was told. */
function unitOf(
  unit: string,
  key: string,
  { quantities, notes }: BoundContext,
): readonly [factor: number, offset: number] | null {
  const [only, ...more] = quantities;
  if (only === undefined || more.length > 0) {
    notes.error(
      'unit-of-what',
      [key],
      only === undefined
        ? `带单位的数要知道是哪个量：请把输入写成量（如 water.ph），或在 scope 里写明设备类型`
        : `设备类型不同，量也不同（${quantities.join('、')}），不能带单位`,
      only === undefined
        ? 'has a unit, but nobody knows of which quantity: give a quantity as input, or a type of device in the scope'
        : `has a unit, but types of devices differ in the quantity (${quantities.join(', ')})`,
    );
    return null;
  }
  const found = conversion(only, unit);
  if (found === undefined) {
    const units = unitsOf(only).map((one) => one || '(none)');
    notes.error(
      'unit-clash',
      [key],
      `${unit} 不是 ${only} 的单位；可用的有 ${units.join('、')}`,
      `${unit} is no unit of ${only}; known are ${units.join(', ')}`,
    );
    return null;
  }
  return found;
}

/** A number in the canonical unit; null after a fault was told. `apart`: a difference, of which an offset is no part. */
function amount(
  written: number | string,
  key: string,
  apart: boolean,
  context: BoundContext,
): number | null {
  if (typeof written === 'number') {
    if (Number.isFinite(written)) return written;
    context.notes.error('shape', [key], '应为有限的数', 'must be a finite number');
    return null;
  }
  const match = NUMBER.exec(written.trim());
  if (match === null) {
    context.notes.error(
      'shape',
      [key],
      "应为数字、带单位的数（如 '60 ℃'）或 limit",
      "must be a number, one with its unit such as '60 ℃', or limit",
    );
    return null;
  }
  const [, number, unit] = match;
  if (unit === undefined) return Number(number);
  const found = unitOf(unit.trim(), key, context);
  if (found === null) return null;
  const [factor, offset] = found;
  return tidy(Number(number) * factor + (apart ? 0 : offset));
}

/** How far it must be back: a share of the bound, or an amount. Null after a fault was told. */
function deadbandOf(
  written: number | string | undefined,
  context: BoundContext,
): { readonly share: number } | { readonly amount: number } | null {
  if (written === undefined) return { amount: 0 };
  const share = typeof written === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(written.trim()) : null;
  // Of a quantity in percent, 5% is still a share of the bound, as it is of every other.
  if (share !== null) {
    const value = Number(share[1]) / 100;
    if (value < 1) return { share: value };
    context.notes.error(
      'shape',
      ['deadband'],
      '百分比要小于 100%',
      'a share must be less than 100%',
    );
    return null;
  }
  const found = amount(written, 'deadband', true, context);
  if (found === null) return null;
  if (found >= 0) return { amount: found };
  context.notes.error('shape', ['deadband'], '不能是负数', 'must not be negative');
  return null;
}

/** The conditions of a level with above or below; null after a fault was told. */
export function boundConditions(level: LevelFile, context: BoundContext): Conditions | null {
  const { name, hasLimit, notes } = context;
  const key = level.above === undefined ? 'below' : 'above';
  const written = level[key] ?? 0;
  const [operator, back, sign] =
    key === 'above' ? (['>', '<', -1] as const) : (['<', '>', 1] as const);
  const deadband = deadbandOf(level.deadband, context);
  if (written === 'limit') {
    if (!hasLimit)
      notes.error(
        'unknown-name',
        [key],
        '规则没有写 limit（按哪个标准），这里不能用 limit',
        'the rule names no limit, so that there is none here',
      );
    if (deadband === null || !hasLimit) return null;
    const when = `${name} ${operator} limit`;
    if ('share' in deadband)
      return {
        when,
        clear: `${name} ${back} limit * ${numberText(tidy(1 + sign * deadband.share))}`,
      };
    if (deadband.amount === 0) return { when, clear: null };
    return {
      when,
      clear: `${name} ${back} limit ${sign < 0 ? '-' : '+'} ${numberText(deadband.amount)}`,
    };
  }
  const bound = amount(written, key, false, context);
  if (bound === null || deadband === null) return null;
  const off = 'share' in deadband ? Math.abs(bound) * deadband.share : deadband.amount;
  const when = `${name} ${operator} ${numberText(bound)}`;
  return off === 0
    ? { when, clear: null }
    : { when, clear: `${name} ${back} ${numberText(tidy(bound + sign * off))}` };
}

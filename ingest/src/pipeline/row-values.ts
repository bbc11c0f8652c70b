/** The values of one row: what is wrong with one, and where its quality stands in the row. */
import { qualityCode } from '@village/core';
import { unknownMetric } from '@village/device-profiles';
import { type Layout, METRICS_PER_QUALITY_WORD, ROW } from '@village/store/time-series';
import type { RegisteredDevice } from './registered-device.ts';
import type { RowPart } from './row-parts.ts';
import { type Fields, fault, type MessagePath } from './shape.ts';

/** What is wrong with a value. */
export function valueFault(
  { profile }: RegisteredDevice,
  key: string,
  known: boolean,
  value: unknown,
  path: MessagePath,
): Omit<RowPart, 'keys'> {
  const place = `values.${key.slice(0, 64)}`;
  if (!known) {
    const reason = unknownMetric(profile, key);
    const error = fault(reason, path.of(place), `${profile.id} has no such metric`);
    return { known, place, error };
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    const error = fault('value-not-a-number', path.of(place), 'not a finite number');
    return { known, place, error };
  }
  // The value is not to be trusted more than its quality is understood.
  const error = fault('unknown-quality', path.of(`quality.${key}`), 'no quality word');
  return { known, place, error };
}

/** Undefined for what is no quality word. */
export function codeOf(quality: Fields, key: string): number | undefined {
  // Its own field, not one that every object has.
  const word = Object.hasOwn(quality, key) ? quality[key] : null;
  if (word === null || word === undefined) return 0;
  return typeof word === 'string' ? qualityCode(word) : undefined;
}

export function setQuality(layout: Layout, base: number, column: number, code: number): void {
  const word = base + ROW.quality + Math.floor(column / METRICS_PER_QUALITY_WORD);
  layout.rows[word] = (layout.rows[word] ?? 0) + code * 16 ** (column % METRICS_PER_QUALITY_WORD);
}

/** How labels and attributes, their values and their times are called. */
import { ATTRIBUTES, type Attribute } from '@village/core/attributes';
import type { Properties } from '../api/answers.ts';
import { formatExact, formatTime } from '../format.ts';
import { word } from './texts.ts';

export type Property = Properties['items'][number];

/** Undefined for what an older page does not know yet. */
export const attributeOf = (key: string): Attribute | undefined =>
  Object.hasOwn(ATTRIBUTES, key) ? ATTRIBUTES[key] : undefined;

/** `m3/d` as people write it; nothing where only things are counted. */
export const unitOf = (unit: string): string => (unit === '1' ? '' : unit.replace('m3', 'm³'));

export const nameOf = ({ kind, key }: Pick<Property, 'kind' | 'key'>): string =>
  kind === 'attribute' ? word('attribute', key) : key;

/** A word of a list, where it has a name; what was noted before there was a list is no word of it, and stays as it is. */
export function valueWord(key: string, value: string): string {
  switch (key) {
    case 'facility-class':
      return word('facility-class', value);
    case 'discharge-standard':
      return word('discharge-standard', value);
    case 'water-kind':
      return word('water-kind', value);
    default:
      return value;
  }
}

export function shownValue({ kind, key, value }: Pick<Property, 'kind' | 'key' | 'value'>): string {
  if (typeof value === 'string') return kind === 'attribute' ? valueWord(key, value) : value;
  const attribute = attributeOf(key);
  const unit = attribute?.type === 'number' ? unitOf(attribute.unit) : '';
  return `${formatExact(value)}${unit === '' ? '' : ` ${unit}`}`;
}

/** They hold from an hour on. */
export const hourOf = (at: number): string => formatTime(at).slice(0, 16);

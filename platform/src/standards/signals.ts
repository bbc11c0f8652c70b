/**
 * Weather warning signals as data: what a weather office looks at before it issues one. The platform issues none itself; it may
 * show that what is measured reaches a threshold.
 */
import { bug, type Label, QUANTITIES, type QuantityId } from '@village/core';
import { type CountyMark, defineStandard, type Standard } from './standard.ts';

export interface Element {
  readonly name: Label;
  readonly unit: string;
  /** What devices measure of it; null where none does yet. */
  readonly quantity: QuantityId | null;
}

/** What signals speak of. */
export const ELEMENTS = {
  rain: { name: { zh: '降雨量', en: 'rain' }, unit: 'mm', quantity: 'rain.amount' },
  snow: { name: { zh: '降雪量', en: 'snow, as water' }, unit: 'mm', quantity: null },
  'wind-mean': {
    name: { zh: '平均风力', en: 'mean wind force' },
    unit: '级',
    quantity: 'wind.force',
  },
  'wind-gust': { name: { zh: '阵风风力', en: 'force of gusts' }, unit: '级', quantity: null },
  'temperature-drop': {
    name: { zh: '最低气温降幅', en: 'fall of the lowest temperature' },
    unit: '℃',
    quantity: null,
  },
  'temperature-min': {
    name: { zh: '最低气温', en: 'lowest temperature' },
    unit: '℃',
    quantity: 'air.temperature',
  },
  'temperature-max': {
    name: { zh: '最高气温', en: 'highest temperature' },
    unit: '℃',
    quantity: 'air.temperature',
  },
  'ground-temperature-min': {
    name: { zh: '地面最低温度', en: 'lowest temperature of the ground' },
    unit: '℃',
    quantity: null,
  },
  visibility: { name: { zh: '能见度', en: 'visibility' }, unit: 'm', quantity: null },
} as const satisfies Record<string, Element>;
export type ElementId = keyof typeof ELEMENTS;

export const COLOURS = ['blue', 'yellow', 'orange', 'red'] as const;
export type Colour = (typeof COLOURS)[number];

export const COLOUR_NAMES: Readonly<Record<Colour, Label>> = {
  blue: { zh: '蓝色', en: 'blue' },
  yellow: { zh: '黄色', en: 'yellow' },
  orange: { zh: '橙色', en: 'orange' },
  red: { zh: '红色', en: 'red' },
};

export interface SignalCondition {
  readonly element: ElementId;
  readonly sense: 'at-least' | 'at-most' | 'below';
  readonly value: number;
  /** Days in a row of which it must be so. */
  readonly days?: number;
  readonly county?: CountyMark;
}

export interface Signal {
  readonly hazard: string;
  readonly colour: Colour;
  /** Of rain and snow the time that is summed over, of all else how far ahead it is looked; null where days are counted. */
  readonly hours: number | null;
  /** Whether one of the conditions is enough. */
  readonly needs: 'all' | 'any';
  /** None where the signal has no number. */
  readonly conditions: readonly SignalCondition[];
  /** From a copy on the web, or from memory. */
  readonly evidence: 'copy' | 'memory';
  readonly note?: Label;
}

export interface SignalTable {
  readonly version: string;
  readonly cite: Label;
  readonly hazards: Readonly<Record<string, Label>>;
  readonly signals: readonly Signal[];
}

export interface SignalStandard extends Standard<SignalTable> {
  readonly kind: 'signals';
}

/** Dies of signals that can't be. */
export function defineSignals(standard: Omit<SignalStandard, 'limits' | 'kind'>): SignalStandard {
  for (const { version, data } of standard.versions) {
    const seen = new Set<string>();
    for (const { hazard, colour, conditions } of data.signals) {
      const key = `${hazard} ${colour}`;
      if (!Object.hasOwn(data.hazards, hazard)) bug(`${version} has no name of ${hazard}`);
      if (seen.has(key)) bug(`${version} has ${key} twice`);
      seen.add(key);
      if (!conditions.every(({ value }) => Number.isFinite(value)))
        bug(`${version} has no value for ${key}`);
    }
  }
  for (const { quantity, unit } of Object.values<Element>(ELEMENTS))
    if (quantity !== null && QUANTITIES[quantity].unit !== unit)
      bug(`${quantity} is not told in ${unit}`);
  // They are thresholds of what is forecast over some hours: no limit of any reading.
  return { ...standard, ...defineStandard({ ...standard, limits: () => [] }), kind: 'signals' };
}

/** What a figure is and how it is computed: pure, of rows in order of time, by what held then. */
import { DAY, HOUR, MINUTE, type Quality } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Property } from '@village/registry';
import type { RangeRow } from '@village/store/time-series';
import { describe, expect, it } from 'vitest';
import { defineStandard, versionAt } from '../standards/standard.ts';
import { Circumstances } from './circumstances.ts';
import { computeSpan, readingsOf } from './compute.ts';
import { closedHours, dayOf, dayStart, hourBit, masksOf, spansIn, WHOLE_DAY } from './days.ts';
import { defineFigure, type Figure } from './figure.ts';

/** Midnight of 2026-03-10 in Beijing. */
const MIDNIGHT = Date.UTC(2026, 2, 9, 16);

const profile = (id: string, metric: string, reportEveryMs: number): DeviceProfile =>
  ({
    id,
    reportEveryMs,
    metrics: [{ key: metric, quantity: 'air.o3', span: 'instant' }],
  }) as unknown as DeviceProfile;

const old = profile('acme/old', 'ozone', 10 * MINUTE);
const profiles = new Map([
  [old.id, old],
  ['acme/new', profile('acme/new', 'o3', 20 * MINUTE)],
]);
const circumstances = (
  installations: { profile: string; since: number }[] = [{ profile: old.id, since: 0 }],
  properties: readonly Property[] = [],
): Circumstances => new Circumstances('a', profiles, installations, properties);

const row = (at: number, value: number, quality: Quality = 'good', metric = 'ozone'): RangeRow => ({
  at,
  receivedAt: at,
  lane: 'live',
  clockReplaced: false,
  values: { [metric]: value },
  quality: quality === 'good' ? {} : { [metric]: quality },
});

const figureOf = (compute: Figure['compute'], more: Partial<Figure> = {}): Figure =>
  defineFigure({
    id: 'test',
    version: 1,
    title: { zh: '试', en: 'Test' },
    span: 'hour',
    keep: 'computed',
    unit: '',
    inputs: [{ name: 'o3', quantity: 'air.o3' }],
    compute,
    ...more,
  });

const result = (figure: Figure, rows: readonly RangeRow[], held = circumstances(), at = MIDNIGHT) =>
  computeSpan(
    figure,
    spansIn(figure.span, { from: at, to: at + 1 })[0] as { from: number; to: number },
    readingsOf(figure, held, rows),
    held,
  );

describe('days', () => {
  it('are those of Beijing, their hours bits', () => {
    expect(dayStart(dayOf(MIDNIGHT))).toBe(MIDNIGHT);
    expect(dayOf(MIDNIGHT - 1)).toBe(dayOf(MIDNIGHT) - 1);
    expect([hourBit(MIDNIGHT), hourBit(MIDNIGHT + 23.9 * HOUR)]).toEqual([1, 2 ** 23]);
    const day = dayOf(MIDNIGHT);
    expect(
      [-HOUR, 0, HOUR, 90 * MINUTE, DAY, 3 * DAY].map((ms) => closedHours(day, MIDNIGHT + ms)),
    ).toEqual([0, 0, 1, 1, WHOLE_DAY, WHOLE_DAY]);
    expect([...masksOf({ from: MIDNIGHT - 1, to: MIDNIGHT + HOUR + 1 })]).toEqual([
      [day - 1, 2 ** 23],
      [day, 3],
    ]);
    expect([...masksOf({ from: MIDNIGHT, to: MIDNIGHT })]).toEqual([]);
    expect(spansIn('day', { from: MIDNIGHT + HOUR, to: MIDNIGHT + DAY + 1 })).toEqual([
      { from: MIDNIGHT, to: MIDNIGHT + DAY },
      { from: MIDNIGHT + DAY, to: MIDNIGHT + 2 * DAY },
    ]);
  });
});

describe('a figure', () => {
  it('is given its readings in order of time, with their qualities and those around its span that it asks for', () => {
    const figure = figureOf(
      ({ readings, span }) => {
        const o3 = readings('o3');
        const { rows } = o3;
        expect(rows.map(({ at }) => (at - MIDNIGHT) / HOUR)).toEqual([-1, 0, 0.5, 1.5]);
        expect(o3.between(span.from, span.to).map((one) => one.quality)).toEqual(['good', 'fault']);
        return rows.reduce((sum, one) => sum + one.value, 0);
      },
      { lookBehind: HOUR, lookAhead: HOUR },
    );
    const rows = [-1.1, -1, 0, 0.5, 1.5, 2].map((hours, n) =>
      row(MIDNIGHT + hours * HOUR, 10 ** n, n === 3 ? 'fault' : 'good'),
    );
    expect(result(figure, rows)).toMatchObject({ value: 11110, fault: null });
  });

  it('is as complete as its least complete input, by intervals that hold a good reading', () => {
    const figure = figureOf(() => 1);
    const minutes = [0, 1, 11, 29, 30, 59];
    const rows = minutes.map((n) =>
      row(MIDNIGHT + n * MINUTE, n, n === 30 ? 'calibration' : 'good'),
    );
    // Of six intervals of ten minutes those that begin at 0, 10, 20 and 50 hold a good one.
    expect(result(figure, rows)).toMatchObject({
      completeness: 4 / 6,
      inputs: [{ name: 'o3', expected: 6, valid: 4, rows: 6 }],
    });
  });

  it('takes each reading from the equipment that stood there then', () => {
    const change = MIDNIGHT + 30 * MINUTE;
    const held = circumstances([
      { profile: old.id, since: 0 },
      { profile: 'acme/new', since: change },
    ]);
    const rows = [
      row(MIDNIGHT, 1),
      row(change - 1, 2, 'good', 'o3'),
      row(change, 4, 'good', 'o3'),
      row(change + MINUTE, 8),
    ];
    const figure = figureOf(({ readings }) =>
      readings('o3').rows.reduce((sum, { value }) => sum + value, 0),
    );
    expect(result(figure, rows, held)).toMatchObject({
      value: 5,
      // Three intervals of ten minutes, then one and a half of twenty.
      inputs: [{ expected: 4, valid: 2 }],
    });
    expect(held.digest).not.toBe(circumstances().digest);
  });

  it('is judged by the version of its standard and the attribute that held at each hour, and says which', () => {
    const noon = MIDNIGHT + 12 * HOUR;
    const standard = defineStandard({
      id: 'T',
      limits: () => [],
      title: { zh: '标准', en: 'Standard' },
      versions: [
        { version: 'T-1', from: 0, source: { zh: '测', en: 's' }, verified: true, data: 5 },
        { version: 'T-2', from: noon, source: { zh: '测', en: 's' }, verified: false, data: 7 },
      ],
    });
    expect([noon - 1, noon].map((at) => versionAt(standard, at).data)).toEqual([5, 7]);
    const attribute = { kind: 'attribute', key: 'function-zone', by: 'x' } as const;
    const held = circumstances(undefined, [
      { ...attribute, value: '1', since: 0, until: noon },
      { ...attribute, value: '2', since: noon, until: null },
    ]);
    const figure = figureOf(
      (facts) => {
        let text = '';
        for (let at = facts.span.from; at < facts.span.to; at += 6 * HOUR)
          text += `${facts.standard(standard, at).data}${facts.attribute('function-zone', at)}`;
        return Number(text);
      },
      { span: 'day', standard, attributes: ['function-zone'] },
    );
    expect(result(figure, [], held)).toMatchObject({
      value: 51_517_272,
      standards: ['T-1', 'T-2'],
      attributes: { 'function-zone': ['1', '2'] },
    });
  });

  it('that throws, or is no number, has a fault in place of a value', () => {
    const throws = figureOf(() => {
      throw new Error('no such factor');
    });
    expect(result(throws, [])).toMatchObject({ value: null, fault: 'no such factor' });
    expect(
      result(
        figureOf(() => Number.NaN),
        [],
      ),
    ).toMatchObject({
      value: null,
      fault: 'the result is NaN',
    });
    expect(
      result(
        figureOf(() => null),
        [],
      ),
    ).toMatchObject({ value: null, fault: null });
  });

  it('of the same readings has the same digests', () => {
    const figure = figureOf(() => 1, { keep: 'stored' });
    const digest = (...rows: RangeRow[]) => result(figure, rows).inputs[0]?.digest;
    const known = digest(row(MIDNIGHT, 1), row(MIDNIGHT + 1, 2));
    expect(digest(row(MIDNIGHT, 1), row(MIDNIGHT + 1, 2))).toBe(known);
    expect(digest(row(MIDNIGHT, 1), row(MIDNIGHT + 1, 2.5))).not.toBe(known);
    expect(digest(row(MIDNIGHT, 1), row(MIDNIGHT + 1, 2, 'fault'))).not.toBe(known);
  });

  it('that can not be is refused', () => {
    for (const [more, why] of [
      [{ id: 'Mean' }, 'is no id'],
      [{ version: 0 }, 'has no version'],
      [{ lookBehind: 1 }, 'whole hours'],
      [
        {
          inputs: [
            { name: 'x', quantity: 'air.o3' },
            { name: 'x', quantity: 'air.co' },
          ],
        },
        'two inputs of one name',
      ],
    ] as const)
      expect(() => figureOf(() => 1, more as Partial<Figure>)).toThrow(why);
    const version = {
      version: 'T',
      from: 1,
      source: { zh: '测', en: 's' },
      verified: true,
      data: 1,
    };
    expect(() =>
      defineStandard({
        id: 'T',
        title: { zh: '', en: '' },
        limits: () => [],
        versions: [version, version],
      }),
    ).toThrow('out of order');
  });
});

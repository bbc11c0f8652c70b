import { describe, expect, it } from 'vitest';
import type { Metric } from '../api/answers.ts';
import { heardChannels } from './channels.ts';

const metric = (base: string, channel?: string): Metric => ({
  key: channel === undefined ? base : `${base}-${channel}`,
  quantity: 'camera.count',
  name: { zh: base, en: base },
  unit: '',
  range: [0, 1],
  states: null,
  stateNames: null,
  span: null,
  statistic: null,
  total: true,
  state: false,
  channel:
    channel === undefined
      ? null
      : { kind: 'rule', key: channel, name: { zh: channel, en: channel }, base },
});
const all = [
  metric('battery'),
  metric('count', 'in'),
  metric('count', 'out'),
  metric('size', 'in'),
  metric('size', 'out'),
];
const keysOf = (...heard: string[]): string[] =>
  heardChannels(all, new Set(heard)).map(({ key }) => key);

describe('heardChannels', () => {
  it.each([
    ['nothing was heard', [], ['battery', 'count-in', 'size-in']],
    ['one channel was heard', ['count-out'], ['battery', 'count-out', 'size-in']],
    [
      'both were',
      ['count-out', 'count-in', 'battery'],
      ['battery', 'count-in', 'count-out', 'size-in'],
    ],
  ])('%s', (_name, heard, shown) => {
    expect(keysOf(...heard)).toEqual(shown);
  });
});

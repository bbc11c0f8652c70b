/** A file in parts: all of it once, in order, and each small by the estimate. */
import { HOUR } from '@village/core';
import { expect, it } from 'vitest';
import { halves, type Part, Parts } from './parts.ts';

const ids = Array.from({ length: 37 }, (_, n) => `d${String(n).padStart(2, '0')}`);
const whole: Part = { devices: ids, from: 0, to: 10 * HOUR };

/** Rows a minute of each device; one tells sixty times as much. */
const rows = ({ devices, from, to }: Part): number =>
  devices.reduce((sum, id) => sum + ((to - from) / 60_000) * (id === 'd11' ? 60 : 1), 0);

function all(parts: Parts): Part[] {
  const list: Part[] = [];
  for (let next = parts.next(); next !== null; next = parts.next()) list.push(next.part);
  return list;
}

it('gives each device all of its time, in the order of the file', () => {
  const list = all(new Parts(whole, rows, 2_000));
  expect(list.length).toBeGreaterThan(20);
  expect(list.filter((part) => rows(part) > 2_000)).toEqual([]);
  const untilOf = new Map<string, number>();
  const order: string[] = [];
  for (const { devices, from, to } of list)
    for (const device of devices) {
      expect(from).toBe(untilOf.get(device) ?? 0);
      untilOf.set(device, to);
      if (order.at(-1) !== device) order.push(device);
    }
  expect(order).toEqual(ids);
  expect(new Set(untilOf.values())).toEqual(new Set([10 * HOUR]));
});

it('gives what was put back again in halves', () => {
  const parts = new Parts(whole, () => 1, 2_000);
  const first = parts.next()!.part;
  expect(parts.putBack(first)).toBe(true);
  expect(all(parts)).toEqual(halves(whole));
});

it('keeps what can not be halved', () => {
  const instant: Part = { devices: ['a'], from: 5, to: 6 };
  expect(halves(instant)).toBeNull();
  const parts = new Parts(instant, () => 1e9, 1);
  expect(parts.next()).toEqual({ part: instant, rows: 1e9 });
  expect(parts.putBack(instant)).toBe(false);
  expect(parts.next()).toBeNull();
});

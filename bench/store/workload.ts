/**
 * A month of a county in the order in which it arrives: 20,000 devices, 33.12 million readings. Seeded, so that two runs
 * store the same bytes. The oracle for the store's answers is the array itself.
 */
import { DAY, HOUR, MINUTE, normal, seededRandom } from '@village/core';

/** Name, decimals, where its walk begins and the band that holds it. */
const METRIC_WALKS = [
  { name: 'temperature', decimals: 1, start: 22, low: -10, high: 42 },
  { name: 'humidity', decimals: 0, start: 70, low: 5, high: 100 },
  { name: 'pressure', decimals: 1, start: 1008, low: 970, high: 1045 },
  { name: 'ammonia', decimals: 2, start: 3, low: 0, high: 40 },
  { name: 'flow', decimals: 3, start: 1.5, low: 0, high: 30 },
  { name: 'voltage', decimals: 2, start: 3.6, low: 2.5, high: 4.2 },
] as const;

export const METRICS = METRIC_WALKS.map((walk) => walk.name);
export const DAYS = 30;
export const TOWNSHIPS = 16;
export const COUNTY = '330522000000';
/** 2026-09-01 00:00 in Beijing. */
export const MONTH_FROM = Date.UTC(2026, 8, 1) - 8 * HOUR;
export const MONTH_TO = MONTH_FROM + DAYS * DAY;

/** How many devices report how often; `dense` ones come first. */
const FLEET = [
  { devices: 200, every: 10 * MINUTE },
  { devices: 2_800, every: HOUR },
  { devices: 5_000, every: 3 * HOUR },
  { devices: 12_000, every: 6 * HOUR },
] as const;
export const DENSE_DEVICES = FLEET[0].devices;
export const DEVICES = FLEET.reduce((sum, { devices }) => sum + devices, 0);

/** Walks move by this many last digits, one standard deviation. */
const STEP_TICKS = 3;
const DELAY_MAX_MS = 20_000;
const LATE_SHARE = 0.01;
const LATE_MAX_MS = 10 * MINUTE;

export const deviceId = (n: number): string => `county-${String(n).padStart(5, '0')}`;
/** Devices stand in the townships by turns, so that each has some of every kind. */
export const townshipOf = (n: number): string =>
  `330522${String(100 + (n % TOWNSHIPS)).padStart(3, '0')}000`;

/** One message: its arrival, its device, its event time, then the values. */
export const STRIDE = 3 + METRICS.length;

export interface Month {
  /** Messages in order of arrival, STRIDE doubles each. */
  readonly rows: Float64Array;
  readonly count: number;
}

/** Resolution of the order of arrival, ms, so that arrival and index fit one double. */
const ORDER_MS = 16;
const INDEX_BITS = 2 ** 23;

/** Makes the month. */
export function makeMonth(seed: number): Month {
  const random = seededRandom(seed);
  const count = FLEET.reduce(
    (sum, { devices, every }) => sum + devices * ((DAYS * DAY) / every),
    0,
  );
  if (count >= INDEX_BITS) throw new Error('BUG: more messages than an index holds');
  const made = new Float64Array(count * STRIDE);
  const order = new Float64Array(count);
  let message = 0;
  let device = 0;
  for (const { devices, every } of FLEET)
    for (let n = 0; n < devices; n++, device++) {
      const phase = random() * (every - 1000);
      const ticks = METRIC_WALKS.map((walk) => Math.round(walk.start * 10 ** walk.decimals));
      for (let slot = MONTH_FROM; slot < MONTH_TO; slot += every, message++) {
        const at = Math.floor(slot + phase + random() * 1000);
        const late = random() < LATE_SHARE;
        const arrival = at + Math.floor(random() * (late ? LATE_MAX_MS : DELAY_MAX_MS));
        const start = message * STRIDE;
        made[start] = arrival;
        made[start + 1] = device;
        made[start + 2] = at;
        for (let m = 0; m < METRIC_WALKS.length; m++) {
          const { decimals, low, high } = METRIC_WALKS[m]!;
          const scale = 10 ** decimals;
          const moved = ticks[m]! + Math.round(normal(random) * STEP_TICKS);
          ticks[m] = Math.min(high * scale, Math.max(low * scale, moved));
          made[start + 3 + m] = ticks[m]! / scale;
        }
        order[message] = Math.floor((arrival - MONTH_FROM) / ORDER_MS) * INDEX_BITS + message;
      }
    }
  order.sort();
  const rows = new Float64Array(count * STRIDE);
  for (let place = 0; place < count; place++) {
    const from = (order[place]! % INDEX_BITS) * STRIDE;
    rows.set(made.subarray(from, from + STRIDE), place * STRIDE);
  }
  return { rows, count };
}

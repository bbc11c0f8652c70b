/** In which order people are shown what is measured: first what they come for by its kind, last how the device itself is. */
import type { QuantityId } from '@village/core';
import type { DeviceKind, Metric } from '../types.ts';

const FIRST: Readonly<Record<DeviceKind, readonly QuantityId[]>> = {
  'weather-station': ['air.temperature', 'wind.speed', 'rain.amount', 'air.humidity'],
  'air-station': ['air.pm25', 'air.pm10', 'air.o3'],
  'sewage-monitor': ['water.flow-rate', 'water.cod', 'water.ammonia-nitrogen', 'device.running'],
  'water-quality': ['water.dissolved-oxygen', 'water.ph', 'water.turbidity', 'water.cod'],
  'flow-meter': ['water.flow-rate', 'water.volume-total'],
  'power-meter': ['power.active', 'energy.import'],
  'smart-bin': ['bin.fill-level', 'bin.distance', 'bin.weight', 'device.fire', 'device.tilt'],
  camera: ['camera.alarm', 'camera.count'],
};

/** Quantities of the device and not of the village: its battery, its signal, its own temperature. */
const isOfDevice = (quantity: QuantityId): boolean => quantity.startsWith('device.');

/** Behind every place in the lists above. */
const OTHERS = Math.max(...Object.values(FIRST).map(({ length }) => length));

function rankOf(first: readonly QuantityId[], quantity: QuantityId): number {
  const place = first.indexOf(quantity);
  if (place >= 0) return place;
  return OTHERS + (isOfDevice(quantity) ? 1 : 0);
}

/** How early a quantity is shown among those of a kind of device, or, without one, of an area with all kinds: 0 is first. */
export const shownRank = (quantity: QuantityId, kind?: DeviceKind): number =>
  kind === undefined
    ? Math.min(...Object.values(FIRST).map((first) => rankOf(first, quantity)))
    : rankOf(FIRST[kind], quantity);

/** The metrics of a device of that kind; those of one rank stay in the order of the profile. */
export const shownOrder = (kind: DeviceKind, metrics: readonly Metric[]): Metric[] =>
  metrics.toSorted((a, b) => shownRank(a.quantity, kind) - shownRank(b.quantity, kind));

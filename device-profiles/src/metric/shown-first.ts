/** In which order people are shown what a device measures: first what they come for by its kind, last how the device itself is. */
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

/** The metrics of a device of that kind; those of one rank stay in the order of the profile. */
export function shownOrder(kind: DeviceKind, metrics: readonly Metric[]): Metric[] {
  const first = FIRST[kind];
  const rank = ({ quantity }: Metric): number => {
    const place = first.indexOf(quantity);
    if (place >= 0) return place;
    return first.length + (isOfDevice(quantity) ? 1 : 0);
  };
  return metrics.toSorted((a, b) => rank(a) - rank(b));
}

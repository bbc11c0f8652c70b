/** An area of the fixture at one glance. */
import type * as api from '@village/api';
import { averages } from '@village/core';
import { areas, type FixtureArea, type FixtureDevice } from '../county.ts';
import { tally } from './places.ts';

/** An area at one glance, of the devices in it and below. */
export function overview(
  area: FixtureArea,
  below: (area: FixtureArea) => readonly FixtureDevice[],
): api.live.Overview {
  const mine = below(area);
  const byQuantity = new Map<
    string,
    { kind: string; quantity: string; name: FixtureArea['name']; unit: string; values: number[] }
  >();
  for (const device of mine.filter(({ state }) => state === 'online'))
    for (const metric of device.profile.metrics) {
      const value = device.values[metric.key];
      if (value?.quality !== 'good' || !averages(metric.quantity)) continue;
      const { kind } = device.profile;
      const entry = byQuantity.get(`${kind} ${metric.quantity}`) ?? {
        kind,
        quantity: metric.quantity,
        name: metric.name,
        unit: metric.unit,
        values: [],
      };
      entry.values.push(value.value);
      byQuantity.set(`${kind} ${metric.quantity}`, entry);
    }
  return {
    area: { code: area.code, name: area.name },
    counts: tally(mine),
    areas: areas
      .filter((one) => one.parent === area.code)
      .map((one) => ({ code: one.code, name: one.name, counts: tally(below(one)) })),
    quantities: [...byQuantity.values()].map(({ kind, quantity, name, unit, values: all }) => ({
      kind,
      quantity,
      name,
      unit,
      avg: all.reduce((sum, one) => sum + one, 0) / all.length,
      min: Math.min(...all),
      max: Math.max(...all),
      devices: all.length,
    })),
    readingsPerMinute: mine.length * 1.3,
  };
}

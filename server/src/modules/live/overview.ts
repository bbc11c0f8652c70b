/** The overview of an area: devices by state, and the newest values by kind of device. */
import * as api from '@village/api';
import { averages, BoundedMap, QUANTITIES, type QuantityId, Slices } from '@village/core';
import { type DeviceKind, KINDS } from '@village/device-profiles';
import { type AnyRoute, route } from '@village/platform';
import { type AreaNode, areaRefOf, type DeviceEntry } from '@village/registry';
import type { LatestValue } from '@village/store/time-series';
import { areaFor } from '../../http/query.ts';
import type { Needs } from '../needs.ts';

/** An overview is asked by every open page; the newest values of 20,000 devices are gathered this often at most. */
const QUANTITIES_FRESH_MS = 2_000;
const CACHED_MAX = 500;

type Quantities = api.live.Overview['quantities'];

/** What is known of one quantity among one kind of device. */
interface Sum {
  readonly kind: DeviceKind;
  readonly quantity: QuantityId;
  sum: number;
  values: number;
  min: number;
  max: number;
  devices: number;
}

/** Adds a device's newest good values. */
function addDevice(
  sums: Map<string, Sum>,
  entry: DeviceEntry,
  latest: readonly LatestValue[],
): void {
  const { kind, metrics, metricIndex } = entry.profile;
  const counted = new Set<Sum>();
  for (const { metric: key, quality, value } of latest) {
    const metric = metrics[metricIndex.get(key) ?? -1];
    if (metric === undefined || quality !== 'good' || !averages(metric.quantity)) continue;
    // What a data logger has summed up is not put together with what was just measured.
    if (metric.span !== 'instant') continue;
    const name = `${kind} ${metric.quantity}`;
    const sum = sums.get(name) ?? {
      kind,
      quantity: metric.quantity,
      sum: 0,
      values: 0,
      min: value,
      max: value,
      devices: 0,
    };
    sums.set(name, sum);
    sum.sum += value;
    sum.values++;
    sum.min = Math.min(sum.min, value);
    sum.max = Math.max(sum.max, value);
    counted.add(sum);
  }
  for (const sum of counted) sum.devices++;
}

/**
 * The newest good values of devices online, by kind of device and quantity: the water of a sewage station and that of a
 * river have the same quantities and no common mean.
 */
export async function quantitiesOf(
  { latest }: Pick<Needs, 'latest'>,
  entries: Iterable<DeviceEntry>,
): Promise<Quantities> {
  const sums = new Map<string, Sum>();
  const slices = new Slices();
  for (const entry of entries) {
    if (slices.over) await slices.next();
    if (entry.state === 'online') addDevice(sums, entry, latest.latest(entry));
  }
  const order = Object.keys(QUANTITIES);
  return [...sums.values()]
    .sort(
      (a, b) =>
        KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
        order.indexOf(a.quantity) - order.indexOf(b.quantity),
    )
    .map(({ kind, quantity, sum, values, min, max, devices }) => {
      const { zh, en, unit } = QUANTITIES[quantity];
      return { kind, quantity, name: { zh, en }, unit, avg: sum / values, min, max, devices };
    });
}

/** Answers `GET /overview`. */
export function overviewRoute(needs: Needs): AnyRoute {
  const { directory, timer } = needs;
  const cached = new BoundedMap<string, { at: number; quantities: Promise<Quantities> }>(
    CACHED_MAX,
  );
  // Gathered once for all who ask meanwhile.
  const fresh = (node: AreaNode): Promise<Quantities> => {
    const known = cached.get(node.area.code);
    const now = timer.elapsed();
    if (known !== undefined && now - known.at < QUANTITIES_FRESH_MS) return known.quantities;
    const quantities = quantitiesOf(needs, node.entries);
    cached.set(node.area.code, { at: now, quantities });
    return quantities;
  };
  return route(api.live.overview, async ({ caller, query }) => {
    const node = areaFor(directory, caller, query.area);
    const quantities = await fresh(node);
    const inService = node.children.filter(({ area }) => area.retiredAt === null);
    return {
      area: areaRefOf(node),
      counts: { ...node.counts },
      areas: inService.map((child) => ({ ...areaRefOf(child), counts: { ...child.counts } })),
      quantities,
      readingsPerMinute: directory.readingsPerMinute(node.area.code),
    };
  });
}

/** Where devices stand and have stood, and which of their time an area holds. */
import type { AggregateQuery, DeviceLocation, DeviceSpan } from '../contract.ts';

/** A part of a device's time, ms, in which it counts for one group. */
export interface Stretch {
  readonly device: string;
  readonly group: string | null;
  readonly from: number;
  readonly to: number;
}

/** The locations that were given last. */
export class Locations {
  #locations: ReadonlyMap<string, DeviceLocation | readonly DeviceLocation[]> = new Map();

  set(locations: ReadonlyMap<string, DeviceLocation | readonly DeviceLocation[]>): void {
    this.#locations = new Map(locations);
  }

  /** The stretches of time that a query joins, device by device, each cut to the query's span. */
  stretches(query: AggregateQuery): Stretch[] {
    const all = this.#stretches(query);
    if (query.without === undefined || query.without.length === 0) return all;
    const without = Map.groupBy(query.without, ({ device }) => device);
    return all.flatMap((one) => less(one, without.get(one.device) ?? []));
  }

  #stretches(query: AggregateQuery): Stretch[] {
    const { device, from, to } = query;
    if (device === undefined)
      return [...this.#locations].flatMap(([id, given]) => stretchesOf(id, given, query));
    const given = this.#locations.get(device);
    return given === undefined
      ? [{ device, group: groupOf(device, undefined, query.groupBy), from, to }]
      : stretchesOf(device, given, query);
  }
}

/** What stays of a stretch without some spans of its device. */
function less(stretch: Stretch, spans: readonly DeviceSpan[]): Stretch[] {
  let rest = [stretch];
  for (const { from, to } of spans)
    rest = rest.flatMap((one) =>
      [
        { ...one, to: Math.min(one.to, from) },
        { ...one, from: Math.max(one.from, to) },
      ].filter((part) => part.from < part.to),
    );
  return rest;
}

function stretchesOf(
  device: string,
  given: DeviceLocation | readonly DeviceLocation[],
  { area, from, to, groupBy }: AggregateQuery,
): Stretch[] {
  const list = Array.isArray(given)
    ? (given as readonly DeviceLocation[])
    : [given as DeviceLocation];
  const found: { device: string; group: string | null; from: number; to: number }[] = [];
  for (const [i, location] of list.entries()) {
    const { county, township, village } = location;
    if (area !== undefined && area !== county && area !== township && area !== village) continue;
    const start = i === 0 ? from : Math.max(from, location.from ?? from);
    const end = Math.min(to, list[i + 1]?.from ?? to);
    if (start >= end) continue;
    const group = groupOf(device, location, groupBy);
    const last = found.at(-1);
    if (last?.to === start && last.group === group) last.to = end;
    else found.push({ device, group, from: start, to: end });
  }
  return found;
}

function groupOf(
  device: string,
  location: DeviceLocation | undefined,
  groupBy: AggregateQuery['groupBy'],
): string | null {
  if (groupBy === 'device') return device;
  return groupBy === 'none' ? null : (location?.[groupBy] ?? null);
}

/** How the whole stands: overview of an area, live events, and what only county admins see. */
import * as api from '@village/api';
import { averages, BoundedMap, formatTime, QUANTITIES, type QuantityId } from '@village/core';
import { type DeviceKind, KINDS } from '@village/device-profiles';
import { type AreaNode, areaRefOf, type DeviceEntry } from '@village/registry';
import type { LatestValue, StoreCounters } from '@village/store/time-series';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { callerOf, recheckOf } from '../http/access.ts';
import type { Context } from '../http/context.ts';
import { areaFor, deviceFor } from '../http/query.ts';
import { route } from '../http/route.ts';
import { note } from './people.ts';
import { sequencesOf } from './readings.ts';

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
function quantitiesOf(context: Context, node: AreaNode): Quantities {
  const sums = new Map<string, Sum>();
  for (const entry of node.entries)
    if (entry.state === 'online') addDevice(sums, entry, context.store.latest(entry.device.id));
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

function overviewRoute(app: FastifyInstance, context: Context): void {
  const { directory, timer } = context;
  const cached = new BoundedMap<string, { at: number; quantities: Quantities }>(CACHED_MAX);
  const fresh = (node: AreaNode): Quantities => {
    const known = cached.get(node.area.code);
    const now = timer.elapsed();
    if (known !== undefined && now - known.at < QUANTITIES_FRESH_MS) return known.quantities;
    const quantities = quantitiesOf(context, node);
    cached.set(node.area.code, { at: now, quantities });
    return quantities;
  };
  route(app, api.live.overview, (request) => {
    const node = areaFor(directory, callerOf(request), request.query.area);
    return {
      area: areaRefOf(node),
      counts: { ...node.counts },
      areas: node.children.map((child) => ({ ...areaRefOf(child), counts: { ...child.counts } })),
      quantities: fresh(node),
      readingsPerMinute: directory.readingsPerMinute(node.area.code),
    };
  });
}

function liveRoute(app: FastifyInstance, context: Context): void {
  const { directory, live } = context;
  route(app, api.live.follow, (request, reply) => {
    const caller = callerOf(request);
    const { area, device } = request.query;
    const { code } = areaFor(directory, caller, area).area;
    if (device !== undefined) deviceFor(directory, caller, device);
    live.check();
    const headers = plainHeaders(reply);
    const watch = {
      node: () => directory.area(caller.area, code),
      device: device ?? null,
      sees: (id: string) => directory.entry(caller.area, id) !== undefined,
      mayWatch: recheckOf(context, request),
    };
    reply.hijack();
    live.add(reply.raw, watch, headers);
  });
}

/** Headers that hooks have set, for a response that is written without the framework. */
function plainHeaders(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(
    Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]),
  );
}

/** The counters under the names that the interface gave them. */
function viewStore(counters: StoreCounters): api.system.System['store'] {
  const { flushes, flushFailures, rowsFlushed, rowsInMemtable, ...same } = counters;
  const { deadLetters, deadLettersDropped, ...rest } = same;
  return {
    ...rest,
    seals: flushes,
    sealFailures: flushFailures,
    rowsSealed: rowsFlushed,
    rowsHot: rowsInMemtable,
    quarantined: deadLetters,
    quarantineDropped: deadLettersDropped,
  };
}

function viewSystem(context: Context): api.system.System {
  const { store, broker, pipeline, directory, backups } = context;
  const heard = pipeline.gateways();
  const roots = directory.tops();
  const gateways = roots.flatMap((root) => directory.gateways(root));
  const { last } = backups;
  return {
    store: viewStore(store.counters()),
    broker: { ...broker.counters() },
    pipeline: { ...pipeline.counters() },
    gateways: gateways.map(({ id, name }) => {
      const state = heard.get(id) ?? context.remembered.get(id);
      return {
        id,
        name,
        online: state?.online ?? false,
        at: state === undefined ? null : formatTime(state.at),
        version: state?.version ?? null,
        waiting: state?.waiting ?? null,
        dropped: { ...state?.dropped },
        sequences: sequencesOf(context, id),
      };
    }),
    backup: last === null ? null : { ...last, startedAt: formatTime(last.startedAt) },
  };
}

/** Adds `/overview`, `/live` and `/system`. */
export function systemRoutes(app: FastifyInstance, context: Context): void {
  overviewRoute(app, context);
  liveRoute(app, context);
  route(app, api.system.get, () => viewSystem(context));

  route(app, api.system.backup, async (request, reply) => {
    const { folder } = context.backups.start();
    await note(context, request, 'backup', folder);
    return reply.code(202).send({ folder });
  });
}

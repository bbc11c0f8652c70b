/** Areas, device types and devices, and their imports. */
import * as api from '@village/api';
import { DEVICE_STATES, OperationalError } from '@village/core';
import type { ImportResult } from '@village/registry';
import { compareNames, type DeviceEntry, decodeText } from '@village/registry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { callerOf } from '../http/access.ts';
import type { Caller, Context } from '../http/context.ts';
import { sendProblem } from '../http/problem.ts';
import { areaFor, cursorOf, deviceFor, openCursor, pageByKey } from '../http/query.ts';
import { route } from '../http/route.ts';
import { viewArea, viewDevice, viewLatest, viewProfile } from '../http/views.ts';
import { note } from './people.ts';

type DeviceQuery = Static<typeof api.devices.list.query>;

/** What a list is sorted by, as a number; names have no number and are compared as Chinese readers do. */
function sortValue(entry: DeviceEntry, by: string): number {
  if (by === 'lastSeenAt') return entry.lastSeenAt ?? 0;
  return by === 'state' ? DEVICE_STATES.indexOf(entry.state) : 0;
}

interface Position {
  readonly value: number;
  readonly name: string;
  readonly id: string;
}

const positionOf = (entry: DeviceEntry, by: string): Position => ({
  value: sortValue(entry, by),
  name: entry.device.name,
  id: entry.device.id,
});

const comparePositions = (a: Position, b: Position): number =>
  a.value - b.value || compareNames(a, b);

/**
 * One page: entries come sorted by name already, so that only other orders are sorted here. The cursor is the last
 * entry's own place, not a number of rows: what is added in between neither repeats nor hides a device.
 */
function pageOf(entries: DeviceEntry[], query: DeviceQuery): [DeviceEntry[], string | null] {
  const { sort = 'name', limit = 100 } = query;
  const turn = sort.startsWith('-') ? -1 : 1;
  const by = sort.replace('-', '');
  if (by !== 'name')
    entries.sort((a, b) => turn * comparePositions(positionOf(a, by), positionOf(b, by)));
  else if (turn < 0) entries.reverse();
  const opened = openCursor(query.cursor, ['number', 'string', 'string']);
  let start = 0;
  if (opened !== null) {
    const [value, name, id] = opened as [number, string, string];
    const after = { value, name, id };
    let high = entries.length;
    while (start < high) {
      const middle = (start + high) >>> 1;
      const entry = entries[middle] as DeviceEntry;
      if (turn * comparePositions(positionOf(entry, by), after) <= 0) start = middle + 1;
      else high = middle;
    }
  }
  const items = entries.slice(start, start + limit);
  const last = items.at(-1);
  if (last === undefined || start + limit >= entries.length) return [items, null];
  const { value, name, id } = positionOf(last, by);
  return [items, cursorOf(value, name, id)];
}

function listDevices(context: Context, caller: Caller, query: DeviceQuery): api.devices.DevicePage {
  const node = areaFor(context.directory, caller, query.area);
  const needle = query.q?.toLowerCase();
  const counts = { online: 0, late: 0, offline: 0, never: 0 };
  const found: DeviceEntry[] = [];
  for (const entry of node.entries) {
    const { device, profile } = entry;
    if (query.profile !== undefined && device.profile !== query.profile) continue;
    if (query.kind !== undefined && profile.kind !== query.kind) continue;
    if (
      needle !== undefined &&
      ![device.name, device.id, device.address].some((text) => text.toLowerCase().includes(needle))
    )
      continue;
    counts[entry.state]++;
    if (query.state === undefined || entry.state === query.state) found.push(entry);
  }
  const total = found.length;
  const [items, next] = pageOf(found, query);
  return { items: items.map((entry) => viewDevice(entry, context.store)), next, total, counts };
}

/** Adds `/areas`, `/profiles` and `/devices`. */
export function placeRoutes(app: FastifyInstance, context: Context): void {
  areaRoutes(app, context);
  deviceRoutes(app, context);
  route(app, api.devices.profiles, (request) => {
    const { items, next } = pageByKey(
      [...context.profiles.values()],
      ({ id }) => id,
      request.query,
    );
    return { items: items.map(viewProfile), next };
  });
  void app.register((imports, _options, done) => {
    importRoutes(imports, context);
    done();
  });
}

function areaRoutes(app: FastifyInstance, context: Context): void {
  const { directory } = context;
  route(app, api.areas.list, (request) => {
    const caller = callerOf(request);
    const { level, parent, limit = 1000, cursor } = request.query;
    const after = (openCursor(cursor, ['string'])?.[0] as string | undefined) ?? '';
    const nodes = directory
      .below(caller.area)
      .filter(
        ({ area }) =>
          (level === undefined || area.level === level) &&
          (parent === undefined || area.parent === parent) &&
          area.path > after,
      );
    const items = nodes.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map(viewArea),
      next: last === undefined || nodes.length <= limit ? null : cursorOf(last.area.path),
    };
  });

  route(app, api.areas.get, (request) =>
    viewArea(areaFor(directory, callerOf(request), request.params.code)),
  );
}

function deviceRoutes(app: FastifyInstance, context: Context): void {
  const { directory, store } = context;
  route(app, api.devices.list, (request) => listDevices(context, callerOf(request), request.query));

  route(app, api.devices.get, (request) =>
    viewDevice(deviceFor(directory, callerOf(request), request.params.id), store),
  );

  route(app, api.devices.latest, (request) =>
    viewLatest(deviceFor(directory, callerOf(request), request.params.id), store),
  );
}

function importRoutes(app: FastifyInstance, context: Context): void {
  app.addContentTypeParser(
    'text/csv',
    { parseAs: 'buffer', bodyLimit: api.devices.importFile.bodyBytesMax },
    (_request, body, done) => done(null, body),
  );
  route(app, api.areas.importFile, (request, reply) => importOf(context, request, reply, 'areas'));
  route(app, api.devices.importFile, (request, reply) =>
    importOf(context, request, reply, 'devices'),
  );
}

async function importOf(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  what: 'areas' | 'devices',
): Promise<ImportResult | FastifyReply> {
  if (!Buffer.isBuffer(request.body))
    return sendProblem(reply, 415, 'unsupported-content-type', 'send the file as text/csv');
  const text = decodeText(request.body);
  const result = await context.imports[what](text, callerOf(request).area);
  if (result.faults.length > 0) return reply.code(422).send(result);
  const { created, updated } = result;
  await note(context, request, `import-${what}`, '', { created, updated });
  return result;
}

/** Faults of an import as one error, for imports that no person asked for. @throws import-faults */
export function assertImported(what: string, result: ImportResult): void {
  if (result.faults.length === 0) return;
  const lines = result.faults
    .slice(0, 20)
    .map(({ line, column, message }) => `  line ${line} ${column}: ${message}`);
  throw new OperationalError('import-faults', `${what} was not imported:\n${lines.join('\n')}`);
}

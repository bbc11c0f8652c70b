/** Areas, device types and devices, and their imports. */
import { DEVICE_STATES, MINUTE, OperationalError } from '@village/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { decodeText } from '../csv.ts';
import { compareNames, type DeviceEntry } from '../directory.ts';
import { callerOf } from '../http/access.ts';
import type { App } from '../http/app-types.ts';
import type { Caller, Context } from '../http/context.ts';
import { sendProblem } from '../http/problem.ts';
import { areaFor, cursorOf, deviceFor, openCursor, pageByKey } from '../http/query.ts';
import * as s from '../http/schemas.ts';
import { viewArea, viewDevice, viewLatest, viewProfile } from '../http/views.ts';
import type { ImportResult } from '../imports.ts';
import { note } from './people.ts';

const IMPORT_BYTES_MAX = 20 * 1024 * 1024;
/** The longest that an import may take. */
const IMPORT_MS = 10 * MINUTE;
const SORTS = ['name', '-name', 'lastSeenAt', '-lastSeenAt', 'state', '-state'] as const;

const DeviceQuery = s.pageQuery(
  {
    area: Type.Optional(s.Code),
    profile: Type.Optional(s.Text),
    kind: Type.Optional(s.Text),
    state: Type.Optional(s.StateWord),
    q: Type.Optional(Type.String({ maxLength: 100 })),
    sort: Type.Optional(Type.Enum([...SORTS])),
  },
  1000,
);
type DeviceQuery = Static<typeof DeviceQuery>;

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

function listDevices(
  context: Context,
  caller: Caller,
  query: DeviceQuery,
): Static<typeof s.DevicePage> {
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
export function placeRoutes(app: App, context: Context): void {
  areaRoutes(app, context);
  deviceRoutes(app, context);
  app.get(
    '/profiles',
    {
      schema: {
        tags: ['devices'],
        querystring: s.pageQuery({}),
        response: { 200: s.page(s.Profile) },
      },
    },
    (request) => {
      const { items, next } = pageByKey(
        [...context.profiles.values()],
        ({ id }) => id,
        request.query,
      );
      return { items: items.map(viewProfile), next };
    },
  );
  void app.register((imports, _options, done) => {
    importRoutes(imports as App, context);
    done();
  });
}

function areaRoutes(app: App, context: Context): void {
  const { directory } = context;
  app.get(
    '/areas',
    {
      schema: {
        tags: ['areas'],
        querystring: s.pageQuery({
          level: Type.Optional(s.LevelWord),
          parent: Type.Optional(s.Code),
        }),
        response: { 200: s.page(s.Area) },
      },
    },
    (request) => {
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
    },
  );

  app.get(
    '/areas/:code',
    {
      schema: {
        tags: ['areas'],
        params: s.exactly({ code: s.Code }),
        response: { 200: s.Area, 404: s.Problem },
      },
    },
    (request) => viewArea(areaFor(directory, callerOf(request), request.params.code)),
  );
}

function deviceRoutes(app: App, context: Context): void {
  const { directory, store } = context;
  const params = s.exactly({ id: s.Id });
  app.get(
    '/devices',
    {
      schema: { tags: ['devices'], querystring: DeviceQuery, response: { 200: s.DevicePage } },
    },
    (request) => listDevices(context, callerOf(request), request.query),
  );

  app.get(
    '/devices/:id',
    { schema: { tags: ['devices'], params, response: { 200: s.Device, 404: s.Problem } } },
    (request) => viewDevice(deviceFor(directory, callerOf(request), request.params.id), store),
  );

  app.get(
    '/devices/:id/latest',
    { schema: { tags: ['devices'], params, response: { 200: s.Latest, 404: s.Problem } } },
    (request) => viewLatest(deviceFor(directory, callerOf(request), request.params.id), store),
  );
}

function importRoutes(app: App, context: Context): void {
  app.addContentTypeParser(
    'text/csv',
    { parseAs: 'buffer', bodyLimit: IMPORT_BYTES_MAX },
    (_request, body, done) => done(null, body),
  );
  for (const what of ['areas', 'devices'] as const)
    app.post(
      `/${what}/import`,
      {
        bodyLimit: IMPORT_BYTES_MAX,
        handlerTimeout: IMPORT_MS,
        config: { access: 'admin', body: s.Csv },
        schema: {
          tags: [what],
          consumes: ['text/csv'],
          response: { 200: s.Imported, 422: s.Imported },
        },
      },
      async (request, reply) => importOf(context, request, reply, what),
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

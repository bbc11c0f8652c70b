/**
 * A stand-in for the server in browser tests and while working on pages: speaks docs/http-api.md over a made-up county.
 * It keeps nothing and proves nothing about the real server.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import {
  areas,
  COUNTY,
  type FixtureArea,
  type FixtureDevice,
  makeDevices,
  OUTAGE,
  profiles,
  valueAt,
} from './county.ts';

/** The policy that the real server sends too. */
const CONTENT_POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

export const USER = 'admin';
export const PASSWORD = 'fixture-password';

export interface FixtureOptions {
  /** Folder of the built console. */
  readonly directory: string;
  readonly devices: number;
  /** Present of the county, ms. */
  readonly now: number;
  readonly port?: number;
  /** Code of the area of the user who signs in; the county when not given. */
  readonly area?: string;
  readonly role?: 'admin' | 'officer' | 'clerk';
}

export interface Fixture {
  readonly url: string;
  readonly devices: FixtureDevice[];
  /** Answers requests whose path starts so with a problem until told otherwise (null). */
  fail(path: string, status: number | null): void;
  /** Sends a live change of one device, and keeps it. */
  push(id: string, metric: string, value: number): void;
  /** Breaks every live stream. */
  cut(): void;
  /** Paths asked for, oldest first. */
  readonly asked: string[];
  close(): Promise<void>;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const iso = (at: number): string => new Date(at).toISOString();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function pathOf(area: FixtureArea): { code: string; name: FixtureArea['name'] }[] {
  const above = areas.find((one) => one.code === area.parent);
  return [...(above === undefined ? [] : pathOf(above)), { code: area.code, name: area.name }];
}
const inside = (area: FixtureArea, code: string): boolean =>
  pathOf(area).some((place) => place.code === code);

function tally(devices: readonly FixtureDevice[]): Record<string, number> {
  const counts: Record<string, number> = { online: 0, late: 0, offline: 0, never: 0 };
  for (const { state } of devices) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

const values = (device: FixtureDevice): object =>
  Object.fromEntries(
    Object.entries(device.values).map(([key, value]) => [
      key,
      { ...value, at: iso(value.at), receivedAt: iso(value.receivedAt) },
    ]),
  );

const shown = (device: FixtureDevice): object => ({
  id: device.id,
  name: device.name,
  profile: device.profile.id,
  kind: device.profile.kind,
  area: { code: device.area.code, name: device.area.name },
  path: pathOf(device.area),
  gateway: device.profile.protocol === 'modbus' ? 'gateway-01' : null,
  address: device.id,
  longitude: 119.91,
  latitude: 31.02,
  state: device.state,
  lastSeenAt: device.lastSeenAt === null ? null : iso(device.lastSeenAt),
  values: values(device),
});

class Problem extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/** Times at which a device reported between two times; none in the outage. */
function reports(device: FixtureDevice, from: number, to: number, now: number): number[] {
  const every = device.profile.reportEvery * 1000;
  const out: number[] = [];
  const last = Math.min(to, device.lastSeenAt ?? 0);
  for (let at = Math.ceil(from / every) * every; at < last; at += every)
    if (at < now - OUTAGE.from || at > now - OUTAGE.to) out.push(at);
  return out;
}

/** The county behind the fixture: answers by path. */
function createApi(options: FixtureOptions, devices: FixtureDevice[]) {
  const { now } = options;
  const own = areas.find((area) => area.code === (options.area ?? COUNTY));
  if (own === undefined) throw new Error(`BUG: no area ${options.area}`);
  const user = {
    name: USER,
    displayName: '陈晓',
    role: options.role ?? 'admin',
    area: { code: own.code, name: own.name },
  };

  const areaOf = (code: string | null): FixtureArea => {
    const area = areas.find((one) => one.code === (code ?? own.code));
    if (area === undefined) throw new Problem(404, 'no-such-area');
    if (!inside(area, own.code)) throw new Problem(403, 'forbidden');
    return area;
  };
  const deviceOf = (id: string): FixtureDevice => {
    const device = devices.find((one) => one.id === id);
    if (device === undefined) throw new Problem(404, 'no-such-device');
    return device;
  };
  const below = (area: FixtureArea): FixtureDevice[] =>
    devices.filter((device) => inside(device.area, area.code));
  const areaShown = (area: FixtureArea): object => ({
    ...area,
    path: pathOf(area),
    counts: tally(below(area)),
  });

  function list(query: URLSearchParams): object {
    const q = query.get('q')?.toLowerCase() ?? '';
    const matching = below(areaOf(query.get('area'))).filter(
      (device) =>
        (query.get('state') ?? device.state) === device.state &&
        (query.get('kind') ?? device.profile.kind) === device.profile.kind &&
        (device.name.toLowerCase().includes(q) || device.id.includes(q)),
    );
    const sort = query.get('sort') ?? 'name';
    const key = (device: FixtureDevice): string =>
      sort.endsWith('lastSeenAt')
        ? String(device.lastSeenAt ?? 0).padStart(16, '0')
        : sort.endsWith('state')
          ? device.state
          : device.name;
    matching.sort((a, b) => key(a).localeCompare(key(b), 'zh') * (sort.startsWith('-') ? -1 : 1));
    const start = Number(query.get('cursor') ?? 0);
    const limit = Number(query.get('limit') ?? 100);
    return {
      items: matching.slice(start, start + limit).map(shown),
      next: start + limit < matching.length ? String(start + limit) : null,
      total: matching.length,
      counts: tally(matching),
    };
  }

  function overview(query: URLSearchParams): object {
    const area = areaOf(query.get('area'));
    const mine = below(area);
    const byQuantity = new Map<string, { name: object; unit: string; values: number[] }>();
    for (const device of mine.filter(({ state }) => state === 'online'))
      for (const metric of device.profile.metrics) {
        const value = device.values[metric.key];
        if (value === undefined || value.quality !== 'good' || metric.state || metric.total)
          continue;
        const entry = byQuantity.get(metric.quantity) ?? {
          name: metric.name,
          unit: metric.unit,
          values: [],
        };
        entry.values.push(value.value);
        byQuantity.set(metric.quantity, entry);
      }
    return {
      area: { code: area.code, name: area.name },
      counts: tally(mine),
      areas: areas
        .filter((one) => one.parent === area.code)
        .map((one) => ({ code: one.code, name: one.name, counts: tally(below(one)) })),
      quantities: [...byQuantity].map(([quantity, { name, unit, values: all }]) => ({
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

  const range = (query: URLSearchParams): [number, number] => [
    Date.parse(query.get('from') ?? ''),
    Date.parse(query.get('to') ?? ''),
  ];

  function readings(query: URLSearchParams): object {
    const device = deviceOf(query.get('device') ?? '');
    const wanted = query.get('metric')?.split(',');
    const metrics = device.profile.metrics.filter((metric) => wanted?.includes(metric.key) ?? true);
    const all = reports(device, ...range(query), now);
    const start = Number(query.get('cursor') ?? 0);
    const limit = Number(query.get('limit') ?? 1000);
    return {
      items: all.slice(start, start + limit).map((at, index) => {
        const bad = (start + index) % 97 === 50;
        const first = metrics[0]?.key ?? '';
        return {
          at: iso(at),
          receivedAt: iso(at + 900),
          lane: at < now - OUTAGE.from && at > now - OUTAGE.from - HOUR ? 'backfill' : 'live',
          clockReplaced: false,
          values: Object.fromEntries(
            metrics.map((metric) => [
              metric.key,
              bad && metric.key === first ? metric.range[1] : valueAt(device.id, metric, at),
            ]),
          ),
          ...(bad ? { quality: { [first]: 'implausible' } } : {}),
        };
      }),
      next: start + limit < all.length ? String(start + limit) : null,
    };
  }

  function aggregates(query: URLSearchParams): object {
    const device = deviceOf(query.get('device') ?? '');
    const metric = device.profile.metrics.find((one) => one.key === query.get('metric'));
    if (metric === undefined) throw new Problem(404, 'no-such-metric');
    const every =
      { '10m': 10 * MINUTE, '1h': HOUR, '1d': 24 * HOUR }[query.get('every') ?? ''] ?? HOUR;
    const buckets = new Map<number, number[]>();
    for (const at of reports(device, ...range(query), now)) {
      const bucket = Math.floor(at / every) * every;
      buckets.set(bucket, [...(buckets.get(bucket) ?? []), valueAt(device.id, metric, at)]);
    }
    return {
      unit: metric.unit,
      items: [...buckets].map(([at, all]) => ({
        at: iso(at),
        group: null,
        values: {
          avg: all.reduce((sum, one) => sum + one, 0) / all.length,
          min: Math.min(...all),
          max: Math.max(...all),
          last: all.at(-1),
        },
      })),
    };
  }

  function completeness(query: URLSearchParams): object {
    const device = deviceOf(query.get('device') ?? '');
    const [from, to] = range(query);
    const every = device.profile.reportEvery * 1000;
    const came = new Set(reports(device, from, to, now).map((at) => Math.floor(at / every)));
    const hours: {
      at: string;
      expected: number;
      received: number;
      rows: number;
      backfilled: number;
    }[] = [];
    for (let at = Math.floor(from / HOUR) * HOUR; at < to; at += HOUR) {
      const slots = Array.from({ length: Math.max(1, HOUR / every) }, (_, slot) =>
        Math.floor((at + slot * every) / every),
      ).filter((slot) => slot * every >= from && slot * every < Math.min(to, now));
      const received = slots.filter((slot) => came.has(slot)).length;
      const late = at < now - OUTAGE.from && at > now - OUTAGE.from - 2 * HOUR;
      hours.push({
        at: iso(at),
        expected: slots.length,
        received,
        rows: received,
        backfilled: late ? received : 0,
      });
    }
    const sum = (name: 'expected' | 'received'): number =>
      hours.reduce((total, hour) => total + hour[name], 0);
    return {
      device: device.id,
      reportEvery: device.profile.reportEvery,
      expected: sum('expected'),
      received: sum('received'),
      hours,
      gaps:
        from < now - OUTAGE.to ? [{ from: iso(now - OUTAGE.from), to: iso(now - OUTAGE.to) }] : [],
      gateway: { id: 'gateway-01', sequences: [{ epoch: 'a', highest: 4096, gaps: [[120, 122]] }] },
    };
  }

  const entries = [
    {
      id: 1,
      reason: 'payload-not-json',
      message: 'Unexpected token B in JSON at position 0',
      topic: 'bin/HB20-000117/up',
      payload: 'BOOT',
      text: 'BOOT',
      device: 'bin-2-0003',
    },
    {
      id: 2,
      reason: 'frame-too-short',
      message: '6 bytes where 22 are needed',
      topic: 'village/v1/gateways/gateway-01/readings',
      payload: '\u0001\u0003\u0004A\u00cc\u0000',
      device: null,
    },
    {
      id: 3,
      reason: 'unknown-device',
      message: '<img src=x onerror=alert(1)> is not a device of this gateway',
      topic: 'village/v1/gateways/gateway-01/readings',
      payload: '{"seq":4}',
      text: '{"seq":4}',
      device: '<b>x</b>',
    },
  ].map((entry, index) => ({
    ...entry,
    payload: Buffer.from(entry.payload, 'latin1').toString('base64'),
    source: 'gateway-01',
    receivedAt: iso(now - (index + 1) * 40 * MINUTE),
    state: 'open',
  }));

  function system(): object {
    if (user.role !== 'admin') throw new Problem(403, 'forbidden');
    return {
      store: {
        rows: 1_204_882,
        readings: 7_229_292,
        commits: 88_100,
        commitFailures: 0,
        rowsPending: 12,
        rowsHot: 48_210,
        rowsSealed: 1_156_660,
        seals: 44,
        sealFailures: 0,
        filesUnreadable: 1,
        quarantined: 3,
        quarantineDropped: 0,
        logBytes: 18_220_100,
        archiveBytes: 9_120_338,
        commitSeconds: { p50: 0.0021, p99: 0.0064, max: 0.02 },
      },
      broker: {
        connections: 12,
        connects: 15,
        messages: 98_410,
        acknowledged: 98_409,
        inFlight: 1,
        refused: { authentication: 3 },
      },
      gateways: [
        {
          id: 'gateway-01',
          online: true,
          at: iso(now - 20_000),
          waiting: { live: 2, backfill: 340 },
          dropped: { 'outbox-full': 0 },
          sequences: [{ epoch: 'a', highest: 4096, gaps: [[120, 122]] }],
        },
        {
          id: 'gateway-02',
          online: false,
          at: iso(now - 3 * HOUR),
          waiting: { live: 0, backfill: 0 },
          dropped: {},
          sequences: [],
        },
      ],
    };
  }

  return {
    user,
    answer(path: string, query: URLSearchParams): object {
      const [name, id] = path.split('/').slice(1).map(decodeURIComponent);
      if (name === 'areas' && id !== undefined) return areaShown(areaOf(id));
      if (name === 'areas')
        return {
          items: areas
            .filter((area) => (query.get('parent') ?? area.parent) === area.parent)
            .map(areaShown),
          next: null,
        };
      if (name === 'profiles') return { items: profiles };
      if (name === 'devices' && id !== undefined) return shown(deviceOf(id));
      if (name === 'devices') return list(query);
      if (name === 'overview') return overview(query);
      if (name === 'readings') return readings(query);
      if (name === 'aggregates') return aggregates(query);
      if (name === 'completeness') return completeness(query);
      if (name === 'events')
        return {
          items: [
            {
              device: query.get('device'),
              at: iso(now - HOUR),
              receivedAt: iso(now - HOUR),
              type: 'reboot',
              detail: { cause: 'power' },
            },
          ],
          next: null,
        };
      if (name === 'quarantine')
        return {
          items: entries.filter((entry) => entry.state === (query.get('state') ?? entry.state)),
          next: null,
        };
      if (name === 'system') return system();
      throw new Problem(404, 'not-found');
    },
    rerun(ids: readonly number[] | undefined): object {
      let accepted = 0;
      const refused = [];
      for (const entry of entries.filter(
        ({ id, state }) => state === 'open' && (ids?.includes(id) ?? true),
      ))
        if (entry.id === 3)
          refused.push({ id: entry.id, reason: entry.reason, message: entry.message });
        else {
          entry.state = 'rerun';
          accepted++;
        }
      return { accepted, refused };
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts).toString());
}

/** Starts it on a free port of the loopback, or the one given. */
export async function startFixture(options: FixtureOptions): Promise<Fixture> {
  const devices = makeDevices(options.devices, options.now);
  const api = createApi(options, devices);
  const failing = new Map<string, number>();
  const streams = new Set<ServerResponse>();
  const asked: string[] = [];

  const send = (
    response: ServerResponse,
    status: number,
    body: object,
    headers: Record<string, string> = {},
  ): void => {
    response.writeHead(status, {
      'content-type': status < 400 ? 'application/json' : 'application/problem+json',
      ...headers,
    });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  };
  const problem = (response: ServerResponse, status: number, code: string): void =>
    send(response, status, { type: 'about:blank', title: code, status, code, detail: code });

  async function sessionRequest(
    request: IncomingMessage,
    response: ServerResponse,
    signedIn: boolean,
  ): Promise<void> {
    if (request.method === 'DELETE')
      return send(response, 204, {}, { 'set-cookie': 'fixture=; Path=/; Max-Age=0' });
    if (request.method === 'GET')
      return signedIn
        ? send(response, 200, { user: api.user })
        : problem(response, 401, 'not-signed-in');
    const given = (await bodyOf(request)) as { user?: string; password?: string };
    if (given.user !== USER || given.password !== PASSWORD)
      return problem(response, 401, 'wrong-credentials');
    send(
      response,
      200,
      { user: api.user },
      { 'set-cookie': 'fixture=1; Path=/; HttpOnly; SameSite=Strict' },
    );
  }

  async function apiRequest(
    path: string,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    asked.push(path);
    const broken = [...failing].find(([start]) => path.startsWith(start))?.[1];
    if (broken !== undefined)
      return problem(response, broken, broken >= 500 ? 'store-unavailable' : 'refused');
    const signedIn = request.headers.cookie?.includes('fixture=1') ?? false;
    if (path === '/session') return sessionRequest(request, response, signedIn);
    if (!signedIn) return problem(response, 401, 'not-signed-in');
    if (path === '/live') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(': hello\n\n');
      streams.add(response);
      response.on('close', () => streams.delete(response));
      return;
    }
    if (path === '/quarantine/rerun')
      return send(response, 200, api.rerun(((await bodyOf(request)) as { ids?: number[] }).ids));
    if (path === '/system/backup')
      return send(response, 202, { folder: 'backup/2026-11-24T04-00' });
    send(response, 200, api.answer(path, query));
  }

  async function fileRequest(path: string, response: ServerResponse): Promise<void> {
    const name = extname(path) === '' ? 'index.html' : normalize(path).replace(/^(\.\.[/\\])+/, '');
    const content = await readFile(join(options.directory, name)).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') throw new Problem(404, 'not-found');
        throw error;
      },
    );
    response.writeHead(200, {
      'content-type': types[extname(name)] ?? 'application/octet-stream',
      'content-security-policy': CONTENT_POLICY,
      'x-content-type-options': 'nosniff',
    });
    response.end(content);
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://fixture');
    const work = url.pathname.startsWith('/api/v1')
      ? apiRequest(url.pathname.slice(7), url.searchParams, request, response)
      : fileRequest(url.pathname, response);
    work.catch((error: unknown) => {
      if (error instanceof Problem) problem(response, error.status, error.code);
      else problem(response, 500, 'fixture-broken');
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    devices,
    asked,
    fail(path, status) {
      if (status === null) failing.delete(path);
      else failing.set(path, status);
    },
    push(id, metric, value) {
      const device = devices.find((one) => one.id === id);
      if (device === undefined) throw new Error(`BUG: no device ${id}`);
      const at = options.now + 1000 * (asked.length + 1);
      device.values[metric] = { value, at, receivedAt: at, quality: 'good' };
      device.state = 'online';
      device.lastSeenAt = at;
      const data = JSON.stringify({
        items: [
          {
            device: id,
            state: 'online',
            lastSeenAt: iso(at),
            values: { [metric]: { value, at: iso(at), receivedAt: iso(at), quality: 'good' } },
          },
        ],
      });
      for (const stream of streams)
        stream.write(
          `event: latest\ndata: ${data}\n\nevent: counts\ndata: ${JSON.stringify(tally(devices))}\n\n`,
        );
    },
    cut() {
      for (const stream of streams) stream.destroy();
    },
    close: () =>
      new Promise((resolve, reject) => {
        for (const stream of streams) stream.destroy();
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

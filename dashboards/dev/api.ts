/** What the fixture server answers, by path. */
import type * as api from '@village/api';
import { averages, gapAfterMs } from '@village/core';
import type { Static } from 'typebox';
import { areaFiguresOf, areaFigureValues, explainedAreaFigure } from './area-figures.ts';
import { FixtureCorrections } from './corrections.ts';
import {
  areas,
  COUNTY,
  type FixtureArea,
  type FixtureDevice,
  OUTAGE,
  profiles,
  reports,
  valueAt,
} from './county.ts';
import { explainedFigure, figuresOf, figureValues } from './figures.ts';
import { Problem } from './problem.ts';

const iso = (at: number): string => new Date(at).toISOString();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Line = api.shapes.AreaRef[];

/** By code: the areas from the top down to it. Areas stand after their parents. */
const lines = new Map<string, Line>();
for (const { code, name, parent } of areas)
  lines.set(code, [...(lines.get(parent ?? '') ?? []), { code, name }]);
const pathOf = (area: FixtureArea): Line => lines.get(area.code) ?? [];
const inside = (area: FixtureArea, code: string): boolean =>
  pathOf(area).some((place) => place.code === code);

/** Devices by state. */
export function tally(devices: readonly FixtureDevice[]): api.shapes.Counts {
  const counts = { online: 0, late: 0, offline: 0, never: 0 };
  for (const { state } of devices) counts[state]++;
  return counts;
}

const values = (device: FixtureDevice): api.devices.Device['values'] =>
  Object.fromEntries(
    Object.entries(device.values).map(([key, value]) => [
      key,
      { ...value, at: iso(value.at), receivedAt: iso(value.receivedAt) },
    ]),
  );

const shown = (device: FixtureDevice): api.devices.Device => ({
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
  ...(device.retiredAt === undefined ? {} : { retiredAt: iso(device.retiredAt) }),
  state: device.state,
  lastSeenAt: device.lastSeenAt === null ? null : iso(device.lastSeenAt),
  values: values(device),
});

/** Every tenth device is set to publish where it may not. */
const refusals = (device: FixtureDevice): Pick<api.devices.Device, 'refusals'> =>
  !device.id.endsWith('7')
    ? {}
    : {
        refusals: [
          {
            topic: `site/${device.id}/onvif-ej/RuleEngine/LineDetector/Crossed`,
            cause: 'acl-publish',
            count: 1_240,
            firstAt: iso(device.since),
            lastAt: iso(device.lastSeenAt ?? device.since),
          },
        ],
      };

const installations = (device: FixtureDevice): api.devices.History => ({
  installations: [device.former ?? device.profile, device.profile].map(({ id }) => ({
    serial: null,
    profile: id,
    address: device.id,
    since: iso(device.since),
    until: null,
    by: 'admin',
    reason: null,
  })),
  areas: [{ area: device.area.code, since: null, by: 'admin' }],
});

interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
}

type Said = [payload: Buffer, fields: api.frames.FrameField[]];
type SaidValues = readonly (readonly [metric: string, value: number])[];

/** Two registers a value, as a float. */
function registersOf(values: SaidValues): Said {
  const payload = Buffer.alloc(4 + 4 * values.length);
  payload.writeUInt32BE(0x0001_2c0a);
  return [
    payload,
    values.map(([metric, value], i) => {
      payload.writeFloatBE(value, 4 + 4 * i);
      return { metric, value, from: 4 + 4 * i, to: 8 + 4 * i };
    }),
  ];
}

function textOf(device: string, at: number, values: SaidValues): Said {
  let text = JSON.stringify({ device, at: iso(at) }).replace('}', ',"values":{');
  const fields = values.map(([metric, value], i) => {
    text += `${i === 0 ? '' : ','}"${metric}":`;
    const from = text.length;
    text += String(value);
    return { metric, value, from, to: text.length };
  });
  return [Buffer.from(`${text}}}`), fields];
}

const range = (query: URLSearchParams): [number, number] => [
  Date.parse(query.get('from') ?? ''),
  Date.parse(query.get('to') ?? ''),
];

type Entry = api.quarantine.QuarantineRow;

function quarantineEntries(now: number): Entry[] {
  return [
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
}

/** The county behind the fixture. */
export class FixtureApi {
  readonly user: api.users.User;
  private readonly devices: readonly FixtureDevice[];
  private readonly now: number;
  private readonly own: FixtureArea;
  private readonly entries: Entry[];
  /** What was stated of readings. */
  readonly corrections: FixtureCorrections;
  private backup: api.system.System['backup'] = null;

  constructor(
    devices: readonly FixtureDevice[],
    options: {
      now: number;
      area?: string;
      role?: api.users.User['role'];
      name: string;
      corrections?: number;
    },
  ) {
    const own = areas.find((area) => area.code === (options.area ?? COUNTY));
    if (own === undefined) throw new Error(`BUG: no area ${options.area}`);
    this.devices = devices;
    this.now = options.now;
    this.own = own;
    this.corrections = new FixtureCorrections(devices, options.now, options.corrections ?? 0);
    this.entries = quarantineEntries(options.now);
    this.user = {
      name: options.name,
      displayName: '陈晓',
      role: options.role ?? 'admin',
      area: { code: own.code, name: own.name },
    };
  }

  private areaOf(code: string | null): FixtureArea {
    const area = areas.find((one) => one.code === (code ?? this.own.code));
    if (area === undefined) throw new Problem(404, 'no-such-area');
    if (!inside(area, this.own.code)) throw new Problem(403, 'forbidden');
    return area;
  }
  private deviceOf(id: string): FixtureDevice {
    const device = this.devices.find((one) => one.id === id);
    if (device === undefined) throw new Problem(404, 'no-such-device');
    return device;
  }
  private below(area: FixtureArea): FixtureDevice[] {
    return this.devices.filter((device) => inside(device.area, area.code));
  }
  private areaShown(area: FixtureArea): api.areas.Area {
    return {
      ...area,
      path: pathOf(area),
      counts: tally(this.below(area)),
    };
  }

  private list(query: URLSearchParams): api.devices.DevicePage {
    const q = query.get('q')?.toLowerCase() ?? '';
    const matching = this.below(this.areaOf(query.get('area'))).filter(
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

  private overview(query: URLSearchParams): api.live.Overview {
    const area = this.areaOf(query.get('area'));
    const mine = this.below(area);
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
        .map((one) => ({ code: one.code, name: one.name, counts: tally(this.below(one)) })),
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

  private readings(query: URLSearchParams): Page<api.readings.RangeRow> {
    const device = this.deviceOf(query.get('device') ?? '');
    const wanted = query.get('metric')?.split(',');
    const metrics = device.profile.metrics.filter((metric) => wanted?.includes(metric.key) ?? true);
    const all = reports(device, ...range(query), this.now);
    const start = Number(query.get('cursor') ?? 0);
    const limit = Number(query.get('limit') ?? 1000);
    return {
      items: all.slice(start, start + limit).map((at, index) => {
        const bad = (start + index) % 97 === 50;
        const first = metrics[0]?.key ?? '';
        return {
          at: iso(at),
          receivedAt: iso(at + 900),
          lane:
            at < this.now - OUTAGE.from && at > this.now - OUTAGE.from - HOUR ? 'backfill' : 'live',
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

  private aggregates(query: URLSearchParams): api.readings.Aggregates {
    const device = this.deviceOf(query.get('device') ?? '');
    const metric = device.profile.metrics.find((one) => one.key === query.get('metric'));
    if (metric === undefined) throw new Problem(404, 'no-such-metric');
    const every =
      { '10m': 10 * MINUTE, '1h': HOUR, '1d': 24 * HOUR }[query.get('every') ?? ''] ?? HOUR;
    const buckets = new Map<number, number[]>();
    for (const at of reports(device, ...range(query), this.now)) {
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
          last: all.at(-1) ?? null,
        },
      })),
    };
  }

  private completeness(query: URLSearchParams): api.readings.Completeness {
    const device = this.deviceOf(query.get('device') ?? '');
    const [from, to] = range(query);
    const every = device.profile.reportEvery * 1000;
    const times = reports(device, from, to, this.now);
    const came = new Set(times.map((at) => Math.floor(at / every)));
    const since = device.state === 'never' ? null : device.since;
    const hours: {
      at: string;
      expected: number;
      received: number;
      valid: number;
      rows: number;
      backfilled: number;
    }[] = [];
    for (let at = Math.floor(from / HOUR) * HOUR; at < to; at += HOUR) {
      const slots = Array.from({ length: Math.max(1, HOUR / every) }, (_, slot) =>
        Math.floor((at + slot * every) / every),
      )
        .filter((slot) => slot * every >= from && slot * every < Math.min(to, this.now))
        .filter((slot) => since !== null && (slot + 1) * every > since);
      const received = slots.filter((slot) => came.has(slot)).length;
      const late = at < this.now - OUTAGE.from && at > this.now - OUTAGE.from - 2 * HOUR;
      hours.push({
        at: iso(at),
        expected: slots.length,
        received,
        valid: received,
        rows: received,
        backfilled: late ? received : 0,
      });
    }
    const sum = (name: 'expected' | 'received'): number =>
      hours.reduce((total, hour) => total + hour[name], 0);
    const ends =
      since === null || since >= to
        ? []
        : [Math.max(from, since), ...times, Math.min(to, this.now)];
    const gaps = ends
      .slice(1)
      .map((at, index) => ({ from: ends[index] ?? at, to: at }))
      .filter((gap) => gap.to - gap.from > gapAfterMs(every))
      .map((gap) => ({ from: iso(gap.from), to: iso(gap.to) }));
    return {
      device: device.id,
      reportEvery: device.profile.reportEvery,
      expected: sum('expected'),
      received: sum('received'),
      valid: sum('received'),
      hours,
      since: since === null ? null : iso(since),
      gaps,
      gapCount: gaps.length,
      gateway: { id: 'gateway-01', sequences: [{ epoch: 'a', highest: 4096, gaps: [[120, 122]] }] },
    };
  }

  private system(): api.system.System {
    if (this.user.role !== 'admin') throw new Problem(403, 'forbidden');
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
      pipeline: { messages: 98_410, readings: 7_229_292, quarantined: 3 },
      gateways: [
        {
          id: 'gateway-01',
          name: '一号网关',
          version: '0.1.0',
          online: true,
          at: iso(this.now - 20_000),
          waiting: { live: 2, backfill: 340 },
          dropped: { 'outbox-full': 0 },
          sequences: [{ epoch: 'a', highest: 4096, gaps: [[120, 122]] }],
        },
        {
          id: 'gateway-02',
          name: '二号网关',
          version: null,
          online: false,
          at: iso(this.now - 3 * HOUR),
          waiting: { live: 0, backfill: 0 },
          dropped: {},
          sequences: [],
        },
      ],
      backup: this.backup,
    };
  }

  /** A message with registers of a Modbus device, or with text of the others; nothing before the last 90 days, the day before which was missed. */
  private frames(query: URLSearchParams): Static<(typeof api.frames.list.answers)[200]> {
    const device = this.deviceOf(query.get('device') ?? '');
    const at = Date.parse(query.get('at') ?? '');
    const age = this.now - at;
    if (age > 90 * DAY) {
      const missing =
        age > 91 * DAY ? [] : [{ from: iso(at - 3_600_000), to: iso(at + 3_600_000) }];
      return { items: [], more: false, missing };
    }
    const values = device.profile.metrics.map(
      ({ key }) => [key, device.values[key]?.value ?? 0] as const,
    );
    const modbus = device.profile.protocol === 'modbus';
    const [payload, fields] = modbus ? registersOf(values) : textOf(device.id, at, values);
    return {
      items: [
        {
          at: iso(at),
          receivedAt: iso(at + 1_480),
          source: modbus ? 'gateway-01' : device.id,
          way: modbus
            ? 'village/v1/gateways/gateway-01/readings'
            : `village/v1/devices/${device.id}/readings`,
          sequence: modbus ? 40_961 : null,
          payload: payload.toString('base64'),
          fields,
          details: [],
          differs: [],
        },
      ],
      more: false,
      missing: [],
    };
  }

  private areaFigures(more: string | undefined, query: URLSearchParams): object {
    const devices = this.below(this.areaOf(query.get('area')));
    if (more === 'of') return { items: areaFiguresOf(devices) };
    const figure = query.get('figure') ?? '';
    if (more === 'explain')
      return explainedAreaFigure(devices, figure, Date.parse(query.get('at') ?? ''), this.now);
    return areaFigureValues(devices, figure, range(query), this.now);
  }

  private figures(more: string | undefined, query: URLSearchParams): object {
    if (query.has('area')) return this.areaFigures(more, query);
    const device = this.deviceOf(query.get('device') ?? '');
    if (more === 'of') return { items: figuresOf(device) };
    const figure = query.get('figure') ?? '';
    if (more === 'explain')
      return explainedFigure(device, figure, Date.parse(query.get('at') ?? ''), this.now);
    return figureValues(device, figure, range(query), this.now);
  }

  /** New equipment; with a secret when one was asked for. @throws Problem for a serial number that is in use */
  replace(id: string, body: { serial?: string; secret?: string; profile?: string }): object {
    const device = this.deviceOf(id);
    if (body.serial === 'taken') throw new Problem(409, 'address-taken');
    return {
      installation: {
        serial: body.serial ?? null,
        profile: body.profile ?? device.profile.id,
        address: device.id,
        since: iso(this.now),
        until: null,
        by: 'admin',
        reason: null,
      },
      secret: body.secret === undefined ? null : 'fixture-secret-0123456789abcdef',
    };
  }

  /** The answer to a GET. @throws Problem */
  answer(path: string, query: URLSearchParams): object {
    const [name, id, more] = path.split('/').slice(1).map(decodeURIComponent);
    if (name === 'areas' && id !== undefined) return this.areaShown(this.areaOf(id));
    if (name === 'areas')
      return {
        items: areas
          .filter((area) => (query.get('parent') ?? area.parent) === area.parent)
          .map((area) => this.areaShown(area)),
        next: null,
      };
    if (name === 'profiles') return { items: profiles, next: null };
    if (name === 'devices' && id !== undefined && more === 'history')
      return installations(this.deviceOf(id));
    if (name === 'devices' && id !== undefined) {
      const device = this.deviceOf(id);
      return { ...shown(device), ...refusals(device) };
    }
    if (name === 'devices') return this.list(query);
    if (name === 'overview') return this.overview(query);
    if (name === 'readings') return this.readings(query);
    if (name === 'aggregates') return this.aggregates(query);
    if (name === 'frames') return this.frames(query);
    if (name === 'figures') return this.figures(id, query);
    if (name === 'corrections') return this.corrections.list(query);
    if (name === 'completeness') return this.completeness(query);
    if (name === 'events')
      return {
        items: [
          {
            device: query.get('device') ?? this.devices[0]?.id ?? '',
            at: iso(this.now - HOUR),
            receivedAt: iso(this.now - HOUR),
            type: 'reboot',
            detail: { cause: 'power' },
          },
          {
            device: query.get('device') ?? this.devices[0]?.id ?? '',
            at: iso(this.now - 2 * HOUR),
            receivedAt: iso(this.now - 2 * HOUR),
            type: 'desludged',
            detail: { minutes: 12 },
          },
        ],
        next: null,
      };
    if (name === 'quarantine')
      return {
        items: this.entries.filter((entry) => entry.state === (query.get('state') ?? entry.state)),
        next: null,
      };
    if (name === 'system') return this.system();
    throw new Problem(404, 'not-found');
  }
  /** Begins a backup. */
  startBackup(): { folder: string } {
    const folder = 'backup/2026-11-24T04-00';
    this.backup = { folder, startedAt: iso(this.now), state: 'running' };
    return { folder };
  }
  /** Ends the one that was begun. */
  endBackup(state: 'done' | 'failed'): void {
    if (this.backup !== null) this.backup = { ...this.backup, state };
  }
  /** Runs quarantined entries again; the third stays refused. */
  rerun(ids: readonly number[] | undefined): Static<(typeof api.quarantine.rerun.answers)[200]> {
    let accepted = 0;
    const refused = [];
    for (const entry of this.entries.filter(
      ({ id, state }) => state === 'open' && (ids?.includes(id) ?? true),
    ))
      if (entry.id === 3)
        refused.push({ id: entry.id, reason: entry.reason, message: entry.message });
      else {
        entry.state = 'rerun';
        accepted++;
      }
    return { accepted, refused };
  }
}

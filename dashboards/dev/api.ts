/** What the fixture server answers, by path. */
import type * as api from '@village/api';
import { HOUR } from '@village/core';
import type { Static } from 'typebox';
import { areaFiguresOf, areaFigureValues, explainedAreaFigure } from './answers/area-figures.ts';
import { FixtureClientIds } from './answers/client-ids.ts';
import { FixtureCorrections } from './answers/corrections.ts';
import { clientIdOf, clock, installations, refusals, shown } from './answers/devices.ts';
import { FixtureExports } from './answers/exports.ts';
import { explainedFigure, figuresOf, figureValues } from './answers/figures.ts';
import { frames } from './answers/frames.ts';
import { geometry, importedGeometry, mapDevices } from './answers/map.ts';
import { overview } from './answers/overview.ts';
import { FixturePeople } from './answers/people.ts';
import { inside, iso, pathOf, range, tally } from './answers/places.ts';
import { type Entry, quarantineEntries } from './answers/quarantine.ts';
import { aggregates, completeness, readings } from './answers/readings.ts';
import { FixtureRegistration } from './answers/registration.ts';
import { backups, configuration, jobs, system } from './answers/system.ts';
import {
  areas,
  CAMERA,
  COUNTY,
  type FixtureArea,
  type FixtureDevice,
  furtherVillages,
  profiles,
} from './county.ts';
import { Problem } from './problem.ts';

const inOrder = new Intl.Collator('zh');

/** The county behind the fixture. */
export class FixtureApi {
  readonly user: api.users.User;
  private readonly devices: readonly FixtureDevice[];
  private readonly now: number;
  private readonly own: FixtureArea;
  private hasGeometry: boolean;
  private readonly entries: Entry[];
  /** What was stated of readings. */
  readonly corrections: FixtureCorrections;
  /** People, rights, tokens and the audit log. */
  readonly people: FixturePeople;
  /** One device, gateway or area by itself. */
  readonly registration: FixtureRegistration;
  /** What credentials are bound to. */
  readonly clientIds: FixtureClientIds;
  /** Files of readings. */
  readonly exports: FixtureExports;
  private backup: api.system.System['backup'] = null;
  /** What is wrong with the clock of the server. */
  clockFault: api.system.System['clockFault'] = null;

  constructor(
    devices: readonly FixtureDevice[],
    options: {
      now: number;
      area?: string;
      role?: api.users.User['role'];
      name: string;
      corrections?: number;
      gateways?: number;
      geometry?: true;
      villages?: number;
    },
  ) {
    const own = areas.find((area) => area.code === (options.area ?? COUNTY));
    if (own === undefined) throw new Error(`BUG: no area ${options.area}`);
    this.devices = devices;
    this.now = options.now;
    this.own = own;
    this.hasGeometry = options.geometry === true;
    this.corrections = new FixtureCorrections(devices, options.now, options.corrections ?? 0);
    this.exports = new FixtureExports(devices[0]?.id ?? null, options.now);
    this.registration = new FixtureRegistration(devices, own, options.now, options.gateways);
    this.registration.added.push(...furtherVillages(options.villages ?? 0));
    this.clientIds = new FixtureClientIds(devices, this.registration.gateways, options.now);
    this.entries = quarantineEntries(options.now);
    this.user = {
      name: options.name,
      displayName: '陈晓',
      role: options.role ?? 'admin',
      area: { code: own.code, name: own.name },
    };
    this.people = new FixturePeople(this.user, options.now, devices.length > 0);
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
    const end = this.registration.retired.get(area.code);
    return {
      ...area,
      path: pathOf(area),
      counts: tally(this.below(area)),
      ...end,
    };
  }

  private areaList(query: URLSearchParams): object {
    const { added, retired } = this.registration;
    const found = [...areas, ...added].filter(
      (area) =>
        (query.get('parent') ?? area.parent) === area.parent &&
        (query.get('state') === 'all' || !retired.has(area.code)),
    );
    return { items: found.map((area) => this.areaShown(area)), next: null };
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
    matching.sort((a, b) => inOrder.compare(key(a), key(b)) * (sort.startsWith('-') ? -1 : 1));
    const start = Number(query.get('cursor') ?? 0);
    const limit = Number(query.get('limit') ?? 100);
    return {
      items: matching.slice(start, start + limit).map(shown),
      next: start + limit < matching.length ? String(start + limit) : null,
      total: matching.length,
      counts: tally(matching),
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
  readonly #installed = new Map<string, api.devices.Installation[]>();

  /** The next sign-in binds another client id. */
  releaseClientId(id: string): void {
    this.clientIds.released.add(id);
  }

  replace(id: string, body: { serial?: string; secret?: string; profile?: string }): object {
    const device = this.deviceOf(id);
    if (body.serial === 'taken') throw new Problem(409, 'address-taken');
    const installation = {
      serial: body.serial ?? null,
      profile: body.profile ?? device.profile.id,
      address: device.id,
      since: iso(this.now),
      until: null,
      by: 'admin',
      reason: null,
    };
    this.#installed.set(id, [...(this.#installed.get(id) ?? []), installation]);
    return {
      installation,
      secret: body.secret === undefined ? null : 'fixture-secret-0123456789abcdef',
    };
  }

  /** Takes polygons of the county, or faults of a file without any; the file itself is not read. */
  takeGeometry(system: string | null): { status: number; body: object } {
    const answered = importedGeometry(system ?? '');
    if (answered.status === 200) this.hasGeometry = true;
    return answered;
  }
  /** Takes the polygons away, all of them. */
  removeGeometry(): object {
    const has = this.hasGeometry;
    this.hasGeometry = false;
    return { areas: geometry(this.own, has).features.length };
  }

  readonly #clockUses = new Map<string, api.devices.Device['clockUse']>();

  /** Says what is made of a device's clock. @throws Problem */
  useClock(id: string, body: unknown): object {
    this.#clockUses.set(id, (body as { use: api.devices.Device['clockUse'] }).use);
    return this.answer(`/devices/${id}`, new URLSearchParams());
  }

  /** The answer to a GET. @throws Problem */
  answer(path: string, query: URLSearchParams): object {
    const [name, id, more] = path.split('/').slice(1).map(decodeURIComponent);
    if (name === 'areas' && id === 'geometry')
      return geometry(this.areaOf(query.get('area')), this.hasGeometry);
    if (name === 'map') return mapDevices(this.below(this.areaOf(query.get('area'))), query);
    if (name === 'areas' && id !== undefined) return this.areaShown(this.areaOf(id));
    if (name === 'areas') return this.areaList(query);
    if (name === 'client-ids')
      return id === undefined ? this.clientIds.list(query) : this.clientIds.one(id);
    if (name === 'profiles') return { items: [...profiles, CAMERA], next: null };
    if (name === 'devices' && id !== undefined && more === 'history')
      return installations(this.deviceOf(id), this.#installed.get(id) ?? []);
    if (name === 'devices' && id !== undefined) {
      const device = this.deviceOf(id);
      const clockUse = this.#clockUses.get(id);
      return {
        ...shown(device),
        ...refusals(device),
        ...clientIdOf(device, this.clientIds.released),
        ...clock(device),
        ...(clockUse === undefined ? {} : { clockUse }),
      };
    }
    if (name === 'devices') return this.list(query);
    if (name === 'overview')
      return overview(this.areaOf(query.get('area')), (area) => this.below(area));
    if (name === 'readings')
      return readings(this.deviceOf(query.get('device') ?? ''), query, this.now);
    if (name === 'aggregates')
      return aggregates(this.deviceOf(query.get('device') ?? ''), query, this.now);
    if (name === 'frames') return frames(this.deviceOf(query.get('device') ?? ''), query, this.now);
    if (name === 'figures') return this.figures(id, query);
    if (name === 'corrections') return this.corrections.list(query);
    if (name === 'completeness')
      return completeness(this.deviceOf(query.get('device') ?? ''), query, this.now);
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
          // Two of one second.
          ...['tank-1', 'tank-2'].map((channel, n) => ({
            device: query.get('device') ?? this.devices[0]?.id ?? '',
            at: iso(this.now - 2 * HOUR),
            receivedAt: iso(this.now - 2 * HOUR),
            type: 'desludged',
            detail: { channel, minutes: 12 + n },
          })),
        ],
        next: null,
      };
    if (name === 'quarantine' && id !== undefined)
      return this.entries.find((entry) => String(entry.id) === id) ?? {};
    if (name === 'quarantine')
      return {
        items: this.entries
          .filter((entry) => entry.state === (query.get('state') ?? entry.state))
          .map(({ payload, ...entry }) => entry),
        next: null,
      };
    if (name === 'system') {
      if (this.user.role !== 'admin') throw new Problem(403, 'forbidden');
      if (id === 'backups') return backups(this.now);
      if (id === 'configuration') return configuration();
      const { backup, clockFault } = this;
      return system(this.now, { backup, clockFault }, this.clientIds.released);
    }
    if (name === 'jobs') return jobs(this.now);
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

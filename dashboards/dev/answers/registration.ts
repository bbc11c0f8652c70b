/** Answers of the stand-in where one device, gateway or area is added and changed; a device that is added is in its lists from then on. */
import type * as api from '@village/api';
import { areas, type FixtureArea, type FixtureDevice, profiles } from '../county.ts';
import { Problem } from '../problem.ts';
import { shown } from './devices.ts';
import { iso } from './places.ts';
import { FixtureProperties } from './properties.ts';

const SECRET = 'x8Kq2mV5rT9wY3zA7bC1dEfG';
const LISTENERS: api.registration.Listener[] = [
  { kind: 'mqtt', port: 1883, tls: false, path: null },
];
const VERSION = '0123456789abcdef';

type Body = Record<string, unknown>;
type Answer = { status: number; body: object };

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** By which devices of a type speak for themselves. */
const publishes = (kind: string): boolean => kind === 'smart-bin' || kind === 'camera';

/** A message such as devices of a kind publish. */
const sampleOf = (
  kind: string,
  id: string,
): NonNullable<api.registration.DeviceRegistration['sample']> =>
  kind === 'camera'
    ? {
        topic: `${id}/onvif-ej/VideoSource/MotionAlarm/1`,
        payload: '{"UtcTime":"2026-01-01T00:00:00Z","Data":{"State":"true"}}',
        prefix: id,
      }
    : {
        topic: `bin/${id}/up`,
        payload: '{"ts":1767225600,"fill":52,"bat":{"mv":3620}}',
        prefix: null,
      };

export class FixtureRegistration {
  readonly #devices: FixtureDevice[];
  readonly #own: FixtureArea;
  readonly #now: number;
  readonly #secrets = new Set<string>();
  /** Somebody else has just changed the device of this id. */
  changedMeanwhile: string | null = null;
  /** Areas that a page has added. */
  readonly added: FixtureArea[] = [];
  /** When and why areas were retired, by their codes. */
  readonly retired = new Map<string, Pick<api.areas.Area, 'retiredAt' | 'retiredReason'>>();
  readonly gateways: api.registration.Gateway[];
  readonly #properties: FixtureProperties;

  constructor(devices: readonly FixtureDevice[], own: FixtureArea, now: number, more = 0) {
    this.#devices = devices as FixtureDevice[];
    this.#own = own;
    this.#now = now;
    this.#properties = new FixtureProperties(now);
    const behind = devices.filter(({ profile }) => !publishes(profile.kind));
    this.gateways =
      devices.length === 0
        ? []
        : [
            {
              ...{ id: 'gateway-01', name: '一号网关', area: { code: own.code, name: own.name } },
              ...{ online: true, at: iso(now - 30_000), heardAt: iso(now - 5_000) },
              ...{ software: '0.1.0', waiting: { live: 3, backfill: 1_240 } },
              oldestAt: iso(now - 3 * 3_600_000),
              ...{ devices: behind.length, refused: 17 },
              devicesOnline: behind.filter(({ state }) => state === 'online').length,
            },
            {
              ...{ id: 'gateway-02', name: '洪桥镇网关', area: { code: own.code, name: own.name } },
              ...{ online: false, at: null, heardAt: null, software: null, waiting: null },
              ...{ devices: 0, devicesOnline: 0, refused: 0, oldestAt: null },
            },
          ];
    for (let n = 0; n < more; n++)
      this.gateways.push({
        ...{ id: `gw-${String(n + 100)}`, name: `村网关 ${n + 1} 号` },
        area: { code: own.code, name: own.name },
        ...{ online: n % 9 > 0, at: iso(now - 40_000), heardAt: iso(now - 9_000) },
        ...{ software: '0.1.0', waiting: { live: n % 3, backfill: n % 9 > 0 ? 0 : 80 } },
        oldestAt: n % 3 > 0 ? iso(now - n * 60_000) : null,
        ...{ devices: 0, devicesOnline: 0, refused: 0 },
      });
  }

  #deviceOf(id: string): FixtureDevice {
    const device = this.#devices.find((one) => one.id === id);
    if (device === undefined) throw new Problem(404, 'no-such-device');
    return device;
  }

  #saved(id: string, status: number, body: Body, secret: string | null, save: () => void): Answer {
    if ('version' in body && this.changedMeanwhile === id)
      throw new Problem(409, 'changed-meanwhile');
    const faults: api.registration.Saved['faults'] = [];
    if (body['id'] !== undefined && !/^[A-Za-z0-9][\w-]{0,63}$/.test(text(body['id'])))
      faults.push({
        field: 'id',
        message: 'must be 1 to 64 of A-Z a-z 0-9 _ -',
        zh: '须为 1 到 64 个字母、数字、_ 或 -',
      });
    const taken = [...this.#devices, ...this.gateways].some((one) => one.id === body['id']);
    if (taken) faults.push({ field: 'id', message: 'is in use already', zh: '已在用' });
    if (faults.length > 0) return { status: 422, body: { id, secret: null, faults } };
    save();
    if (secret !== null) this.#secrets.add(id);
    return { status, body: { id, secret, faults } };
  }

  #add(body: Body): Answer {
    const id = text(body['id']);
    const profile = profiles.find((one) => one.id === body['profile']) ?? profiles[0];
    const area = areas.find(({ code }) => code === body['area']) ?? this.#own;
    const secret = body['gateway'] === null ? SECRET : null;
    return this.#saved(id, 201, body, secret, () => {
      this.#devices.push({
        ...{ id, name: text(body['name']), profile, area, state: 'never' },
        ...{ lastSeenAt: null, since: this.#now, values: {} },
        ...{ longitude: 119.91, latitude: 31.02 },
      });
    });
  }

  #registration(id: string): api.registration.DeviceRegistration {
    const { profile } = this.#deviceOf(id);
    return {
      version: VERSION,
      hasSecret: publishes(profile.kind),
      options: {},
      listeners: LISTENERS,
      sample: publishes(profile.kind) ? sampleOf(profile.kind, id) : null,
    };
  }

  async #device(method: string, id: string, more: string | undefined, body: Body): Promise<Answer> {
    const device = this.#deviceOf(id);
    if (more === 'registration') return { status: 200, body: this.#registration(id) };
    if (more === 'secret') {
      if (this.changedMeanwhile === id) throw new Problem(409, 'changed-meanwhile');
      return { status: 200, body: { secret: SECRET.split('').reverse().join('') } };
    }
    if (method !== 'PUT') throw new Problem(405, 'method-not-allowed');
    return this.#saved(id, 200, body, null, () => {
      if (body['name'] !== undefined) device.name = text(body['name']);
      const area = areas.find(({ code }) => code === body['area']);
      if (area !== undefined) device.area = area;
    });
  }

  /** Null for what is not asked here. */
  answer(
    method: string,
    path: string,
    given: (() => Promise<Body>) | null,
    query = new URLSearchParams(),
  ): Promise<Answer> | null {
    const [name = '', id, more] = path.split('/').slice(1).map(decodeURIComponent);
    const body = async (): Promise<Body> => (given === null ? {} : given());
    if (more === 'properties' && id !== undefined)
      return body().then((said) => this.#described(method, id, said));
    if (path === '/profiles/forms') return Promise.resolve({ status: 200, body: this.#forms() });
    if (name === 'devices' && id === undefined && method === 'POST')
      return body().then((said) => this.#add(said));
    if (name === 'devices' && id !== undefined)
      if (more === 'registration' || more === 'secret' || (more === undefined && method === 'PUT'))
        return body().then((said) => this.#device(method, id, more, said));
    if (name === 'devices' && id !== undefined && more === 'retire' && method === 'POST')
      return body().then((said) => this.retire(id, said));
    if (name === 'devices' && id !== undefined && more === 'reinstate' && method === 'POST')
      return body().then(() => this.#reinstate(this.#deviceOf(id)));
    const asked = more === 'registration' || more === 'dependents';
    if (name === 'areas' && (method === 'POST' || method === 'PUT' || asked))
      return id === 'import' || id === 'geometry'
        ? null
        : body().then((said) => this.#area(method, id, more, said));
    if (name === 'gateways')
      return body().then((said) => this.#gateway(method, id, more, { body: said, query }));
    return null;
  }

  #described(method: string, id: string, body: Body): Answer {
    const properties = this.#properties;
    const meanwhile = this.changedMeanwhile === id;
    return {
      status: 200,
      body: method === 'PUT' ? properties.describe(id, body, meanwhile) : properties.of(id),
    };
  }

  #dependents({ id, devices }: api.registration.Gateway): object {
    const first = id === 'gateway-01' ? this.#devices.slice(0, 5) : [];
    return {
      devices,
      first: first.map(({ id: device, name, area }) => ({ id: device, name, area: area.code })),
    };
  }

  #retireGateway(gateway: api.registration.Gateway, body: Body): Answer {
    if (this.changedMeanwhile === gateway.id) throw new Problem(409, 'changed-meanwhile');
    if (gateway.devices > 0) throw new Problem(409, 'in-use');
    gateway.retiredAt = iso(this.#now);
    if (body['reason'] !== undefined) gateway.retiredReason = text(body['reason']);
    gateway.online = false;
    return { status: 204, body: {} };
  }

  retire(id: string, body: Body): Answer {
    const device = this.#deviceOf(id);
    if (this.changedMeanwhile === id) throw new Problem(409, 'changed-meanwhile');
    device.retiredAt = this.#now;
    if (body['reason'] !== undefined) device.retiredReason = text(body['reason']);
    return { status: 200, body: shown(device) };
  }

  /** Of an id of which something was taken meanwhile, its address say, that is told as a fault. */
  takenMeanwhile: string | null = null;

  #reinstate(ended: { id: string; retiredAt?: unknown; retiredReason?: string }): Answer {
    const { id } = ended;
    if (this.changedMeanwhile === id) throw new Problem(409, 'changed-meanwhile');
    if (ended.retiredAt === undefined) throw new Problem(409, 'not-retired');
    if (this.takenMeanwhile === id) {
      const message = 'belongs to another device of this profile';
      const fault = { field: 'address', message, zh: '属于同类型的另一台设备' };
      return { status: 422, body: { id, secret: null, faults: [fault] } };
    }
    delete ended.retiredAt;
    delete ended.retiredReason;
    return { status: 200, body: { id, secret: SECRET, faults: [] } };
  }

  #area(method: string, id: string | undefined, more: string | undefined, body: Body): Answer {
    if (method === 'POST' && id === undefined) {
      const code = text(body['code']);
      if (!/^\d{12}$/.test(code)) {
        const fault = { field: 'code', message: 'must have 12 digits', zh: '须为 12 位数字' };
        return { status: 422, body: { id: code, secret: null, faults: [fault] } };
      }
      return this.#saved(code, 201, {}, null, () => {
        const { level, parent } = body as unknown as FixtureArea;
        const name = { zh: text(body['zh']), en: text(body['en']) };
        this.added.push({ code, name, level, parent });
      });
    }
    const area = [...areas, ...this.added].find(({ code }) => code === id);
    if (area === undefined) throw new Problem(404, 'no-such-area');
    if (more === 'dependents') return { status: 200, body: this.#ofArea(area.code) };
    if (more === 'retire' || more === 'reinstate') return this.#endArea(area.code, more, body);
    if (more === 'registration') {
      const none = { aliases: [], validFrom: null, validTo: null };
      return { status: 200, body: { version: VERSION, ...none } };
    }
    return this.#saved(area.code, 200, body, null, () => undefined);
  }

  #ofArea(code: string): api.registration.AreaDependents {
    return {
      areas: areas.filter((one) => one.parent === code && !this.retired.has(one.code)).length,
      devices: this.#devices.filter(({ area }) => area.code === code).length,
      gateways: this.gateways.filter(({ area }) => area.code === code).length,
      ...{ accounts: 0, tokens: 0 },
    };
  }

  #endArea(code: string, what: 'retire' | 'reinstate', body: Body): Answer {
    if (this.changedMeanwhile === code) throw new Problem(409, 'changed-meanwhile');
    if (what === 'reinstate') this.retired.delete(code);
    else if (Object.values(this.#ofArea(code)).some((count) => count > 0))
      throw new Problem(409, 'in-use');
    else {
      const reason = body['reason'] === undefined ? {} : { retiredReason: text(body['reason']) };
      this.retired.set(code, { retiredAt: iso(this.#now), ...reason });
    }
    return { status: 204, body: {} };
  }

  #forms(): { items: api.registration.ProfileForm[] } {
    return {
      items: profiles.map(({ id, kind }) => ({
        id,
        viaGateway: !publishes(kind),
        addressKind: kind === 'smart-bin' ? 'serial' : 'exact',
        options:
          kind === 'weather-station'
            ? [
                {
                  key: 'windUnit',
                  name: { zh: '风速单位', en: 'Unit of wind' },
                  default: '"m/s"',
                  values: ['"m/s"', '"km/h"'],
                },
              ]
            : [],
      })),
    };
  }

  /** A page of those in service, or of those retired. */
  #listed(query: URLSearchParams): api.registration.GatewayPage {
    const [q, state] = [query.get('q')?.toLowerCase() ?? '', query.get('state')];
    const found = this.gateways.filter(({ id, name, area, online, at, retiredAt }) => {
      const standing = online ? 'online' : at === null ? 'never' : 'offline';
      return (
        (retiredAt !== undefined) === (state === 'retired') &&
        (state === null || state === 'retired' || state === standing) &&
        [id, name, area.name.zh, area.name.en].some((text) => text.toLowerCase().includes(q))
      );
    });
    const start = Number(query.get('cursor') ?? 0);
    const end = start + Number(query.get('limit') ?? 1000);
    const next = end < found.length ? String(end) : null;
    return { items: found.slice(start, end), next, total: found.length };
  }

  #gateway(
    method: string,
    id: string | undefined,
    more: string | undefined,
    { body, query }: { body: Body; query: URLSearchParams },
  ): Answer {
    if (id === undefined && method === 'GET') return { status: 200, body: this.#listed(query) };
    if (id === undefined) {
      const area = areas.find(({ code }) => code === body['area']) ?? this.#own;
      const made = text(body['id']);
      return this.#saved(made, 201, body, SECRET, () => {
        this.gateways.push({
          ...{ id: made, name: text(body['name']), area: { code: area.code, name: area.name } },
          ...{ online: false, at: null, heardAt: null, software: null, waiting: null },
          ...{ devices: 0, devicesOnline: 0, refused: 0, oldestAt: null },
        });
      });
    }
    const gateway = this.gateways.find((one) => one.id === id);
    if (gateway === undefined) throw new Problem(404, 'no-such-gateway');
    if (more === 'secret') return { status: 200, body: { secret: SECRET } };
    if (more === 'dependents') return { status: 200, body: this.#dependents(gateway) };
    if (more === 'retire') return this.#retireGateway(gateway, body);
    if (more === 'reinstate') return this.#reinstate(gateway);
    if (more === 'registration') {
      const behind = id === 'gateway-01' ? this.#devices.slice(0, 4) : [];
      const devices = behind.map(({ id: device, name, profile }) => ({
        ...{ id: device, name, profile: profile.id, address: device },
        publishes: publishes(profile.kind),
      }));
      return {
        status: 200,
        body: {
          ...{ name: gateway.name, version: VERSION, listeners: LISTENERS, devices },
          ...(gateway.retiredAt === undefined ? {} : { retiredAt: gateway.retiredAt }),
        },
      };
    }
    return this.#saved(id, 200, body, null, () => {
      if (body['name'] !== undefined) gateway.name = text(body['name']);
    });
  }
}

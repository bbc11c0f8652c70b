/**
 * A county made up from a seed: real townships and villages (demonstration codes for the latter), and devices
 * placed in them. Pure apart from reading the list of areas that lies beside the code.
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  AREA_LEVELS,
  type Area,
  type AreaLevel,
  bug,
  OperationalError,
  type Random,
  SECOND,
  seededRandom,
} from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { parse } from 'csv-parse/sync';
import { builtinWires, sitesOf } from '../wires/index.ts';
import type { AddressOf, Wire } from '../wires/wire.ts';
import type { CountyPlan, PlannedDevice } from './county-plan.ts';

export interface PlanOptions {
  readonly seed: number;
  /** At most 20,000. */
  readonly devices: number;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly mqttUrl?: string;
  /** What wires are to know of the whole county; their defaults when absent. */
  readonly sites?: Readonly<Record<string, unknown>>;
  /** Name of the first gateway; the number at its end counts up for the others. */
  readonly gateway?: string;
  readonly relayPort?: number | null;
  /** Secret of a credential; derived from the seed when not given, which is for demonstrations only. */
  readonly secretOf?: (id: string) => string;
  /** The built-in wires when absent. */
  readonly wires?: readonly Wire[];
}

export const DEVICES_MAX = 20_000;
const DEVICES_PER_GATEWAY = 4_000;
const NETWORK_SERVER = 'lorawan-01';
/** What a county has of one type. `every` is faster than in life, so that a page is lively. */
interface Share {
  readonly profile: string;
  readonly prefix: string;
  /** Of a hundred devices. */
  readonly percent: number;
  readonly name: string;
  readonly everyMs: number;
  /** Stands at a sewage station rather than anywhere in the village. */
  readonly atStation?: true;
  readonly lorawan?: true;
}

const mix: readonly Share[] = [
  {
    profile: 'generic/sewage-station',
    prefix: 'sew',
    percent: 34,
    name: '污水站',
    everyMs: 15 * SECOND,
  },
  {
    profile: 'village/smart-bin',
    prefix: 'bin',
    percent: 20,
    name: '智能垃圾桶',
    everyMs: 30 * SECOND,
  },
  {
    profile: 'milesight/em400-udl',
    prefix: 'lbin',
    percent: 12,
    name: '垃圾桶料位计',
    everyMs: 60 * SECOND,
    lorawan: true,
  },
  {
    profile: 'renke/all-in-one-weather',
    prefix: 'ws',
    percent: 7,
    name: '微型气象站',
    everyMs: 10 * SECOND,
  },
  {
    profile: 'seeed/sensecap-one-s1000',
    prefix: 'sc',
    percent: 4,
    name: '田间气象站',
    everyMs: 20 * SECOND,
  },
  {
    profile: 'boqu/phg-2091',
    prefix: 'ph',
    percent: 6,
    name: '污水站pH计',
    everyMs: 30 * SECOND,
    atStation: true,
  },
  {
    profile: 'tuf/tuf-2000',
    prefix: 'fm',
    percent: 6,
    name: '污水站流量计',
    everyMs: 15 * SECOND,
    atStation: true,
  },
  {
    profile: 'chint/dtsu666',
    prefix: 'em',
    percent: 7,
    name: '污水站电表',
    everyMs: 30 * SECOND,
    atStation: true,
  },
  { profile: 'onvif/camera', prefix: 'cam', percent: 4, name: '摄像机', everyMs: 20 * SECOND },
];

/** Rough centres of the townships, WGS-84 degrees, good to a few kilometres: for demonstrations only. */
const centres: Readonly<Record<string, readonly [longitude: number, latitude: number]>> = {
  '330522001000': [119.905, 31.01],
  '330522002000': [119.87, 31.02],
  '330522003000': [119.96, 31.015],
  '330522004000': [119.9, 31.04],
  '330522101000': [119.99, 30.97],
  '330522102000': [119.94, 30.92],
  '330522103000': [119.94, 31.1],
  '330522104000': [119.79, 30.92],
  '330522106000': [119.85, 30.93],
  '330522108000': [119.8, 31.01],
  '330522110000': [119.88, 30.82],
  '330522111000': [119.65, 30.9],
  '330522112000': [119.72, 31.07],
  '330522200000': [119.86, 31.09],
  '330522202000': [119.91, 30.88],
};

/** The areas of a CSV text with AREA_COLUMNS; aliases are separated by `|`. */
export function parseAreas(text: string): Area[] {
  const rows = parse<Record<string, string>>(text, { columns: true, skip_empty_lines: true });
  const orNull = (cell: string | undefined): string | null =>
    cell === undefined || cell === '' ? null : cell;
  return rows.map((row) => {
    const level = row['level'] as AreaLevel;
    if (!AREA_LEVELS.includes(level)) throw new Error(`BUG: ${row['code']} has level ${level}`);
    return {
      code: row['code'] ?? '',
      level,
      name: { zh: row['zh'] ?? '', en: row['en'] ?? '' },
      parent: orNull(row['parent']),
      aliases: (row['aliases'] ?? '').split('|').filter((alias) => alias !== ''),
      validFrom: orNull(row['validFrom']),
      validTo: orNull(row['validTo']),
    };
  });
}

/** Changxing county (长兴县): 15 townships with their codes, and villages with demonstration codes. */
export function countyAreas(): Area[] {
  return parseAreas(readFileSync(new URL('../../county/areas.csv', import.meta.url), 'utf8'));
}

/** A secret that follows from the seed. Whoever knows the seed knows it: for demonstrations and tests only. */
export function demoSecret(seed: number, id: string): string {
  return createHmac('sha256', `village-demo-${seed}`).update(id).digest('base64url').slice(0, 32);
}

/** Numbers of devices of each type: the largest remainders fill up, so that they sum to the whole. */
function quotas(devices: number): number[] {
  const exact = mix.map((share) => (share.percent * devices) / 100);
  const counts = exact.map(Math.floor);
  const byRemainder = exact
    .map((value, index) => ({ index, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index);
  let missing = devices - counts.reduce((sum, count) => sum + count, 0);
  for (const { index } of byRemainder) {
    if (missing-- <= 0) break;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const one = out[i] as T;
    out[i] = out[j] as T;
    out[j] = one;
  }
  return out;
}

const degrees = (value: number): number => Math.round(value * 1e5) / 1e5;

/** Makes devices one by one, each in the next village of its type's own round. */
class Placer {
  readonly #options: PlanOptions;
  readonly #random: Random;
  readonly #villages: readonly Area[];
  readonly #townships: ReadonlyMap<string, Area>;
  readonly #pace: number;
  readonly #wires: ReadonlyMap<string, { wire: Wire; addressOf: AddressOf }>;
  #polledDevices = 0;

  constructor(
    options: PlanOptions,
    areas: readonly Area[],
    wires: readonly Wire[],
    sites: CountyPlan['sites'],
  ) {
    this.#wires = new Map(
      wires.map((wire) => [
        wire.protocol,
        { wire, addressOf: wire.addresses(sites[wire.protocol]) },
      ]),
    );
    this.#options = options;
    this.#random = seededRandom(`${options.seed}/plan`);
    this.#villages = areas.filter((area) => area.level === 'village');
    this.#townships = new Map(
      areas.filter((area) => area.level === 'township').map((area) => [area.code, area]),
    );
    // Beyond a few thousand devices on one machine the play itself would be the load: they speak less often.
    this.#pace = Math.max(1, Math.ceil(options.devices / 4_000));
  }

  /** The villages in the order in which one type of device is given to them. */
  round(): Area[] {
    return shuffled(this.#villages, this.#random);
  }

  place(share: Share, number: number, width: number, round: readonly Area[]): PlannedDevice {
    const village = round[number % round.length] as Area;
    const nth = Math.floor(number / round.length) + 1;
    const id = `${share.prefix}-${String(number + 1).padStart(width, '0')}`;
    const township = this.#townships.get(village.parent ?? '');
    const [longitude, latitude] = centres[village.parent ?? ''] ?? [119.9, 31];
    const spread = (): number => (this.#random() - 0.5) * 0.05;
    const protocol = this.#options.profiles.get(share.profile)?.protocol ?? '';
    const { wire, addressOf } = this.#wires.get(protocol) ?? bug(`no wire for ${protocol}`);
    const gateway = wire.polled
      ? gatewayName(this.#options.gateway, Math.floor(this.#polledDevices++ / DEVICES_PER_GATEWAY))
      : share.lorawan === true
        ? NETWORK_SERVER
        : null;
    return {
      id,
      name: `${township?.name.zh ?? ''}${village.name.zh}${nth > 1 ? `${nth}号` : ''}${share.name}`,
      profile: share.profile,
      area: village.code,
      gateway,
      address: share.lorawan === true ? devEui(this.#options.seed, id) : id,
      options: {},
      longitude: degrees(longitude + spread()),
      latitude: degrees(latitude + spread()),
      everyMs: share.everyMs * this.#pace,
      wire: addressOf({ id, gateway }),
    };
  }
}

/** The name of the nth gateway, counted from 0: gw-01, gw-02 and so on. */
function gatewayName(first = 'gw-01', nth = 0): string {
  const [, stem = first, digits = ''] = /^(.*?)(\d*)$/.exec(first) ?? [];
  if (digits === '') return nth === 0 ? first : `${first}-${nth + 1}`;
  return stem + String(Number(digits) + nth).padStart(digits.length, '0');
}

/** 16 hex digits of a locally administered EUI-64. */
function devEui(seed: number, id: string): string {
  const digits = createHmac('sha256', `eui-${seed}`).update(id).digest('hex').slice(0, 14);
  return `02${digits}`;
}

/**
 * The county of a seed: the same areas, devices, places and wires each time.
 * @throws unknown-profile when a profile of the usual mix is not among those given.
 */
export function planCounty(options: PlanOptions): CountyPlan {
  const { seed, devices, profiles } = options;
  if (!(Number.isInteger(devices) && devices >= 0 && devices <= DEVICES_MAX))
    throw new Error(`BUG: ${devices} devices were planned, at most ${DEVICES_MAX} can be`);
  for (const { profile } of mix)
    if (!profiles.has(profile))
      throw new OperationalError('unknown-profile', `No profile ${profile} in the catalogue`);
  const areas = countyAreas();
  const wires = options.wires ?? builtinWires;
  const sites = sitesOf(wires, options.sites ?? {});
  const placer = new Placer(options, areas, wires, sites);
  const width = Math.max(3, String(devices).length);
  const stations = placer.round();
  const counts = quotas(devices);
  const planned = mix.flatMap((share, index) => {
    const round = share.prefix === 'sew' || share.atStation === true ? stations : placer.round();
    return Array.from({ length: counts[index] ?? 0 }, (_, number) =>
      placer.place(share, number, width, round),
    );
  });
  const secretOf = options.secretOf ?? ((id: string) => demoSecret(seed, id));
  const polling = planned.flatMap(({ gateway }) =>
    gateway === null || gateway === NETWORK_SERVER ? [] : [gateway],
  );
  const gateways = [...new Set([gatewayName(options.gateway), ...polling])];
  const credentials = [
    ...gateways,
    NETWORK_SERVER,
    ...planned.filter((device) => device.gateway === null).map((device) => device.id),
  ];
  return {
    seed,
    areas,
    devices: planned,
    profiles,
    gateways,
    networkServer: NETWORK_SERVER,
    mqttUrl: options.mqttUrl ?? 'mqtt://127.0.0.1:1883',
    sites,
    relayPort: options.relayPort ?? null,
    secrets: new Map(credentials.map((id) => [id, secretOf(id)])),
  };
}

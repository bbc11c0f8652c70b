/**
 * A planned county on disk: `areas.csv` and `devices.csv` as the server imports them, `gateway.yaml` as the gateway
 * reads it, and `county.yaml` for the player. Adding a row to devices.csv by hand adds a device to the play.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AREA_COLUMNS,
  type Area,
  DEVICE_COLUMNS,
  GATEWAY_PROFILE,
  OperationalError,
  parseDuration,
} from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { parse as parseCsv } from 'csv-parse/sync';
import { Document, isMap, isSeq, parseDocument, parse as parseYaml, stringify } from 'yaml';
import { z } from 'zod';
import { builtinWires, sitesOf } from '../wires/index.ts';
import type { Wire } from '../wires/wire.ts';
import { COUNTY, type CountyPlan, type PlannedDevice } from './county-plan.ts';
import { parseAreas } from './plan.ts';

type Cell = string | number | null | undefined;

/** One line of RFC 4180, without its end. */
export function csvLine(cells: readonly Cell[]): string {
  return cells
    .map((cell) => {
      const text = cell === null || cell === undefined ? '' : String(cell);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(',');
}

/** areas.csv of the areas. */
export function areasCsv(areas: readonly Area[]): string {
  const lines = areas.map((area) =>
    csvLine([
      area.code,
      area.level,
      area.name.zh,
      area.name.en,
      area.parent,
      area.aliases.join('|'),
      area.validFrom,
      area.validTo,
    ]),
  );
  return `${[AREA_COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** devices.csv: the gateways first, then every device. Only what connects by itself has a secret. */
export function devicesCsv(plan: CountyPlan): string {
  const gateways = [
    ...plan.gateways.map((id, i) => [id, `${i + 1}号边缘网关`]),
    [plan.networkServer, 'LoRaWAN网络服务器'],
  ].map(([id, name]) =>
    csvLine([
      id,
      name,
      GATEWAY_PROFILE,
      COUNTY,
      null,
      null,
      null,
      null,
      null,
      plan.secrets.get(id ?? ''),
    ]),
  );
  const devices = plan.devices.map((device) =>
    csvLine([
      device.id,
      device.name,
      device.profile,
      device.area,
      device.gateway,
      device.address === device.id ? null : device.address,
      device.longitude,
      device.latitude,
      Object.keys(device.options).length === 0 ? null : JSON.stringify(device.options),
      plan.secrets.get(device.id),
    ]),
  );
  return `${[DEVICE_COLUMNS.join(','), ...gateways, ...devices].join('\n')}\n`;
}

/** gateway.yaml of one of the plan's gateways; `folder` is where it keeps its data. */
export function gatewayYaml(
  plan: CountyPlan,
  gateway: string,
  folder: string,
  wires: readonly Wire[] = builtinWires,
): string {
  const url = new URL(plan.mqttUrl);
  if (plan.relayPort !== null) url.port = String(plan.relayPort);
  const document = new Document({
    gateway,
    uplink: { url: url.href.replace(/\/$/, ''), secret: plan.secrets.get(gateway) },
    data: folder,
    devices: plan.devices.flatMap((device) => {
      const wire = wires.find(({ protocol }) => protocol === device.wire.kind);
      if (wire?.polled !== true || device.gateway !== gateway) return [];
      return [
        {
          id: device.id,
          profile: device.profile,
          ...(wire.connection === undefined ? {} : { connection: wire.connection(device.wire) }),
          every: `${device.everyMs / 1000}s`,
          options: device.options,
        },
      ];
    }),
  });
  const devices = document.get('devices');
  // One device a line is what people can read and compare.
  if (isSeq(devices)) for (const item of devices.items) if (isMap(item)) item.flow = true;
  return document.toString({ lineWidth: 0 });
}

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms > 0) return ms;
  context.addIssue({ code: 'custom', message: `not a duration: ${text}` });
  return z.NEVER;
});

const head = {
  seed: z.number().int(),
  networkServer: z.string(),
  mqtt: z.url(),
};
const tail = {
  relayPort: z.number().int().nullable(),
  /** By profile: how often such a device speaks or is polled. Others keep their profile's interval. */
  every: z.record(z.string(), duration),
};

/** The shape of county.yaml, with what each wire keeps in it. */
function countyShape(wires: readonly Wire[]) {
  const sites = wires.flatMap(({ protocol, site }) =>
    site === undefined ? [] : [[protocol, site.shape]],
  );
  return z.strictObject({
    ...head,
    ...(Object.fromEntries(sites) as Record<string, z.ZodType>),
    ...tail,
  });
}

/** county.yaml: what the player needs beside devices.csv. */
export function countyYaml(plan: CountyPlan): string {
  const every: Record<string, string> = {};
  for (const device of plan.devices) every[device.profile] = `${device.everyMs / 1000}s`;
  return stringify({
    seed: plan.seed,
    networkServer: plan.networkServer,
    mqtt: plan.mqttUrl,
    ...plan.sites,
    relayPort: plan.relayPort,
    every,
  });
}

/** Writes the files into a folder (gateway.yaml, and one for each further gateway), readable by their owner only because two of them hold secrets. */
export function writePlan(plan: CountyPlan, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const files = {
    'areas.csv': areasCsv(plan.areas),
    'devices.csv': devicesCsv(plan),
    ...Object.fromEntries(
      plan.gateways.map((id, i) =>
        i === 0
          ? ['gateway.yaml', gatewayYaml(plan, id, './gateway-data')]
          : [`gateway-${i + 1}.yaml`, gatewayYaml(plan, id, `./gateway-data-${i + 1}`)],
      ),
    ),
    // Last: who finds it takes the plan for whole.
    'county.yaml': countyYaml(plan),
  };
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, name), text, { mode: 0o600 });
}

/** Whole or not at all: a half-written file would stop the next start. */
function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/**
 * Writes into the files of a plan that its devices' ports begin elsewhere. Only the ports are touched, and only those in
 * `from`: what people added to the gateways' files by hand stays.
 */
export function movePortsInFiles(
  folder: string,
  from: { readonly first: number; readonly count: number },
  first: number,
): void {
  for (const name of readdirSync(folder).filter((one) => /^gateway(-\d+)?\.yaml$/.test(one))) {
    const document = parseDocument(readFileSync(join(folder, name), 'utf8'));
    const devices = document.get('devices');
    for (const item of isSeq(devices) ? devices.items : []) {
      if (!isMap(item)) continue;
      const port = item.getIn(['connection', 'port']);
      if (isIn(from, port)) item.setIn(['connection', 'port'], port - from.first + first);
    }
    replaceFile(join(folder, name), document.toString({ lineWidth: 0 }));
  }
  const county = parseDocument(readFileSync(join(folder, 'county.yaml'), 'utf8'));
  const sections: object = county.toJS();
  for (const section of Object.keys(sections)) {
    const port = county.getIn([section, 'port']);
    if (isIn(from, port)) county.setIn([section, 'port'], port - from.first + first);
  }
  replaceFile(join(folder, 'county.yaml'), county.toString());
}

function isIn(
  range: { readonly first: number; readonly count: number },
  port: unknown,
): port is number {
  return typeof port === 'number' && port >= range.first && port < range.first + range.count;
}

function parseOptions(text: string | undefined, id: string): PlannedDevice['options'] {
  if (text === undefined || text === '') return {};
  try {
    return z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .parse(JSON.parse(text));
  } catch (cause) {
    throw new OperationalError('bad-plan', `devices.csv: options of ${id} are no JSON object`, {
      cause,
    });
  }
}

/**
 * Reads what writePlan wrote, and what people added to it.
 * @throws bad-plan, unknown-profile, or the file system's errors.
 */
export function readPlan(
  folder: string,
  profiles: ReadonlyMap<string, DeviceProfile>,
  wires: readonly Wire[] = builtinWires,
): CountyPlan {
  const county = countyShape(wires).safeParse(
    parseYaml(readFileSync(join(folder, 'county.yaml'), 'utf8')),
  );
  if (!county.success)
    throw new OperationalError('bad-plan', `county.yaml: ${z.prettifyError(county.error)}`);
  const { seed, networkServer, mqtt, relayPort, every } = county.data;
  const sites = sitesOf(wires, county.data);
  const rows = parseCsv<Record<(typeof DEVICE_COLUMNS)[number], string>>(
    readFileSync(join(folder, 'devices.csv'), 'utf8'),
    { columns: true, skip_empty_lines: true },
  );
  const secrets = new Map<string, string>();
  const gateways: string[] = [];
  const addresses = new Map(
    wires.map((wire) => [wire.protocol, wire.addresses(sites[wire.protocol])]),
  );
  const devices = rows.flatMap((row): PlannedDevice[] => {
    if (row.secret !== '') secrets.set(row.id, row.secret);
    if (row.profile === GATEWAY_PROFILE) {
      if (row.id !== networkServer) gateways.push(row.id);
      return [];
    }
    const profile = profiles.get(row.profile);
    if (profile === undefined)
      throw new OperationalError('unknown-profile', `devices.csv: ${row.id} is a ${row.profile}`);
    const gateway = row.gateway === '' ? null : row.gateway;
    const wire = addresses.get(profile.protocol)?.({ id: row.id, gateway });
    if (wire === undefined)
      throw new OperationalError('wrong-wire', `devices.csv: no wire plays ${profile.protocol}`);
    return [
      {
        id: row.id,
        name: row.name,
        profile: row.profile,
        area: row.area,
        gateway,
        address: row.address === '' ? row.id : row.address,
        options: parseOptions(row.options, row.id),
        longitude: row.longitude === '' ? null : Number(row.longitude),
        latitude: row.latitude === '' ? null : Number(row.latitude),
        everyMs: every[row.profile] ?? profile.everyMs,
        wire,
      },
    ];
  });
  const areas = parseAreas(readFileSync(join(folder, 'areas.csv'), 'utf8'));
  return {
    seed,
    areas,
    devices,
    profiles,
    gateways,
    networkServer,
    mqttUrl: mqtt,
    sites,
    relayPort,
    secrets,
  };
}

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
import {
  COUNTY,
  type CountyPlan,
  type PlannedDevice,
  parseAreas,
  UNITS_PER_PORT,
  type Wire,
} from './plan.ts';

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
export function gatewayYaml(plan: CountyPlan, gateway: string, folder: string): string {
  const url = new URL(plan.mqttUrl);
  if (plan.relayPort !== null) url.port = String(plan.relayPort);
  const document = new Document({
    gateway,
    uplink: { url: url.href.replace(/\/$/, ''), secret: plan.secrets.get(gateway) },
    data: folder,
    devices: plan.devices.flatMap((device) => {
      if (device.wire.kind !== 'modbus' || device.gateway !== gateway) return [];
      const { host, port, unit } = device.wire;
      return [
        {
          id: device.id,
          profile: device.profile,
          connection: { host, port, unit, timeout: '1s' },
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

const countySchema = z.strictObject({
  seed: z.number().int(),
  networkServer: z.string(),
  mqtt: z.url(),
  modbus: z.strictObject({ host: z.string(), port: z.number().int().min(1).max(65_535) }),
  relayPort: z.number().int().nullable(),
  /** By profile: how often such a device speaks or is polled. Others keep their profile's interval. */
  every: z.record(z.string(), duration),
});

/** county.yaml: what the player needs beside devices.csv. */
export function countyYaml(plan: CountyPlan): string {
  const first = plan.devices.find((device) => device.wire.kind === 'modbus')?.wire;
  const modbus =
    first?.kind === 'modbus'
      ? { host: first.host, port: first.port }
      : { host: '127.0.0.1', port: 15_020 };
  const every: Record<string, string> = {};
  for (const device of plan.devices) every[device.profile] = `${device.everyMs / 1000}s`;
  return stringify({
    seed: plan.seed,
    networkServer: plan.networkServer,
    mqtt: plan.mqttUrl,
    modbus,
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
 * Writes into the files of a plan that its Modbus ports begin elsewhere. Only the ports are touched, and only those in
 * `from`: what people added to the gateways' files by hand stays.
 */
export function moveModbusFiles(
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
      if (typeof port !== 'number' || port < from.first || port >= from.first + from.count)
        continue;
      item.setIn(['connection', 'port'], port - from.first + first);
    }
    replaceFile(join(folder, name), document.toString({ lineWidth: 0 }));
  }
  const county = parseDocument(readFileSync(join(folder, 'county.yaml'), 'utf8'));
  county.setIn(['modbus', 'port'], first);
  replaceFile(join(folder, 'county.yaml'), county.toString());
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
export function readPlan(folder: string, profiles: ReadonlyMap<string, DeviceProfile>): CountyPlan {
  const county = countySchema.safeParse(
    parseYaml(readFileSync(join(folder, 'county.yaml'), 'utf8')),
  );
  if (!county.success)
    throw new OperationalError('bad-plan', `county.yaml: ${z.prettifyError(county.error)}`);
  const { seed, networkServer, mqtt, modbus, relayPort, every } = county.data;
  const rows = parseCsv<Record<(typeof DEVICE_COLUMNS)[number], string>>(
    readFileSync(join(folder, 'devices.csv'), 'utf8'),
    { columns: true, skip_empty_lines: true },
  );
  const secrets = new Map<string, string>();
  const gateways: string[] = [];
  let polled = 0;
  const wireOf = (row: (typeof rows)[number], profile: DeviceProfile): Wire => {
    if (profile.protocol === 'mqtt')
      return { kind: 'mqtt', credential: row.gateway === '' ? row.id : row.gateway };
    const index = polled++;
    const port = modbus.port + Math.floor(index / UNITS_PER_PORT);
    return { kind: 'modbus', host: modbus.host, port, unit: 1 + (index % UNITS_PER_PORT) };
  };
  const devices = rows.flatMap((row): PlannedDevice[] => {
    if (row.secret !== '') secrets.set(row.id, row.secret);
    if (row.profile === GATEWAY_PROFILE) {
      if (row.id !== networkServer) gateways.push(row.id);
      return [];
    }
    const profile = profiles.get(row.profile);
    if (profile === undefined)
      throw new OperationalError('unknown-profile', `devices.csv: ${row.id} is a ${row.profile}`);
    return [
      {
        id: row.id,
        name: row.name,
        profile: row.profile,
        area: row.area,
        gateway: row.gateway === '' ? null : row.gateway,
        address: row.address === '' ? row.id : row.address,
        options: parseOptions(row.options, row.id),
        longitude: row.longitude === '' ? null : Number(row.longitude),
        latitude: row.latitude === '' ? null : Number(row.latitude),
        everyMs: every[row.profile] ?? profile.everyMs,
        wire: wireOf(row, profile),
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
    relayPort,
    secrets,
  };
}

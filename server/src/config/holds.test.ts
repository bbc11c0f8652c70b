/** The configuration as it holds: every key is described, and told with its source and without secrets. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from './config.ts';
import { KEYS, VARIABLES } from './descriptions.ts';
import { configurationAsItHolds, durationText } from './holds.ts';
import { envSchema, fileSchema } from './schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-holds-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
}

/** The paths of all that is no object of keys. */
function leaves(shape: Shape, prefix = ''): string[] {
  const either = shape.anyOf ?? shape.oneOf;
  if (either?.some((one) => one.properties !== undefined))
    return either.flatMap((one) => leaves(one, prefix));
  if (shape.properties === undefined) return [prefix];
  return Object.entries(shape.properties).flatMap(([name, inner]) =>
    leaves(inner, prefix === '' ? name : `${prefix}.${name}`),
  );
}

it('describes every key that the file may have, and no other', () => {
  const shape = z.toJSONSchema(fileSchema, { io: 'input', unrepresentable: 'any' }) as Shape;
  expect([...new Set(leaves(shape))].sort()).toEqual(Object.keys(KEYS).sort());
});

it('describes every variable', () => {
  const ofFile = Object.values(KEYS).flatMap(({ variable }) => variable ?? []);
  expect([...Object.keys(VARIABLES), ...ofFile].sort()).toEqual(
    Object.keys(envSchema.shape).sort(),
  );
});

it('tells what was said by whom, the defaults of the rest, and no secret', () => {
  mkdirSync(join(folder, 'own'));
  const path = join(folder, 'village.yaml');
  writeFileSync(
    path,
    `http: { port: 9000, host: 10.0.0.5 }
store: { retention: 3650d, memoryMegabytes: 2048, sealEvery: 20m }
mqtt: { limits: { keepaliveMax: 2m }, websocket: { port: 9002 } }
backup: { folder: nightly }
corrections: { secondPersonAfter: 36h }
catalogs: [own]
relational: { url: "postgres://village:hidden-1@db/village" }
`,
  );
  const held = configurationAsItHolds(
    loadConfig(
      {
        VILLAGE_CONFIG: path,
        VILLAGE_DATA: join(folder, 'data'),
        VILLAGE_HTTP_PORT: '9001',
        VILLAGE_ADMIN_PASSWORD: 'hidden-2',
      },
      folder,
    ),
  );
  const of = (key: string) => {
    const { value, source, default: fallback } = held.find((one) => one.key === key) ?? {};
    return [value, source, fallback];
  };
  expect(of('http.port')).toEqual(['9001', 'environment', '8080']);
  expect(of('http.host')).toEqual(['10.0.0.5', 'file', '0.0.0.0']);
  expect(of('mqtt.port')).toEqual(['1883', 'default', '1883']);
  expect(of('mqtt.websocket.port')).toEqual(['9002', 'file', '8083']);
  expect(of('mqtt.websocket.path')).toEqual(['/mqtt', 'default', '/mqtt']);
  expect(of('mqtt.tls.clients')).toEqual([null, 'default', null]);
  expect(of('store.sealEvery')).toEqual(['20m', 'file', '15m']);
  expect(of('store.diskReserveMegabytes')).toEqual(['512', 'default', '512']);
  expect(of('store.journalMegabytes')).toEqual(['8192', 'default', '8192']);
  expect(of('store.spillMegabytes')).toEqual(['4096', 'default', '4096']);
  expect(of('store.framesPerDeviceMegabytes')).toEqual(['128', 'default', '128']);
  expect(of('store.retention')).toEqual(['3650d', 'file', null]);
  expect(of('store.memoryMegabytes')).toEqual(['2048', 'file', '1024']);
  expect(of('store.framesRetention')).toEqual(['90d', 'default', '90d']);
  expect(of('mqtt.limits.keepaliveMax')).toEqual(['2m', 'file', '65535s']);
  expect(of('mqtt.limits.connectTimeout')).toEqual(['5s', 'default', '5s']);
  expect(of('corrections.secondPersonAfter')).toEqual(['36h', 'file', '7d']);
  expect(of('catalogs')).toEqual([JSON.stringify([join(folder, 'own')]), 'file', '[]']);
  expect(of('relational.url')).toEqual(['postgres://…@db/village', 'file', null]);
  const backups = join(folder, 'data', 'backups');
  expect(of('backup.folder')).toEqual([join(folder, 'nightly'), 'file', backups]);
  expect(of('exports.folder')[2]).toBe(join(folder, 'data', 'temporary'));
  expect(of('VILLAGE_DATA')).toEqual([join(folder, 'data'), 'environment', './data']);
  expect(of('VILLAGE_ADMIN_PASSWORD')).toEqual([null, 'environment', null]);
  expect(of('VILLAGE_INFLUXDB_PASSWORD')).toEqual([null, 'default', null]);
  expect(JSON.stringify(held)).not.toContain('hidden');
});

it.each([
  [0, '0ms'],
  [1_500, '1500ms'],
  [90_000, '90s'],
  [129_600_000, '36h'],
  [86_400_000, '1d'],
])('%i ms are written %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

/** A large county: its areas, gateways and devices as files for the import, and people, tokens and years of audit entries. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { COUNTY } from '../../test/lib/county.ts';
import { deviceId, gatewayId } from '../ingest/packets.ts';
import { PROFILE } from '../ingest/profile.ts';

export const TOWNSHIPS = 15;

export interface Size {
  readonly villages: number;
  readonly devices: number;
  readonly gateways: number;
  readonly people: number;
  readonly tokens: number;
  readonly auditEntries: number;
  readonly points: number;
}

export const townshipCode = (n: number): string => `330522${100 + (n % TOWNSHIPS)}000`;
const villageCode = (n: number): string =>
  `330522${100 + (n % TOWNSHIPS)}${200 + Math.floor(n / TOWNSHIPS)}`;
/** Middle of a village: they stand in a grid over the county. */
function middle(n: number, { villages }: Size): readonly [number, number] {
  const side = Math.ceil(Math.sqrt(villages));
  return [119.55 + (0.7 * (n % side)) / side, 30.72 + (0.5 * Math.floor(n / side)) / side];
}
const range = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

export const areasFile = ({ villages }: Size): string =>
  [
    'code,level,zh,en,parent,aliases,validFrom,validTo',
    `${COUNTY},county,长兴县,Changxing,,,,`,
    ...range(TOWNSHIPS, (n) => `${townshipCode(n)},township,${n}镇,Town ${n},${COUNTY},,,`),
    ...range(
      villages,
      (n) => `${villageCode(n)},village,${n}村,Village ${n},${townshipCode(n)},,,`,
    ),
  ].join('\n');

/** With secrets the first time; said again, a secret would be another one, and its device would have to sign in again. */
export function devicesFile(size: Size, name: string, secret = ''): string {
  const { devices, gateways, villages } = size;
  return [
    'id,name,profile,area,gateway,address,longitude,latitude,options,secret',
    ...range(
      gateways,
      (n) => `${gatewayId(n)},${name}网关${n},gateway,${villageCode(n % villages)},,,,,,${secret}`,
    ),
    ...range(devices, (n) => {
      const [longitude, latitude] = middle(n % villages, size);
      const place = `${(longitude + (n % 97) * 1e-5).toFixed(6)},${(latitude + (n % 89) * 1e-5).toFixed(6)}`;
      return `${deviceId(n)},${name}${n}号站,${PROFILE},${villageCode(n % villages)},,,${place},,${secret}`;
    }),
  ].join('\n');
}

/** Villages of one file. */
const SHAPES = 250;

/** A polygon of many points around each of the first villages. */
export function shapesFile(size: Size): Buffer {
  const each = Math.floor(size.points / SHAPES);
  const side = Math.ceil(Math.sqrt(size.villages));
  const features = range(SHAPES, (n) => {
    const [longitude, latitude] = middle(n, size);
    const ring = range(each, (k) => {
      const angle = (2 * Math.PI * k) / each;
      const radius = (0.4 + 0.02 * Math.sin(40 * angle)) / side;
      const x = longitude + 0.7 * radius * Math.cos(angle);
      return `[${x.toFixed(7)},${(latitude + 0.5 * radius * Math.sin(angle)).toFixed(7)}]`;
    });
    const coordinates = [...ring, ring[0]].join(',');
    return `{"type":"Feature","properties":{"code":"${villageCode(n)}"},"geometry":{"type":"Polygon","coordinates":[[${coordinates}]]}}`;
  });
  return Buffer.from(`{"type":"FeatureCollection","features":[${features.join(',')}]}`);
}

/** Writes into the database of a server that does not run: one by one over HTTP it would take an hour. */
export function addPeople(data: string, { people, tokens, auditEntries, villages }: Size): void {
  const db = new DatabaseSync(join(data, 'relational.sqlite'));
  const areas = (n: number): string => villageCode(n % villages);
  db.exec('begin');
  const account = db.prepare(
    `insert into account (name, display_name, role, area, password_hash) values (?, ?, 'clerk', ?, 'none')`,
  );
  for (let n = 0; n < people; n++) account.run(`person-${n}`, `村民${n}`, areas(n));
  const token = db.prepare(
    `insert into token (id, name, hash, role, area, created_at, created_by) values (?, ?, ?, 'clerk', ?, ?, 'admin')`,
  );
  const now = Date.now();
  for (let n = 0; n < tokens; n++)
    token.run(randomUUID(), `接入${n}`, `no-${n}`, areas(n), now - n * 60_000);
  const entry = db.prepare(
    `insert into audit (at, actor, address, action, target, outcome, detail) values (?, ?, '10.0.0.1', 'sign-in', ?, 'done', '{"role":"clerk"}')`,
  );
  const step = 180 * 86_400_000;
  for (let n = 0; n < auditEntries; n++)
    entry.run(
      Math.round(now - step + (n * step) / auditEntries),
      `person-${n % people}`,
      `t-${n % 997}`,
    );
  db.exec('commit');
  db.close();
}

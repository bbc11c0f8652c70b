/** Checks of a file of devices and gateways, and the secrets that they are given. */
import { DEVICE_COLUMNS, type Device, GATEWAY_PROFILE } from '@village/core';
import { type DeviceProfile, optionFaults } from '@village/device-profiles';
import { hashSecret, newSecret } from '@village/store/relational';
import type { Directory } from '../directory.ts';
import { Slices } from '../slices.ts';
import { type Credential, type Gateway, SECRET_LENGTH_MIN } from '../tables/contract.ts';
import { type CsvRow, type ImportFault, readCsv } from './csv.ts';
import { CONTROL, collector, type Expect, expectName, type ImportResult } from './faults.ts';

type DeviceRow = CsvRow<(typeof DEVICE_COLUMNS)[number]>;

const ADDRESS_MAX = 128;
/** Rows that are looked at before others get their turn. */
const ROWS_PER_SLICE = 500;
const SECRET_LENGTH_MAX = 200;
/** Stricter than ID_PATTERN: an id that begins like a formula would be one in somebody's spreadsheet. */
const NEW_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export interface DeviceFile {
  readonly devices: Device[];
  readonly gateways: Gateway[];
  readonly credentials: Credential[];
  /** Secrets that were made here, shown once. */
  readonly made: ImportResult['credentials'];
  readonly faults: ImportFault[];
}

/** Whether somebody may choose this secret. */
export const isSecret = (text: string): boolean =>
  text.length >= SECRET_LENGTH_MIN && text.length <= SECRET_LENGTH_MAX;

/** The devices, gateways and credentials of a file, and every fault of it. */
export async function readDevices(
  text: string,
  scope: string,
  directory: Directory,
  profiles: ReadonlyMap<string, DeviceProfile>,
): Promise<DeviceFile> {
  const { rows, faults } = await readCsv(text, DEVICE_COLUMNS);
  const expect = collector(faults);
  const known = new Set(
    rows.filter(({ cells }) => cells.profile === GATEWAY_PROFILE).map(({ cells }) => cells.id),
  );
  for (const { id } of directory.gateways(scope)) known.add(id);
  const devices: Device[] = [];
  const gateways: Gateway[] = [];
  const slices = new Slices(ROWS_PER_SLICE);
  for (const row of rows) {
    if (slices.due()) await slices.pause();
    const { id, name, area, profile } = row.cells;
    checkCommon(row, scope, directory, expect);
    if (profile === GATEWAY_PROFILE) gateways.push({ id, name, area });
    else devices.push(toDevice(row, known, profiles, expect));
  }
  await checkUnique(rows, directory, expect, slices);
  const secrets =
    faults.length > 0 ? { credentials: [], made: [] } : await secretsFor(rows, directory, slices);
  return { devices, gateways, ...secrets, faults };
}

function checkCommon(row: DeviceRow, scope: string, directory: Directory, expect: Expect): void {
  const { id, name, area, profile, secret } = row.cells;
  expect(
    NEW_ID.test(id),
    row,
    'id',
    'must be 1 to 64 of A-Z a-z 0-9 _ -, not beginning with _ or -',
  );
  expectName(expect, row, 'name', name);
  expect(directory.area(scope, area) !== undefined, row, 'area', 'is no area of yours');
  expect(
    secret === '' || isSecret(secret),
    row,
    'secret',
    `must have ${SECRET_LENGTH_MIN} to ${SECRET_LENGTH_MAX} characters, or be empty to have one made`,
  );
  const foreign = directory.holder(id);
  expect(
    foreign === undefined || directory.area(scope, foreign.area) !== undefined,
    row,
    'id',
    'is taken outside your area',
  );
  const kind = profile === GATEWAY_PROFILE ? 'gateway' : 'device';
  expect(
    foreign === undefined || foreign.kind === kind,
    row,
    'profile',
    `the id belongs to a ${foreign?.kind}`,
  );
}

function toDevice(
  row: DeviceRow,
  gateways: ReadonlySet<string>,
  profiles: ReadonlyMap<string, DeviceProfile>,
  expect: Expect,
): Device {
  const { id, name, profile: profileId, area, gateway, address } = row.cells;
  const profile = profiles.get(profileId);
  expect(profile !== undefined, row, 'profile', 'there is no such device profile');
  expect(gateway === '' || gateways.has(gateway), row, 'gateway', 'there is no such gateway');
  expect(
    address.length <= ADDRESS_MAX && !CONTROL.test(address),
    row,
    'address',
    `must have at most ${ADDRESS_MAX} characters and none that control`,
  );
  const { longitude, latitude } = row.cells;
  expect((longitude === '') === (latitude === ''), row, 'longitude', 'give both degrees or none');
  return {
    id,
    name,
    profile: profileId,
    area,
    gateway: gateway === '' ? null : gateway,
    address: address === '' ? id : address,
    options: readOptions(row, profile, expect),
    longitude: degrees(row, 'longitude', 180, expect),
    latitude: degrees(row, 'latitude', 90, expect),
  };
}

async function checkUnique(
  rows: readonly DeviceRow[],
  directory: Directory,
  expect: Expect,
  slices: Slices,
): Promise<void> {
  const ids = new Set<string>();
  const addresses = new Map<string, string>();
  for (const row of rows) {
    if (slices.due()) await slices.pause();
    const { id, profile, address } = row.cells;
    expect(!ids.has(id), row, 'id', 'is in the file twice');
    ids.add(id);
    if (profile === GATEWAY_PROFILE) continue;
    const name = address === '' ? id : address;
    const key = `${profile}\n${name}`;
    const other = addresses.get(key) ?? directory.byAddress(profile, name)?.id;
    // A device of the same file may free the address; the tables decide then.
    expect(
      other === undefined || other === id || (!addresses.has(key) && ids.has(other)),
      row,
      'address',
      'belongs to another device of this profile',
    );
    addresses.set(key, id);
  }
}

/** Who gets a secret: gateways, and devices that speak for themselves; those who have one keep it. */
async function secretsFor(
  rows: readonly DeviceRow[],
  directory: Directory,
  slices: Slices,
): Promise<Pick<DeviceFile, 'credentials' | 'made'>> {
  const credentials: Credential[] = [];
  const made: ImportResult['credentials'] = [];
  for (const { cells } of rows) {
    if (slices.due()) await slices.pause();
    const kind = cells.profile === GATEWAY_PROFILE ? 'gateway' : 'device';
    const needed = kind === 'gateway' || cells.gateway === '';
    if (cells.secret === '' && (!needed || directory.hasSecret(cells.id))) continue;
    const secret = cells.secret === '' ? newSecret() : cells.secret;
    credentials.push({ id: cells.id, kind, hash: hashSecret(secret) });
    if (cells.secret === '') made.push({ id: cells.id, username: cells.id, secret });
  }
  return { credentials, made };
}

function degrees(
  row: DeviceRow,
  column: 'longitude' | 'latitude',
  most: number,
  expect: Expect,
): number | null {
  const text = row.cells[column];
  if (text === '') return null;
  const value = Number(text);
  expect(Math.abs(value) <= most, row, column, `must be degrees from -${most} to ${most}`);
  return value;
}

function readOptions(
  row: DeviceRow,
  profile: DeviceProfile | undefined,
  expect: Expect,
): Device['options'] {
  if (row.cells.options === '') return {};
  let options: unknown;
  try {
    options = JSON.parse(row.cells.options);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const plain =
    typeof options === 'object' &&
    options !== null &&
    !Array.isArray(options) &&
    Object.values(options).every((value) => ['string', 'number', 'boolean'].includes(typeof value));
  expect(plain, row, 'options', 'must be a JSON object of texts, numbers and booleans');
  if (!plain) return {};
  if (profile !== undefined)
    for (const fault of optionFaults(profile, options as Device['options']))
      expect(false, row, 'options', fault);
  return options as Device['options'];
}

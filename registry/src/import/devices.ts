/** Checks of a file of devices and gateways, and the secrets that they are given. */
import {
  type AddressKind,
  CLOCK_USES,
  type ClockUse,
  canonicalAddress,
  certificateKey,
  comparableAddress,
  type Device,
  GATEWAY_PROFILE,
  isCertificateKeyLike,
  type Label,
  Slices,
} from '@village/core';
import { type DeviceProfile, optionFaults } from '@village/device-profiles';
import { hashSecret, newSecret } from '@village/store/relational';
import type { Directory } from '../directory.ts';
import type { Row } from '../sheets/table.ts';
import { type Credential, type Gateway, SECRET_LENGTH_MIN } from '../tables/contract.ts';
import type { DeviceColumn } from './columns.ts';
import {
  collector,
  type Expect,
  expectName,
  type ImportFault,
  type ImportResult,
  isPlain,
} from './faults.ts';

type DeviceRow = Row<DeviceColumn>;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
const ADDRESS_MAX = 128;
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

/** What is kept of a secret or key; a key is one, however it was written. */
export const hashCredential = (text: string): string => hashSecret(certificateKey(text) ?? text);

/** Whether somebody may choose this secret, or registers this key of a certificate in its place. */
export const isSecret = (text: string): boolean =>
  (!isCertificateKeyLike(text) || certificateKey(text) !== null) &&
  text.length >= SECRET_LENGTH_MIN &&
  text.length <= SECRET_LENGTH_MAX;

/** The devices, gateways and credentials of a file, and every fault of it. */
export async function readDevices(
  { rows, faults }: { rows: readonly DeviceRow[]; faults: ImportFault[] },
  scope: string,
  directory: Directory,
  profiles: ReadonlyMap<string, DeviceProfile>,
): Promise<DeviceFile> {
  const expect = collector(faults);
  const given = new Set(
    rows.filter(({ cells }) => cells.profile === GATEWAY_PROFILE).map(({ cells }) => cells.id),
  );
  const devices: Device[] = [];
  const gateways: Gateway[] = [];
  const slices = new Slices();
  for (const row of rows) {
    if (slices.over) await slices.next();
    const { id, name, area, profile } = row.cells;
    checkCommon(row, scope, directory, expect);
    if (profile === GATEWAY_PROFILE) gateways.push({ id, name, area });
    else {
      // Also of one that is retired and comes back.
      const before = directory.known(id)?.device;
      if (!given.has(row.cells.gateway)) checkGateway(row, before, scope, directory, expect);
      devices.push({
        ...toDevice(row, profiles, expect),
        clock: clockUseIn(row, before?.clock ?? 'keep', expect),
      });
    }
  }
  await checkUnique(rows, profiles, directory, collector(faults), slices);
  const secrets =
    faults.length > 0 ? { credentials: [], made: [] } : await secretsFor(rows, directory, slices);
  return { devices, gateways, ...secrets, faults };
}

/** The gateway of a row, where no row of the file is one; a device may stay with one that lies above the asker's area. */
function checkGateway(
  row: DeviceRow,
  before: Pick<Device, 'gateway'> | undefined,
  scope: string,
  directory: Directory,
  expect: Expect,
): void {
  const { gateway } = row.cells;
  if (gateway === '') return;
  const from = before?.gateway === gateway ? directory.holder(gateway)?.area : scope;
  const known = from === undefined ? undefined : directory.everyGateway(from, gateway);
  expect(known !== undefined, row, 'gateway', {
    zh: '没有这个网关',
    en: 'there is no such gateway',
  });
  expect((known?.retiredAt ?? null) === null, row, 'gateway', {
    zh: '这个网关已停用：请先恢复它，或换一个网关',
    en: 'is a retired gateway: reinstate it first, or give another one',
  });
}

function checkCommon(row: DeviceRow, scope: string, directory: Directory, expect: Expect): void {
  const { id, name, area, profile, secret } = row.cells;
  expect(NEW_ID.test(id), row, 'id', {
    zh: '须为 1 到 64 个字母、数字、_ 或 -，且不以 _ 或 - 开头',
    en: 'must be 1 to 64 of A-Z a-z 0-9 _ -, not beginning with _ or -',
  });
  expectName(expect, row, 'name', name);
  const node = directory.area(scope, area);
  expect(node !== undefined, row, 'area', { zh: '不是您的区域', en: 'is no area of yours' });
  expect((node?.area.retiredAt ?? null) === null, row, 'area', {
    zh: '这个区域已停用',
    en: 'is a retired area',
  });
  expect(secret === '' || isSecret(secret), row, 'secret', {
    zh: `须有 ${SECRET_LENGTH_MIN} 到 ${SECRET_LENGTH_MAX} 个字符，或为证书的密钥（key-sha256: 加 64 位十六进制）；留空则自动生成`,
    en: `must have ${SECRET_LENGTH_MIN} to ${SECRET_LENGTH_MAX} characters, be the key of a certificate (key-sha256: and 64 digits), or be empty to have one made`,
  });
  const foreign = directory.holder(id);
  expect(foreign === undefined || directory.area(scope, foreign.area) !== undefined, row, 'id', {
    zh: '已被您的范围以外使用',
    en: 'is taken outside your area',
  });
  const kind = profile === GATEWAY_PROFILE ? 'gateway' : 'device';
  expect(foreign === undefined || foreign.kind === kind, row, 'profile', {
    zh: foreign?.kind === 'gateway' ? '这个编号是网关' : '这个编号是设备',
    en: `the id belongs to a ${foreign?.kind}`,
  });
}

function toDevice(
  row: DeviceRow,
  profiles: ReadonlyMap<string, DeviceProfile>,
  expect: Expect,
): Omit<Device, 'clock'> {
  const { id, name, profile: profileId, area, gateway } = row.cells;
  const profile = profiles.get(profileId);
  const address = addressIn(row, profile, expect);
  expect(profile !== undefined, row, 'profile', {
    zh: '没有这种设备类型',
    en: 'there is no such device profile',
  });
  expect(address.length <= ADDRESS_MAX && isPlain(address), row, 'address', {
    zh: `最多 ${ADDRESS_MAX} 个字符，不含控制字符`,
    en: `must have at most ${ADDRESS_MAX} characters and none that control`,
  });
  const { longitude, latitude } = row.cells;
  expect((longitude === '') === (latitude === ''), row, 'longitude', {
    zh: '经度和纬度须同时填写或同时留空',
    en: 'give both degrees or none',
  });
  return {
    id,
    name,
    profile: profileId,
    area,
    gateway: gateway === '' ? null : gateway,
    address,
    options: readOptions(row, profile, expect),
    longitude: degrees(row, 'longitude', 180, expect),
    latitude: degrees(row, 'latitude', 90, expect),
  };
}

/** What people write for it. */
const CLOCK_WORDS: ReadonlyMap<string, ClockUse> = new Map([
  ...CLOCK_USES.map((use) => [use, use] as const),
  ['保留', 'keep'],
  ['校正', 'correct'],
  ['历史', 'history'],
]);

/** What is made of the device's clock; as before where nothing is said. */
function clockUseIn(row: DeviceRow, before: ClockUse, expect: Expect): ClockUse {
  const { clock } = row.cells;
  const use = clock === '' ? before : CLOCK_WORDS.get(clock.toLowerCase());
  expect(use !== undefined, row, 'clock', {
    zh: '须为 keep（保留）、correct（校正）或 history（历史）',
    en: 'must be keep, correct or history',
  });
  return use ?? before;
}

const ADDRESS_FAULTS: Readonly<Record<AddressKind, Label>> = {
  exact: { zh: '', en: '' },
  'dev-eui': {
    zh: '须为 16 位十六进制的 DevEUI；若位数不足，可能是表格软件去掉了开头的 0',
    en: 'must be a DevEUI of 16 hexadecimal digits; a spreadsheet may have taken zeros away from its begin',
  },
  mac: { zh: '须为 12 位十六进制的 MAC 地址', en: 'must be a MAC of 12 hexadecimal digits' },
  imei: { zh: '须为 15 位数字的 IMEI', en: 'must be an IMEI of 15 digits' },
  mn: {
    zh: '须为 MN 编码：最多 24 位数字和字母',
    en: 'must be an MN code: at most 24 digits and letters',
  },
  serial: { zh: '须为序列号', en: 'must be a serial number' },
  ip: { zh: '须为 IP 地址', en: 'must be an IP address' },
};

/** The address of a device in its one spelling; its id where none is given. */
function addressIn(row: DeviceRow, profile: DeviceProfile | undefined, expect: Expect): string {
  const { id, address } = row.cells;
  const kind = profile?.address ?? 'exact';
  if (address === '') return comparableAddress(kind, id);
  const canonical = canonicalAddress(kind, address);
  expect(canonical !== undefined, row, 'address', ADDRESS_FAULTS[kind]);
  return canonical ?? address;
}

async function checkUnique(
  rows: readonly DeviceRow[],
  profiles: ReadonlyMap<string, DeviceProfile>,
  directory: Directory,
  expect: Expect,
  slices: Slices,
): Promise<void> {
  const ids = new Set<string>();
  const addresses = new Map<string, string>();
  for (const row of rows) {
    if (slices.over) await slices.next();
    const { id, profile, address } = row.cells;
    expect(!ids.has(id), row, 'id', { zh: '在文件中出现了两次', en: 'is in the file twice' });
    ids.add(id);
    if (profile === GATEWAY_PROFILE) continue;
    const kind = profiles.get(profile)?.address ?? 'exact';
    const name = comparableAddress(kind, address === '' ? id : address);
    const key = `${profile}\n${name}`;
    const other = addresses.get(key) ?? directory.byAddress(profile, name)?.id;
    // A device of the same file may free the address; the tables decide then.
    expect(
      other === undefined || other === id || (!addresses.has(key) && ids.has(other)),
      row,
      'address',
      { zh: '属于同类型的另一台设备', en: 'belongs to another device of this profile' },
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
    if (slices.over) await slices.next();
    const kind = cells.profile === GATEWAY_PROFILE ? 'gateway' : 'device';
    const needed = kind === 'gateway' || cells.gateway === '';
    if (cells.secret === '' && (!needed || directory.hasSecret(cells.id))) continue;
    const secret = cells.secret === '' ? newSecret() : cells.secret;
    credentials.push({ id: cells.id, kind, hash: hashCredential(secret) });
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
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  expect(Math.abs(value) <= most, row, column, {
    zh: `须为 -${most} 到 ${most} 的度数`,
    en: `must be degrees from -${most} to ${most}`,
  });
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
  expect(plain, row, 'options', {
    zh: '须为 JSON 对象，值为文本、数字或布尔值',
    en: 'must be a JSON object of texts, numbers and booleans',
  });
  if (!plain) return {};
  if (profile !== undefined)
    for (const fault of optionFaults(profile, options as Device['options']))
      expect(false, row, 'options', { zh: `选项不合类型：${fault}`, en: fault });
  return options as Device['options'];
}

/** Imports of areas and devices from CSV: all or nothing, and every fault with its line and column. */
import {
  AREA_COLUMNS,
  AREA_LEVELS,
  type Area,
  type AreaLevel,
  type Clock,
  DEVICE_COLUMNS,
  type Device,
  GATEWAY_PROFILE,
  isAreaCode,
} from '@village/core';
import { type DeviceProfile, optionFaults } from '@village/device-profiles';
import {
  type Credential,
  type Gateway,
  hashSecret,
  type Imported,
  newSecret,
  type Relational,
  SECRET_LENGTH_MIN,
} from '@village/store/relational';
import { type CsvRow, type ImportFault, readCsv } from './csv.ts';
import type { Directory } from './directory.ts';

type AreaRow = CsvRow<(typeof AREA_COLUMNS)[number]>;
type DeviceRow = CsvRow<(typeof DEVICE_COLUMNS)[number]>;

const FAULTS_MAX = 1_000;
const NAME_MAX = 100;
const ADDRESS_MAX = 128;
/** Stricter than ID_PATTERN: an id that begins like a formula would be one in somebody's spreadsheet. */
const NEW_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/;
const DAY_PATTERN = /^\d{4}-\d{2}-\d{2}$/;

export interface ImportResult extends Imported {
  /** Secrets that were made here, shown once. */
  readonly credentials: { id: string; username: string; secret: string }[];
  /** When there is one, nothing was imported. */
  readonly faults: ImportFault[];
}

const refused = (faults: readonly ImportFault[]): ImportResult => ({
  created: 0,
  updated: 0,
  credentials: [],
  faults: [...faults].sort((a, b) => a.line - b.line).slice(0, FAULTS_MAX),
});

/** Collects the faults of one row. */
class Complaints {
  readonly faults: ImportFault[];

  constructor(faults: ImportFault[]) {
    this.faults = faults;
  }

  unless(right: boolean, row: { line: number }, column: string, message: string): void {
    if (!right) this.faults.push({ line: row.line, column, message });
  }
}

/** Imports in turn, so that two never mix. */
export class Imports {
  readonly #relational: Relational;
  readonly #directory: Directory;
  readonly #profiles: ReadonlyMap<string, DeviceProfile>;
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: {
    relational: Relational;
    directory: Directory;
    profiles: ReadonlyMap<string, DeviceProfile>;
    clock: Clock;
  }) {
    this.#relational = options.relational;
    this.#directory = options.directory;
    this.#profiles = options.profiles;
    this.#clock = options.clock;
  }

  /** Areas below `scope`; the columns are those of docs/http-api.md. */
  areas(text: string, scope: string): Promise<ImportResult> {
    return this.#inTurn(() => this.#areas(text, scope));
  }

  /** Devices, gateways and their secrets in `scope`. */
  devices(text: string, scope: string): Promise<ImportResult> {
    return this.#inTurn(() => this.#devices(text, scope));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return turn;
  }

  async #areas(text: string, scope: string): Promise<ImportResult> {
    const { rows, faults } = await readCsv(text, AREA_COLUMNS);
    const complaints = new Complaints(faults);
    const levels = new Map(rows.map(({ cells }) => [cells.code, cells.level]));
    const seen = new Set<string>();
    for (const row of rows) {
      complaints.unless(!seen.has(row.cells.code), row, 'code', 'is in the file twice');
      seen.add(row.cells.code);
      this.#checkArea(row, levels, scope, complaints);
    }
    if (faults.length > 0) return refused(faults);
    const imported = await this.#relational.registry.importAreas(rows.map(toArea));
    await this.#directory.load(this.#clock());
    return { ...imported, credentials: [], faults: [] };
  }

  #checkArea(
    row: AreaRow,
    levels: ReadonlyMap<string, string>,
    scope: string,
    complaints: Complaints,
  ): void {
    const { code, level, zh, en, parent, validFrom, validTo } = row.cells;
    const rank = AREA_LEVELS.indexOf(level as AreaLevel);
    const is = complaints.unless.bind(complaints);
    is(isAreaCode(code), row, 'code', 'must have 12 digits');
    is(rank >= 0, row, 'level', `must be one of ${AREA_LEVELS.join(', ')}`);
    for (const [column, name] of [
      ['zh', zh],
      ['en', en],
    ] as const)
      is(isName(name), row, column, `must have 1 to ${NAME_MAX} characters`);
    for (const [column, day] of [
      ['validFrom', validFrom],
      ['validTo', validTo],
    ] as const)
      is(day === '' || DAY_PATTERN.test(day), row, column, 'must be YYYY-MM-DD or empty');
    const top = this.#directory.area(scope, scope);
    if (code === scope) {
      is(parent === (top?.area.parent ?? ''), row, 'parent', 'your own area keeps its parent');
      return;
    }
    const parentLevel = levels.get(parent) ?? this.#directory.area(scope, parent)?.area.level;
    is(parentLevel !== undefined, row, 'parent', 'is neither in the file nor an area of yours');
    if (parentLevel !== undefined && rank >= 0)
      is(
        AREA_LEVELS.indexOf(parentLevel as AreaLevel) < rank,
        row,
        'parent',
        `a ${level} can't lie in a ${parentLevel}`,
      );
    const foreign =
      this.#directory.area(code, code) !== undefined &&
      this.#directory.area(scope, code) === undefined;
    is(!foreign, row, 'code', 'is an area outside yours');
  }

  async #devices(text: string, scope: string): Promise<ImportResult> {
    const { rows, faults } = await readCsv(text, DEVICE_COLUMNS);
    const complaints = new Complaints(faults);
    const gateways = new Set(
      rows.filter(({ cells }) => cells.profile === GATEWAY_PROFILE).map(({ cells }) => cells.id),
    );
    for (const { id } of this.#directory.gateways(scope)) gateways.add(id);
    const devices: Device[] = [];
    const newGateways: Gateway[] = [];
    for (const row of rows) {
      const { id, name, area, profile } = row.cells;
      this.#checkCommon(row, scope, complaints);
      if (profile === GATEWAY_PROFILE) newGateways.push({ id, name, area });
      else devices.push(this.#device(row, gateways, complaints));
    }
    this.#checkUnique(rows, complaints);
    if (faults.length > 0) return refused(faults);
    const { credentials, made } = this.#secrets(rows);
    const imported = await this.#relational.registry.importDevices({
      devices,
      gateways: newGateways,
      credentials,
    });
    await this.#directory.load(this.#clock());
    return { ...imported, credentials: made, faults: [] };
  }

  #checkCommon(row: DeviceRow, scope: string, complaints: Complaints): void {
    const { id, name, area, profile, secret } = row.cells;
    const is = complaints.unless.bind(complaints);
    is(NEW_ID.test(id), row, 'id', 'must be 1 to 64 of A-Z a-z 0-9 _ -, not beginning with _ or -');
    is(isName(name), row, 'name', `must have 1 to ${NAME_MAX} characters`);
    is(this.#directory.area(scope, area) !== undefined, row, 'area', 'is no area of yours');
    is(
      secret === '' || (secret.length >= SECRET_LENGTH_MIN && secret.length <= 200),
      row,
      'secret',
      `must have ${SECRET_LENGTH_MIN} to 200 characters, or be empty to have one made`,
    );
    const foreign = this.#directory.holder(id);
    is(
      foreign === undefined || this.#directory.area(scope, foreign.area) !== undefined,
      row,
      'id',
      'is taken outside your area',
    );
    const kind = profile === GATEWAY_PROFILE ? 'gateway' : 'device';
    is(
      foreign === undefined || foreign.kind === kind,
      row,
      'profile',
      `the id belongs to a ${foreign?.kind}`,
    );
  }

  #device(row: DeviceRow, gateways: ReadonlySet<string>, complaints: Complaints): Device {
    const { id, name, profile: profileId, area, gateway, address } = row.cells;
    const is = complaints.unless.bind(complaints);
    const profile = this.#profiles.get(profileId);
    is(profile !== undefined, row, 'profile', 'there is no such device profile');
    is(gateway === '' || gateways.has(gateway), row, 'gateway', 'there is no such gateway');
    is(
      address.length <= ADDRESS_MAX && !CONTROL.test(address),
      row,
      'address',
      `must have at most ${ADDRESS_MAX} characters and none that control`,
    );
    const { longitude, latitude } = row.cells;
    is((longitude === '') === (latitude === ''), row, 'longitude', 'give both degrees or none');
    return {
      id,
      name,
      profile: profileId,
      area,
      gateway: gateway === '' ? null : gateway,
      address: address === '' ? id : address,
      options: readOptions(row, profile, complaints),
      longitude: degrees(row, 'longitude', 180, complaints),
      latitude: degrees(row, 'latitude', 90, complaints),
    };
  }

  #checkUnique(rows: readonly DeviceRow[], complaints: Complaints): void {
    const ids = new Set<string>();
    const addresses = new Map<string, string>();
    for (const row of rows) {
      const { id, profile, address } = row.cells;
      complaints.unless(!ids.has(id), row, 'id', 'is in the file twice');
      ids.add(id);
      if (profile === GATEWAY_PROFILE) continue;
      const name = address === '' ? id : address;
      const key = `${profile}\n${name}`;
      const other = addresses.get(key) ?? this.#directory.byAddress(profile, name)?.id;
      // A device of the same file may free the address; the tables decide then.
      complaints.unless(
        other === undefined || other === id || (!addresses.has(key) && ids.has(other)),
        row,
        'address',
        'belongs to another device of this profile',
      );
      addresses.set(key, id);
    }
  }

  /** Who gets a secret: gateways, and devices that speak for themselves; those who have one keep it. */
  #secrets(rows: readonly DeviceRow[]): {
    credentials: Credential[];
    made: ImportResult['credentials'];
  } {
    const credentials: Credential[] = [];
    const made: ImportResult['credentials'] = [];
    for (const { cells } of rows) {
      const kind = cells.profile === GATEWAY_PROFILE ? 'gateway' : 'device';
      const needed = kind === 'gateway' || cells.gateway === '';
      if (cells.secret === '' && (!needed || this.#directory.hasSecret(cells.id))) continue;
      const secret = cells.secret === '' ? newSecret() : cells.secret;
      credentials.push({ id: cells.id, kind, hash: hashSecret(secret) });
      if (cells.secret === '') made.push({ id: cells.id, username: cells.id, secret });
    }
    return { credentials, made };
  }
}

function isName(text: string): boolean {
  return text.length >= 1 && text.length <= NAME_MAX && !CONTROL.test(text);
}

function toArea({ cells }: AreaRow): Area {
  return {
    code: cells.code,
    level: cells.level as AreaLevel,
    name: { zh: cells.zh, en: cells.en },
    parent: cells.parent === '' ? null : cells.parent,
    aliases: cells.aliases === '' ? [] : cells.aliases.split('|').map((alias) => alias.trim()),
    validFrom: cells.validFrom === '' ? null : cells.validFrom,
    validTo: cells.validTo === '' ? null : cells.validTo,
  };
}

function degrees(
  row: DeviceRow,
  column: 'longitude' | 'latitude',
  most: number,
  complaints: Complaints,
): number | null {
  const text = row.cells[column];
  if (text === '') return null;
  const value = Number(text);
  complaints.unless(
    Math.abs(value) <= most,
    row,
    column,
    `must be degrees from -${most} to ${most}`,
  );
  return value;
}

function readOptions(
  row: DeviceRow,
  profile: DeviceProfile | undefined,
  complaints: Complaints,
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
  complaints.unless(plain, row, 'options', 'must be a JSON object of texts, numbers and booleans');
  if (!plain) return {};
  if (profile !== undefined)
    for (const fault of optionFaults(profile, options as Device['options']))
      complaints.unless(false, row, 'options', fault);
  return options as Device['options'];
}

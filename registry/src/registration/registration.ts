/**
 * One area, device or gateway as a person fills it in: the same checks as of a row of a file, told by field. Who changes one names the
 * state that they saw.
 */
import { type Area, type Device, GATEWAY_PROFILE, OperationalError } from '@village/core';
import { type AuditEntry, newSecret, type RelationalAccess } from '@village/store/relational';
import { readAreas } from '../import/areas.ts';
import type { AreaColumn, DeviceColumn } from '../import/columns.ts';
import { hashCredential, readDevices } from '../import/devices.ts';
import type { ImportFault } from '../import/faults.ts';
import { type ImportOptions, Imports } from '../import/imports.ts';
import { expectText, Lifecycle, type Origin } from '../lifecycle.ts';
import { visibleName } from '../sheets/cell.ts';
import type { Row } from '../sheets/table.ts';
import type { AreaDependents, RegistryStore, Subject } from '../tables/contract.ts';
import { registryStore } from '../tables/registry-store.ts';

/** A device as it is filled in. */
export interface DeviceForm
  extends Pick<
    Device,
    'id' | 'name' | 'profile' | 'area' | 'gateway' | 'longitude' | 'latitude' | 'options'
  > {
  /** Its id where it is empty. */
  readonly address: string;
}

export interface GatewayForm {
  readonly id: string;
  readonly name: string;
  readonly area: string;
}

export type AreaForm = Area;

/** What keeps an area from being retired. */
export interface AreaInUse extends AreaDependents {
  readonly accounts: number;
  readonly tokens: number;
}

export interface FormFault {
  readonly field: string;
  readonly message: string;
  readonly zh: string;
}

/** What was done, or why nothing was. */
export interface Saved {
  readonly id: string;
  /** The secret that was made here; it is shown once. */
  readonly secret: string | null;
  readonly faults: readonly FormFault[];
}

export interface RegistrationOptions extends ImportOptions {
  readonly imports: Pick<Imports, 'inTurn'>;
}

const number = (value: number | null): string => (value === null ? '' : String(value));

/** One row without a file around it. */
const rowOf = <Name extends string>(cells: Record<Name, string>): Row<Name> => ({
  line: 1,
  cells,
  places: new Map(),
});

const deviceRow = (form: DeviceForm): Row<DeviceColumn> =>
  rowOf({
    id: form.id,
    name: visibleName(form.name).trim(),
    profile: form.profile,
    area: form.area,
    gateway: form.gateway ?? '',
    address: form.address.trim(),
    longitude: number(form.longitude),
    latitude: number(form.latitude),
    options: Object.keys(form.options).length === 0 ? '' : JSON.stringify(form.options),
    secret: '',
    clock: '',
  });

const gatewayRow = ({ id, name, area }: GatewayForm): Row<DeviceColumn> =>
  deviceRow({
    ...{ id, name, area, profile: GATEWAY_PROFILE, gateway: null, address: '' },
    ...{ longitude: null, latitude: null, options: {} },
  });

const areaRow = (form: AreaForm): Row<AreaColumn> =>
  rowOf({
    code: form.code,
    level: form.level,
    zh: visibleName(form.name.zh).trim(),
    en: visibleName(form.name.en).trim(),
    parent: form.parent ?? '',
    aliases: form.aliases.map(visibleName).join('|'),
    validFrom: form.validFrom ?? '',
    validTo: form.validTo ?? '',
  });

/** Of a field its first fault. */
function refused(id: string, faults: readonly ImportFault[]): Saved {
  const first = new Map<string, FormFault>();
  for (const { column, message, zh } of faults)
    if (!first.has(column)) first.set(column, { field: column, message, zh });
  return { id, secret: null, faults: [...first.values()] };
}

const TAKEN: Omit<ImportFault, 'line'> = {
  column: 'id',
  message: 'is in use already, or was: ids are never given twice',
  zh: '已在用，或曾经用过：编号不重复使用',
};

type Tx = Pick<RelationalAccess, 'for' | 'people'>;

const inUse = async (access: Tx, area: string): Promise<AreaInUse> => ({
  ...(await registryStore(access).areaDependents(area)),
  ...(await access.people.countOf(area)),
});

/** @throws in-use */
async function expectUnused(access: Tx, area: string): Promise<void> {
  const told = Object.entries(await inUse(access, area)).filter(([, count]) => count > 0);
  if (told.length > 0)
    throw new OperationalError(
      'in-use',
      `${told.map(([what, count]) => `${what}: ${count}`).join(', ')}: these are of ${area} still; move, retire or remove them first`,
    );
}

export class Registration {
  readonly #options: RegistrationOptions;

  constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  /** A device; `version` is null for one that is not there yet. @throws changed-meanwhile import-conflict busy */
  device(form: DeviceForm, version: string | null, scope: string, origin: Origin): Promise<Saved> {
    const subject = { kind: 'device', id: form.id } as const;
    return this.#save(() => deviceRow(form), subject, { version }, scope, origin);
  }

  /** A gateway; as a device. */
  gateway(
    form: GatewayForm,
    version: string | null,
    scope: string,
    origin: Origin,
  ): Promise<Saved> {
    const subject = { kind: 'gateway', id: form.id } as const;
    return this.#save(() => gatewayRow(form), subject, { version }, scope, origin);
  }

  /** An area; as a device. @throws changed-meanwhile area-without-parent busy */
  area(form: AreaForm, version: string | null, scope: string, origin: Origin): Promise<Saved> {
    const { imports, directory } = this.#options;
    const { code } = form;
    return imports.inTurn(async (seen) => {
      const { areas, faults } = await readAreas(
        { rows: [areaRow(form)], faults: [] },
        scope,
        directory,
      );
      if (faults.length > 0) return refused(code, faults);
      if (version === null && directory.area(code, code) !== undefined)
        return refused(code, [{ line: 1, ...TAKEN, column: 'code' }]);
      await this.#transaction(
        { kind: 'area', id: code },
        { version, seen },
        (stored) => stored.importAreas(areas),
        { action: version === null ? 'add-area' : 'change-area', origin },
      );
      return { id: code, secret: null, faults: [] };
    });
  }

  /** Another secret for a device or gateway; sessions that were opened with the old one end. @throws changed-meanwhile busy */
  renewSecret(
    subject: Subject & { readonly kind: 'device' | 'gateway' },
    version: string,
    origin: Origin,
  ): Promise<string> {
    const { id, kind } = subject;
    return this.#options.imports.inTurn(async (seen) => {
      const secret = newSecret();
      await this.#transaction(
        subject,
        { version, seen },
        (stored) => stored.saveCredential({ id, kind, hash: hashCredential(secret) }),
        { action: 'renew-secret', origin },
      );
      return secret;
    });
  }

  /** What is in service and of the area itself. */
  areaInUse(area: string): Promise<AreaInUse> {
    return inUse(this.#options.relational, area);
  }

  /**
   * Ends the service of an area or a gateway; a gateway's session ends with its secret.
   * @throws changed-meanwhile in-use not-installed bad-text busy
   */
  retire(
    subject: Subject & { readonly kind: 'area' | 'gateway' },
    { version, reason = null }: { version: string; reason?: string | null },
    origin: Origin,
  ): Promise<void> {
    const { imports, clock } = this.#options;
    const { kind, id } = subject;
    if (reason !== null) expectText('reason', reason);
    return imports.inTurn((seen) =>
      this.#transaction(
        subject,
        { version, seen },
        async (stored, tx) => {
          const at = clock();
          if (kind === 'gateway') return stored.retireGateway({ gateway: id, at, reason });
          await stored.retireArea({ area: id, at, reason });
          return expectUnused(tx, id);
        },
        { action: `retire-${kind}`, origin, detail: { reason } },
      ),
    );
  }

  /** Brings an area back. @throws changed-meanwhile not-retired area-retired busy */
  reinstateArea(area: string, { version }: { version: string }, origin: Origin): Promise<void> {
    const { imports, directory } = this.#options;
    return imports.inTurn((seen) => {
      const above = directory.area(area, area)?.line.at(-2);
      return this.#transaction(
        { kind: 'area', id: area },
        { version, seen },
        async (stored) => {
          // Nothing in service lies in what is not.
          if (above !== undefined) await stored.holdArea(above.area.code);
          await stored.reinstateArea(area);
        },
        { action: 'reinstate-area', origin },
      );
    });
  }

  /**
   * Brings a retired device or gateway back with what is stored of it, as far as that still holds.
   * @throws changed-meanwhile not-retired import-conflict busy
   */
  reinstate(
    subject: Subject & { readonly kind: 'device' | 'gateway' },
    { version }: { version: string },
    scope: string,
    origin: Origin,
  ): Promise<Saved> {
    const row = () => this.#retiredRow(subject, scope);
    return this.#save(row, subject, { version, isBack: true }, scope, origin);
  }

  /** @throws not-retired, changed-meanwhile when the asker sees it no longer */
  #retiredRow({ kind, id }: Subject, scope: string): Row<DeviceColumn> {
    const { directory } = this.#options;
    const device = kind === 'device' ? directory.entry(scope, id) : undefined;
    const gateway = kind === 'gateway' ? directory.everyGateway(scope, id) : undefined;
    const found = device ?? gateway;
    if (found === undefined)
      throw new OperationalError('changed-meanwhile', `${id} is in another area now`);
    if (found.retiredAt === null) throw new OperationalError('not-retired', `${id} is in service`);
    return device === undefined
      ? gatewayRow({ id, name: gateway?.name ?? id, area: found.node.area.code })
      : deviceRow(device.device);
  }

  #save(
    rowNow: () => Row<DeviceColumn>,
    subject: Subject,
    { version, isBack = false }: { version: string | null; isBack?: boolean },
    scope: string,
    origin: Origin,
  ): Promise<Saved> {
    const { imports, directory, profiles, clock } = this.#options;
    const { id, kind } = subject;
    return imports.inTurn(async (seen) => {
      const given = { rows: [rowNow()], faults: [] };
      const read = await readDevices(given, scope, directory, profiles);
      const taken = version === null && directory.holder(id) !== undefined;
      if (taken) return refused(id, [{ line: 1, ...TAKEN }]);
      if (read.faults.length > 0) return refused(id, read.faults);
      const { devices, gateways, credentials, made } = read;
      const batch = { devices, gateways, credentials, at: clock(), by: origin.by };
      await this.#transaction(subject, { version, seen }, (stored) => stored.importDevices(batch), {
        action: version === null ? `add-${kind}` : isBack ? `reinstate-${kind}` : `change-${kind}`,
        origin,
      });
      return { id, secret: made[0]?.secret ?? null, faults: [] };
    });
  }

  async #transaction(
    subject: Subject,
    { version, seen }: { readonly version: string | null; readonly seen: number },
    work: (stored: RegistryStore, tx: Tx) => Promise<unknown>,
    {
      action,
      origin,
      detail = {},
    }: { action: string; origin: Origin; detail?: AuditEntry['detail'] },
  ): Promise<void> {
    const { relational, directory, clock } = this.#options;
    await relational.transaction(
      async (tx: Tx) => {
        const stored = registryStore(tx);
        await stored.expectUnchanged(seen);
        await stored.expectVersion(subject, version);
        await work(stored, tx);
      },
      { audit: origin.audited(action, subject.id, detail) },
    );
    await directory.load(clock());
  }
}

/** All that changes what is registered, in turn. */
export function openRegistration(options: ImportOptions): {
  imports: Imports;
  lifecycle: Lifecycle;
  registration: Registration;
} {
  const imports = new Imports(options);
  return {
    imports,
    lifecycle: new Lifecycle(options),
    registration: new Registration({ ...options, imports }),
  };
}

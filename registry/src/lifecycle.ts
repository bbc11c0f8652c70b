/** Replacing the equipment behind a device's id, ending its service, and saying what it is like. */
import {
  attributeFault,
  type Clock,
  type ClockUse,
  comparableAddress,
  HOUR,
  OperationalError,
} from '@village/core';
import { type DeviceProfile, optionFaults } from '@village/device-profiles';
import { type AuditEntry, newSecret, type Relational } from '@village/store/relational';
import type { Directory } from './directory.ts';
import { hashCredential, isSecret } from './import/devices.ts';
import { isText } from './import/faults.ts';
import type { DeviceEntry } from './nodes.ts';
import type { Installation, PropertyChange, PropertyOwner } from './tables/contract.ts';
import { registryStore } from './tables/registry-store.ts';

/** Who does something, and the entry that the audit log gets in the same transaction. */
export interface Origin {
  readonly by: string;
  audited(action: string, target: string, detail: AuditEntry['detail']): AuditEntry;
}

export interface ReplaceRequest {
  readonly serial?: string;
  /** The present one when absent. */
  readonly profile?: string;
  /** A secret of one's own, or empty to have one made; the old one stays when absent. */
  readonly secret?: string;
  /** The present when absent. */
  readonly at?: number;
  readonly reason?: string;
  /** The state that whoever asks has seen; not asked for when absent. */
  readonly version?: string;
}

export interface Replaced {
  readonly installation: Installation;
  /** The secret that was made here; it is shown once. */
  readonly secret: string | null;
}

export interface PropertiesRequest {
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly attributes?: Readonly<Record<string, string | number | null>>;
  /** The begin of its hour counts; the present when absent. */
  readonly since?: number;
  /** What was said, as whoever asks has seen it; not asked for when absent. */
  readonly version?: string;
}

export interface LifecycleOptions {
  readonly relational: Relational;
  readonly directory: Directory;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly clock: Clock;
}

const LABELS_MAX = 100;
const LABEL_KEY = /^[a-z][a-z0-9-]{0,63}$/;
const TEXT_MAX = 200;

const refuse = (code: string, message: string): never => {
  throw new OperationalError(code, message);
};

/** @throws bad-text */
export function expectText(field: string, text: string | undefined): void {
  if (text !== undefined && !isText(text, TEXT_MAX))
    refuse('bad-text', `${field}: must have 1 to ${TEXT_MAX} characters on one line`);
}

export class Lifecycle {
  readonly #options: LifecycleOptions;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  /**
   * New equipment for a device in service; it keeps its id and its history.
   * @throws bad-text, bad-time, bad-secret, unknown-profile, unfit-options, not-installed, replaced-later, address-taken, changed-meanwhile
   */
  async replace(entry: DeviceEntry, request: ReplaceRequest, origin: Origin): Promise<Replaced> {
    const { relational, directory, clock } = this.#options;
    const { id } = entry.device;
    const now = clock();
    const at = this.#timeOf(request.at, now);
    expectText('serial', request.serial);
    expectText('reason', request.reason);
    const profile = this.#profileFor(entry, request.profile);
    const address = comparableAddress(profile.address, entry.device.address);
    const { secret } = request;
    if (secret !== undefined && secret !== '' && !isSecret(secret))
      refuse(
        'bad-secret',
        'secret: must have 16 to 200 characters, be the key of a certificate (key-sha256: and 64 digits), or be empty to ' +
          'have one made',
      );
    const made = secret === '' ? newSecret() : null;
    const known = made ?? secret;
    await relational.transaction(
      async (tx) => {
        const stored = registryStore(tx);
        if (request.version !== undefined)
          await stored.expectVersion({ kind: 'device', id }, request.version);
        await stored.replaceDevice({
          device: id,
          serial: request.serial ?? null,
          profile: profile.id,
          address,
          at,
          by: origin.by,
          reason: request.reason ?? null,
          ...(known === undefined ? {} : { hash: hashCredential(known) }),
        });
      },
      {
        audit: origin.audited('replace-device', id, {
          profile: profile.id,
          serial: request.serial ?? null,
          secret: known !== undefined,
        }),
      },
    );
    await directory.load(now);
    const installation = (await registryStore(relational).installations(id)).at(-1);
    if (installation === undefined) throw new Error(`BUG: ${id} was replaced and is not installed`);
    return { installation, secret: made };
  }

  /** Ends a device's service. @throws bad-text, bad-time, not-installed, replaced-later */
  async retire(
    entry: DeviceEntry,
    request: Pick<ReplaceRequest, 'reason' | 'at' | 'version'>,
    origin: Origin,
  ): Promise<void> {
    const { relational, directory, clock } = this.#options;
    const device = entry.device.id;
    const now = clock();
    const at = this.#timeOf(request.at, now);
    const { reason = null } = request;
    expectText('reason', request.reason);
    await relational.transaction(
      async (tx) => {
        const stored = registryStore(tx);
        if (request.version !== undefined)
          await stored.expectVersion({ kind: 'device', id: device }, request.version);
        await stored.retireDevice({ device, at, by: origin.by, reason });
      },
      { audit: origin.audited('retire-device', device, { reason }) },
    );
    await directory.load(now);
  }

  /** Says what is made of a device's clock. */
  async setClockUse(entry: DeviceEntry, use: ClockUse, origin: Origin): Promise<void> {
    const { relational, directory, clock } = this.#options;
    const { id } = entry.device;
    await relational.transaction((tx) => registryStore(tx).setClockUse(id, use), {
      audit: origin.audited('set-clock-use', id, { use }),
    });
    await directory.load(clock());
  }

  /** Says labels and attributes from a time on. @throws bad-time, bad-label, bad-attribute, changed-meanwhile */
  async describe(owner: PropertyOwner, request: PropertiesRequest, origin: Origin): Promise<void> {
    const { relational, clock } = this.#options;
    const since = Math.floor(this.#timeOf(request.since, clock()) / HOUR) * HOUR;
    const { labels = {}, attributes = {} } = request;
    const changes: PropertyChange[] = [];
    const put = (
      kind: PropertyChange['kind'],
      key: string,
      value: PropertyChange['value'],
    ): void => {
      changes.push({ kind, key, value, since, by: origin.by });
    };
    for (const [key, value] of Object.entries(labels)) {
      const right = LABEL_KEY.test(key) && (value === null || isText(value, TEXT_MAX));
      if (!right)
        refuse(
          'bad-label',
          `labels.${key.slice(0, 64)}: a key is a-z, 0-9 and -, a text 1 to ${TEXT_MAX} characters`,
        );
      put('label', key, value);
    }
    for (const [key, value] of Object.entries(attributes)) {
      const text = typeof value === 'string' ? value : null;
      const fault =
        value === null
          ? null
          : (attributeFault(key, value) ??
            (text === null || isText(text, TEXT_MAX) ? null : 'must be a text that can be seen'));
      if (fault !== null) refuse('bad-attribute', `attributes.${key.slice(0, 64)}: ${fault}`);
      put('attribute', key, value);
    }
    if (changes.length === 0 || changes.length > LABELS_MAX)
      refuse('bad-label', `give 1 to ${LABELS_MAX} labels and attributes`);
    const keys = changes.map(({ kind, key }) => `${kind} ${key}`);
    await relational.transaction(
      (tx) => registryStore(tx).changeProperties(owner, changes, request.version),
      { audit: origin.audited(`describe-${owner.kind}`, owner.id, { keys }) },
    );
  }

  #timeOf(at: number | undefined, now: number): number {
    if (at === undefined) return now;
    if (Number.isNaN(at)) refuse('bad-time', 'no RFC 3339 time with a zone');
    if (at <= 0 || at > now) refuse('bad-time', 'a time that is not over yet');
    return at;
  }

  #profileFor({ device }: DeviceEntry, wanted = device.profile): DeviceProfile {
    const profile = this.#options.profiles.get(wanted);
    if (profile === undefined) return refuse('unknown-profile', 'there is no such device profile');
    const [fault] = optionFaults(profile, device.options);
    if (fault !== undefined) refuse('unfit-options', `options of the device: ${fault}`);
    return profile;
  }
}

/** What rules are about, as the registry has it: devices with what is said of them now, gateways and areas. */
import { type AlertSubject, bug, DAY, MINUTE, Slices } from '@village/core';
import {
  type DeviceEntry,
  type DeviceHistory,
  type Directory as Registered,
  registryStore,
} from '@village/registry';
import type { Relational } from '@village/store/relational';
import type { Directory, RuleSubject } from '../engine/index.ts';

export interface SubjectsOptions {
  readonly directory: Pick<Registered, 'version' | 'ids' | 'known' | 'tops' | 'gateways' | 'below'>;
  readonly relational: Relational;
  readonly now: () => number;
}

/** Devices whose histories are read at once. */
const AT_ONCE = 500;

/** Of a gateway or area, which measure nothing and are of no kind. */
const NO_PROFILE: RuleSubject['profile'] = {
  ...{ id: '', kind: 'power-meter', metrics: [], reportEveryMs: MINUTE, silentAfterMs: DAY },
};

type Properties = Pick<RuleSubject, 'attributes' | 'labels'>;

/** All of it at one time. */
export class SubjectBooks implements Directory {
  /** The state of the registry that this is of. */
  readonly version: number;
  /** When something that was said of a later time begins or ends, ms; Infinity when nothing was. */
  readonly changesAt: number;
  readonly #devices: ReadonlyMap<string, RuleSubject>;
  readonly #gateways: ReadonlyMap<string, RuleSubject>;
  readonly #areas: ReadonlyMap<string, readonly RuleSubject[]>;
  readonly #byCode: ReadonlyMap<string, RuleSubject>;

  constructor(parts: {
    readonly version: number;
    readonly changesAt: number;
    readonly devices: ReadonlyMap<string, RuleSubject>;
    readonly gateways: ReadonlyMap<string, RuleSubject>;
    readonly areas: ReadonlyMap<string, readonly RuleSubject[]>;
  }) {
    this.version = parts.version;
    this.changesAt = parts.changesAt;
    this.#devices = parts.devices;
    this.#gateways = parts.gateways;
    this.#areas = parts.areas;
    this.#byCode = new Map([...parts.areas.values()].flat().map((one) => [one.id, one]));
  }

  devices(): Iterable<RuleSubject> {
    return this.#devices.values();
  }

  gateways(): Iterable<RuleSubject> {
    return this.#gateways.values();
  }

  areas(level: 'county' | 'township' | 'village'): Iterable<RuleSubject> {
    return this.#areas.get(level) ?? [];
  }

  find(kind: AlertSubject, id: string): RuleSubject | undefined {
    if (kind === 'device') return this.#devices.get(id);
    if (kind === 'gateway') return this.#gateways.get(id);
    return this.#byCode.get(id);
  }
}

export class Subjects {
  readonly #options: SubjectsOptions;

  constructor(options: SubjectsOptions) {
    this.#options = options;
  }

  /** Whether what is there now is something else. */
  isOver(books: SubjectBooks): boolean {
    const { directory, now } = this.#options;
    return directory.version !== books.version || now() >= books.changesAt;
  }

  /** Reads it; whatever is the same as in the books of before is the same object. */
  async load(before: SubjectBooks | null): Promise<SubjectBooks> {
    const { directory, now } = this.#options;
    const { version } = directory;
    const entries = [...directory.ids()].flatMap((id) => directory.known(id) ?? []);
    const at = now();
    const devices = new Map<string, RuleSubject>();
    const slices = new Slices();
    let changesAt = Number.POSITIVE_INFINITY;
    for (let n = 0; n < entries.length; n += AT_ONCE) {
      const some = entries.slice(n, n + AT_ONCE);
      const ids = some.map(({ device: { id } }) => id);
      const histories = await registryStore(this.#options.relational).histories(ids);
      for (const entry of some) {
        const { id } = entry.device;
        const history = histories.get(id);
        changesAt = Math.min(changesAt, changeAfter(history, at));
        devices.set(id, sameAs(before?.find('device', id), deviceSubject(entry, history, at)));
        if (slices.over) await slices.next();
      }
    }
    const gateways = new Map<string, RuleSubject>();
    const areas = new Map<string, RuleSubject[]>();
    for (const top of directory.tops()) {
      for (const { id, node } of directory.gateways(top))
        gateways.set(id, sameAs(before?.find('gateway', id), other(id, linesOf(node))));
      for (const node of directory.below(top)) {
        if (node.area.retiredAt !== null) continue;
        const { level, code } = node.area;
        areas.set(level, [...(areas.get(level) ?? []), other(code, linesOf(node))]);
      }
    }
    return new SubjectBooks({ version, changesAt, devices, gateways, areas });
  }
}

const linesOf = ({ line }: DeviceEntry['node']): string[] => line.map(({ area }) => area.code);

const other = (id: string, areas: readonly string[]): RuleSubject => ({
  ...{ id, profile: NO_PROFILE, attributes: {}, labels: {}, areas, gateway: null },
  registeredAt: 0,
});

function deviceSubject(
  { device, profile, node }: DeviceEntry,
  history: DeviceHistory | undefined,
  at: number,
): RuleSubject {
  return {
    ...{ id: device.id, profile, areas: linesOf(node), gateway: device.gateway },
    ...propertiesAt(history, at),
    // Of the equipment that is there now.
    registeredAt: history?.installations.at(-1)?.since ?? 0,
  };
}

function propertiesAt(history: DeviceHistory | undefined, at: number): Properties {
  const labels: Record<string, string> = {};
  const attributes: Record<string, string | number> = {};
  for (const { kind, key, value, since, until } of history?.properties ?? []) {
    if (since > at || (until !== null && until <= at)) continue;
    if (kind === 'label') labels[key] = String(value);
    else attributes[key] = value;
  }
  return { labels, attributes };
}

/** When something begins or ends that was said of a time to come. */
function changeAfter(history: DeviceHistory | undefined, at: number): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { since, until } of history?.properties ?? []) {
    if (since > at) first = Math.min(first, since);
    if (until !== null && until > at) first = Math.min(first, until);
  }
  return first;
}

function sameAs(before: RuleSubject | undefined, now: RuleSubject): RuleSubject {
  if (before === undefined || before.profile !== now.profile) return now;
  if (before.id !== now.id) bug(`${before.id} is taken for ${now.id}`);
  const said = ({ gateway, areas, labels, attributes, registeredAt }: RuleSubject): string =>
    JSON.stringify([gateway, areas, labels, attributes, registeredAt]);
  return said(before) === said(now) ? before : now;
}

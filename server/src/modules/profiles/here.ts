/** What is here of a device type: its devices, their gateways and options, and what of it devices would notice. */
import { createHash } from 'node:crypto';
import type * as api from '@village/api';
import { Slices } from '@village/core';
import type { ProfileChange } from '@village/device-profiles';
import type { WaitingProfile } from '@village/registry';
import type { Needs } from '../needs.ts';
import type { ToCheck } from './checker.ts';
import { inChinese } from './fault-words.ts';

/** Different sets of options that devices of a type have. */
const OPTION_SETS_MAX = 500;
const GATEWAYS_MAX = 100;
/** Devices that are looked at between two looks at the time. */
const AT_ONCE = 64;
/** What may be wanted although devices run: they go on sending, and what is lost is said. */
const MAY_BE_WANTED: ReadonlySet<string> = new Set(['metric-lost', 'event-lost', 'kind-other']);

export interface Here {
  /** In service. */
  readonly devices: number;
  /** Some of those through which they speak, that whoever asks sees. */
  readonly gateways: readonly string[];
  readonly options: ToCheck['options'];
}

/**
 * Looks at every device, in slices: a county has tens of thousands. Those outside of `scope` count and are not named, nor are their
 * gateways.
 */
export async function hereOf(
  { directory }: Pick<Needs, 'directory'>,
  type: string,
  scope: string,
  slices: Pick<Slices, 'over' | 'next'> = new Slices(),
): Promise<Here> {
  const options = new Map<string, ToCheck['options'][number]>();
  const gateways = new Set<string>();
  let devices = 0;
  let looked = 0;
  for (const id of directory.ids()) {
    if (++looked % AT_ONCE === 0 && slices.over) await slices.next();
    const entry = directory.known(id);
    if (entry === undefined || entry.profile.id !== type) continue;
    devices++;
    const { gateway, options: set } = entry.device;
    if (gateway !== null && directory.gateway(scope, gateway) !== undefined) gateways.add(gateway);
    const key = JSON.stringify(set);
    const known = options.get(key);
    if (known === undefined ? options.size < OPTION_SETS_MAX : known.device === '') {
      const isSeen = directory.entry(scope, id) !== undefined;
      options.set(key, { device: isSeen ? id : '', options: set });
    }
  }
  return {
    devices,
    gateways: [...gateways].sort().slice(0, GATEWAYS_MAX),
    options: [...options.values()],
  };
}

/** A word for what is in force and what waits of a type: whoever changes it names the one that they saw. */
export const stateOf = (running: string | null, waiting: WaitingProfile | null): string =>
  createHash('sha256')
    .update(JSON.stringify([running, waiting === null ? null : (waiting.text ?? false)]))
    .digest('hex')
    .slice(0, 32);

/** Changes as they are told, with what can be wanted while so many devices have the type. */
export const viewChanges = (
  changes: readonly ProfileChange[],
  devices: number,
): api.profiles.ProfileRemoval['changes'] =>
  changes.map((change) => ({
    ...change,
    zh: change.what === 'options-unfit' ? inChinese(change.detail) : null,
    mayBeWanted: devices === 0 || MAY_BE_WANTED.has(change.what),
  }));

/** The folders of profile files: every `<vendor>/<model>.yaml` is a type of device, and no list names them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rulesOf } from './compile.ts';
import { builtinProtocols } from './protocols/index.ts';
import type { Claim, Protocol } from './protocols/protocol.ts';
import { parseProfile } from './schema/parse.ts';
import type { DeviceProfile, ProfileFault } from './types.ts';

/** The folder of the profiles that come with the product. */
export const builtinCatalog: string = fileURLToPath(new URL('../catalog', import.meta.url));

interface ProfilePath {
  readonly file: string;
  /** `vendor/model` by its path. */
  readonly id: string;
}

function list(folder: string, faults: ProfileFault[]): ProfilePath[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .sort();
  } catch (error) {
    faults.push({ file: folder, path: '', message: `can't be read: ${(error as Error).message}` });
    return [];
  }
  return names.flatMap((name) => {
    const file = join(folder, name);
    const id = /^([^/]+\/[^/]+)\.yaml$/.exec(name.split(sep).join('/'))?.[1];
    if (id === undefined)
      faults.push({ file, path: '', message: 'is not read: it must be <vendor>/<model>.yaml' });
    return id === undefined ? [] : [{ file, id }];
  });
}

function load(
  { file, id }: ProfilePath,
  protocols: readonly Protocol[],
  faults: ProfileFault[],
): DeviceProfile | undefined {
  let text: string;
  try {
    // A pipe gives nothing for ever, a device no end.
    if (!statSync(file).isFile()) throw new Error('it is no file');
    text = readFileSync(file, 'utf8');
  } catch (error) {
    faults.push({ file, path: '', message: `can't be read: ${(error as Error).message}` });
    return undefined;
  }
  const { profile, faults: own } = parseProfile(text, file, protocols);
  faults.push(...own);
  if (profile === undefined) return undefined;
  if (profile.id === id) return profile;
  faults.push({
    file,
    line: 1,
    path: 'profile',
    message: `is ${profile.id}, but the path says ${id}`,
  });
  return undefined;
}

/** What a profile has to itself; undefined when nothing. */
export function claimOf(profile: DeviceProfile): Claim | undefined {
  const claim = rulesOf(profile).protocol.claim?.(profile);
  return claim && { id: profile.id, protocol: profile.protocol, ...claim };
}

/** Why a profile can't stand beside others that have something to themselves. */
export function conflictOf(
  profile: DeviceProfile,
  others: Iterable<DeviceProfile | Claim>,
): { path: string; message: string } | undefined {
  const { conflict } = rulesOf(profile).protocol;
  if (conflict === undefined) return undefined;
  for (const other of others) {
    const claim = 'metrics' in other ? claimOf(other) : other;
    if (claim?.protocol !== profile.protocol) continue;
    const found = conflict(profile, claim);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Reads every profile of the folders, in their order; later folders add. A file with faults is refused and never stops
 * the others. Refused as well are an id that is taken, and what the
 * protocol can't have twice, such as a topic of MQTT.
 */
export function loadCatalog(
  folders: readonly string[],
  protocols: readonly Protocol[] = builtinProtocols,
): {
  profiles: Map<string, DeviceProfile>;
  faults: ProfileFault[];
} {
  const profiles = new Map<string, DeviceProfile>();
  const files = new Map<string, string>();
  const faults: ProfileFault[] = [];
  for (const folder of folders) {
    for (const found of list(folder.endsWith(sep) ? folder.slice(0, -1) : folder, faults)) {
      const profile = load(found, protocols, faults);
      if (profile === undefined) continue;
      const taken = files.get(profile.id);
      const conflict = conflictOf(profile, profiles.values());
      if (taken !== undefined)
        faults.push({
          file: found.file,
          path: 'profile',
          message: `${profile.id} is already in ${taken}`,
        });
      else if (conflict !== undefined) faults.push({ file: found.file, ...conflict });
      else {
        profiles.set(profile.id, profile);
        files.set(profile.id, found.file);
      }
    }
  }
  return { profiles, faults };
}

/**
 * Puts the texts of profiles in the place of those of their name, or beside the others. One with faults is left out, and
 * what it would have replaced stays; the faults are returned by id.
 */
export function putInPlace(
  profiles: Map<string, DeviceProfile>,
  texts: readonly { readonly id: string; readonly text: string }[],
): Map<string, string> {
  const refused = new Map<string, string>();
  const open: DeviceProfile[] = [];
  for (const { id, text } of texts) {
    const { profile, faults } = parseProfile(text, `${id} (own)`);
    const named = profile !== undefined && profile.id !== id ? `is ${profile.id}, not ${id}` : null;
    const fault = faults[0]?.message ?? named;
    if (profile === undefined || fault !== null) refused.set(id, fault ?? 'has faults');
    else open.push(profile);
  }
  for (const [profile, conflict] of placeAll(profiles, open))
    refused.set(profile.id, conflict.message);
  return refused;
}

type Conflict = NonNullable<ReturnType<typeof conflictOf>>;

/**
 * Puts profiles in the place of those of their name; what can't stand beside the others is returned. One may claim what another
 * gives up, so that those that are refused are tried again once something was put.
 */
function placeAll(
  profiles: Map<string, DeviceProfile>,
  all: readonly DeviceProfile[],
): Map<DeviceProfile, Conflict> {
  let open = all;
  const refused = new Map<DeviceProfile, Conflict>();
  for (let before = Number.POSITIVE_INFINITY; open.length < before; ) {
    before = open.length;
    open = open.filter((profile) => {
      const others = [...profiles.values()].filter(({ id }) => id !== profile.id);
      const conflict = conflictOf(profile, others);
      if (conflict === undefined) {
        profiles.set(profile.id, profile);
        refused.delete(profile);
      } else refused.set(profile, conflict);
      return conflict !== undefined;
    });
  }
  return refused;
}

/**
 * Reads the profiles that come with the product and those of other folders, whose files take the place of those of their name. One
 * with faults is refused, and what it would have replaced stays.
 */
export function loadWithOwn(
  folders: readonly string[],
  protocols: readonly Protocol[] = builtinProtocols,
): ReturnType<typeof loadCatalog> {
  const { profiles, faults } = loadCatalog([builtinCatalog], protocols);
  const own = loadCatalog(folders, protocols);
  faults.push(...own.faults);
  for (const [profile, conflict] of placeAll(profiles, [...own.profiles.values()]))
    faults.push({ file: profile.source.file, ...conflict });
  return { profiles, faults };
}

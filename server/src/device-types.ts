/** The device types that a server starts with: those of the folders, and those that were taken in through the interface. */
import { type Clock, OperationalError } from '@village/core';
import { builtinCatalog, type DeviceProfile, loadCatalog } from '@village/device-profiles';
import { OwnProfiles, ProfileRevisions } from '@village/registry';
import type { Relational } from '@village/store/relational';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from './config/config.ts';

export interface DeviceTypes {
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  /** What the folders have, also where a file that was taken in takes its place. */
  readonly folderProfiles: ReadonlyMap<string, DeviceProfile>;
  readonly profileRevisions: ProfileRevisions;
  readonly ownProfiles: OwnProfiles;
}

/** Takes what waits into force, and keeps the texts that hold from now on. */
export async function loadTypes(
  { catalogs }: Pick<Config, 'catalogs'>,
  relational: Relational,
  { clock, log }: { readonly clock: Clock; readonly log: FastifyBaseLogger },
): Promise<DeviceTypes> {
  const { profiles, faults } = loadCatalog([builtinCatalog, ...catalogs]);
  // They were sound when the configuration was read: without a type its devices would be left out, and nobody told.
  const [first] = faults;
  if (first !== undefined)
    throw new OperationalError(
      'bad-config',
      `${first.file} 在启动时被改动 · was changed while the server started: ${first.message}`,
    );
  const folderProfiles = new Map(profiles);
  const ownProfiles = new OwnProfiles(relational);
  for (const [profile, fault] of await ownProfiles.add(profiles))
    log.error({ profile, fault }, "a device type that was taken in can't be used any more");
  for (const [profile, fault] of await ownProfiles.takeIntoForce(profiles, folderProfiles))
    log.error({ profile, fault }, 'a change of a device type goes on waiting');
  const profileRevisions = new ProfileRevisions(relational);
  for (const unraised of await profileRevisions.keep(profiles.values(), clock()))
    log.warn(unraised, 'a device profile has changed, but its revision has not');
  return { profiles, folderProfiles, profileRevisions, ownProfiles };
}

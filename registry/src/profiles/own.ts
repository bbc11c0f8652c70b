/**
 * Profiles that were taken in through the interface, and changes to them that wait for the next start: another text, or that the
 * one in force goes. A change that can't be made then goes on waiting, and what was in force stays.
 */
import { OperationalError } from '@village/core';
import { conflictOf, type DeviceProfile, putInPlace } from '@village/device-profiles';
import type { AuditEntry, Relational, RelationalAccess } from '@village/store/relational';
import { type RegistryTables, registryModule } from '../tables/schema.ts';
import { type OwnProfileTable, type ProfileTables, profilesModule } from './schema.ts';

/** Types that a county adds or changes by itself, and the characters of all their files: each check reads them. */
const OWN_MAX = 500;
const CHARACTERS_MAX = 8 * 1024 * 1024;
/** Changes that wait: what they claim is read at each check. */
const WAITING_MAX = 50;

type State = OwnProfileTable['state'];

export type OwnProfile = Pick<OwnProfileTable, 'profile' | 'text' | 'actor' | 'at'>;

/** A change that waits; without a text the type's file goes. */
export interface WaitingProfile extends Pick<OwnProfileTable, 'profile' | 'actor' | 'at'> {
  readonly text: string | null;
}

/** How many devices have a type. */
export interface DevicesOfType {
  readonly inService: number;
  readonly retired: number;
}

const tables = (store: RelationalAccess) => store.for<ProfileTables>(profilesModule.name);

export class OwnProfiles {
  readonly #relational: Relational;
  /** Why changes that wait were not made at the start. */
  #faults: ReadonlyMap<string, string> = new Map();
  /** Why those in force are not used. */
  #unused: ReadonlyMap<string, string> = new Map();

  constructor(relational: Relational) {
    this.#relational = relational;
  }

  async #of(...states: State[]): Promise<OwnProfileTable[]> {
    return tables(this.#relational)
      .selectFrom('profile_own')
      .selectAll()
      .where('state', 'in', states)
      .orderBy('profile')
      .execute();
  }

  /** Those in force, also where they can't be used. */
  held(): Promise<OwnProfile[]> {
    return this.#of('held');
  }

  /** What waits for the next start. */
  async waiting(): Promise<WaitingProfile[]> {
    const rows = await this.#of('waiting', 'leaving');
    return rows.map(({ profile, actor, at, text, state }) => ({
      ...{ profile, actor, at },
      text: state === 'leaving' ? null : text,
    }));
  }

  /** Why a change that waits was not made at the start; null when none has tried. */
  faultOf(profile: string): string | null {
    return this.#faults.get(profile) ?? null;
  }

  /** Why one in force is not used; null when it is. */
  whyUnused(profile: string): string | null {
    return this.#unused.get(profile) ?? null;
  }

  /** Adds those in force to what the folders hold; the faults of those that can't be used, by id. */
  async add(profiles: Map<string, DeviceProfile>): Promise<ReadonlyMap<string, string>> {
    const held = await this.#of('held');
    this.#unused = putInPlace(
      profiles,
      held.map(({ profile: id, text }) => ({ id, text })),
    );
    return this.#unused;
  }

  /**
   * At the start: makes the changes that wait. What can't be made goes on waiting, with its fault. `beneath` is what the folders
   * hold.
   */
  async takeIntoForce(
    profiles: Map<string, DeviceProfile>,
    beneath: ReadonlyMap<string, DeviceProfile>,
  ): Promise<ReadonlyMap<string, string>> {
    const faults = new Map<string, string>();
    const texts: { id: string; text: string }[] = [];
    for (const { profile: id, text } of await this.waiting()) {
      if (text !== null) texts.push({ id, text });
      else {
        const fault = await this.#letGo(id, profiles, beneath.get(id));
        if (fault === null) await this.#settle(id, 'leaving');
        else faults.set(id, fault);
      }
    }
    const refused = putInPlace(profiles, texts);
    for (const { id, text } of texts) {
      const fault = refused.get(id);
      if (fault === undefined) await this.#settle(id, 'waiting', text);
      else faults.set(id, fault);
    }
    const left = new Set((await this.held()).map(({ profile }) => profile));
    const made = new Set(texts.filter(({ id }) => !refused.has(id)).map(({ id }) => id));
    this.#unused = new Map([...this.#unused].filter(([id]) => left.has(id) && !made.has(id)));
    this.#faults = faults;
    return faults;
  }

  /** Takes a type out, or puts what a folder has of it in its place; why not, or null. */
  async #letGo(
    id: string,
    profiles: Map<string, DeviceProfile>,
    beneath: DeviceProfile | undefined,
  ): Promise<string | null> {
    if (beneath === undefined) {
      const { inService } = await this.devicesOf(id);
      if (inService > 0) return stillUsed(inService);
      profiles.delete(id);
      return null;
    }
    const others = [...profiles.values()].filter((other) => other.id !== id);
    const conflict = conflictOf(beneath, others);
    if (conflict !== undefined) return conflict.message;
    profiles.set(id, beneath);
    return null;
  }

  /** Makes one change; nothing where another process has done the same, or it was changed meanwhile. */
  #settle(profile: string, state: 'waiting' | 'leaving', text?: string): Promise<void> {
    return this.#relational.transaction(async (tx) => {
      const own = tables(tx);
      const waits = await own
        .selectFrom('profile_own')
        .selectAll()
        .where('profile', '=', profile)
        .where('state', '=', state)
        .executeTakeFirst();
      if (waits === undefined || (text !== undefined && waits.text !== text)) return;
      await own
        .deleteFrom('profile_own')
        .where('profile', '=', profile)
        .where('state', 'in', ['held', state])
        .execute();
      if (state === 'waiting')
        await own
          .insertInto('profile_own')
          .values({ ...waits, state: 'held' })
          .execute();
    });
  }

  /**
   * Lets a text wait. `before` is the change that waited when the person looked, null where none did.
   * @throws changed-meanwhile, too-many-profiles
   */
  async put(
    { profile, text, actor, at }: OwnProfile,
    before: WaitingProfile | null,
    audit: AuditEntry,
  ): Promise<void> {
    await this.#relational.transaction(
      async (tx) => {
        await expectWaiting(tx, profile, before);
        await expectRoom(tx, profile, text);
        await replaceWaiting(tx, { profile, state: 'waiting', text, actor, at });
      },
      { audit },
    );
    this.#forget(profile);
  }

  /**
   * Lets the removal of one in force wait. `seen` are the text in force and the change that waited when the person looked.
   * @throws changed-meanwhile; in-use where no folder has the type and devices in service do
   */
  async leave(
    { profile, actor, at }: Omit<OwnProfile, 'text'>,
    seen: { held: string; before: WaitingProfile | null; isBeneath: boolean },
    audit: AuditEntry,
  ): Promise<void> {
    await this.#relational.transaction(
      async (tx) => {
        await expectWaiting(tx, profile, seen.before);
        const held = await tables(tx)
          .selectFrom('profile_own')
          .select('text')
          .where('profile', '=', profile)
          .where('state', '=', 'held')
          .executeTakeFirst();
        if (held?.text !== seen.held) throw changed(profile);
        const { inService } = await devicesIn(tx, profile);
        if (!seen.isBeneath && inService > 0)
          throw new OperationalError('in-use', stillUsed(inService));
        await replaceWaiting(tx, { profile, state: 'leaving', text: held.text, actor, at });
      },
      { audit },
    );
    this.#forget(profile);
  }

  /** Takes a change that waits back; false when none does. */
  async takeBack(profile: string, audit: AuditEntry): Promise<boolean> {
    const done = await this.#relational.transaction(
      async (tx) => {
        const { numDeletedRows } = await tables(tx)
          .deleteFrom('profile_own')
          .where('profile', '=', profile)
          .where('state', 'in', ['waiting', 'leaving'])
          .executeTakeFirstOrThrow();
        return numDeletedRows > 0n;
      },
      { audit: (removed) => (removed ? audit : null) },
    );
    this.#forget(profile);
    return done;
  }

  /** How many devices have a type, wherever they stand. */
  devicesOf(profile: string): Promise<DevicesOfType> {
    return devicesIn(this.#relational, profile);
  }

  #forget(profile: string): void {
    this.#faults = new Map([...this.#faults].filter(([id]) => id !== profile));
  }
}

/** @throws too-many-profiles */
async function expectRoom(tx: RelationalAccess, profile: string, text: string): Promise<void> {
  const { files, waiting, characters } = await tables(tx)
    .selectFrom('profile_own')
    .select(({ fn, ref, eb }) => [
      fn.countAll<number | string>().as('files'),
      fn
        .countAll<number | string>()
        .filterWhere(eb('state', '<>', 'held'))
        .as('waiting'),
      fn.sum<number | string | null>(fn('length', [ref('text')])).as('characters'),
    ])
    // What waits of the same type makes room.
    .where((eb) => eb.or([eb('profile', '<>', profile), eb('state', '=', 'held')]))
    .executeTakeFirstOrThrow();
  const tooMany = (what: string): never => {
    throw new OperationalError('too-many-profiles', what);
  };
  if (Number(files) >= OWN_MAX) tooMany(`more than ${OWN_MAX} own types`);
  if (Number(waiting) >= WAITING_MAX)
    tooMany(`${WAITING_MAX} changes wait already: start the server again first`);
  if (Number(characters ?? 0) + text.length > CHARACTERS_MAX)
    tooMany(`more than ${CHARACTERS_MAX} characters in all own types`);
}

const changed = (profile: string): OperationalError =>
  new OperationalError('changed-meanwhile', `${profile} was changed meanwhile`);

/** What is said of a type that can't go. */
export const stillUsed = (devices: number): string =>
  `${devices} devices in service have this type, and no folder has a file of it`;

/** @throws changed-meanwhile when what waits of a type is not that */
async function expectWaiting(
  tx: RelationalAccess,
  profile: string,
  before: WaitingProfile | null,
): Promise<void> {
  const waits = await tables(tx)
    .selectFrom('profile_own')
    .select(['text', 'state'])
    .where('profile', '=', profile)
    .where('state', 'in', ['waiting', 'leaving'])
    .executeTakeFirst();
  if (waits === undefined ? before === null : sameChange(waits, before)) return;
  throw changed(profile);
}

const sameChange = (
  { text, state }: Pick<OwnProfileTable, 'text' | 'state'>,
  before: WaitingProfile | null,
): boolean => before !== null && (state === 'leaving' ? null : text) === before.text;

async function replaceWaiting(tx: RelationalAccess, row: OwnProfileTable): Promise<void> {
  await tables(tx)
    .deleteFrom('profile_own')
    .where('profile', '=', row.profile)
    .where('state', 'in', ['waiting', 'leaving'])
    .execute();
  await tables(tx).insertInto('profile_own').values(row).execute();
}

async function devicesIn(store: RelationalAccess, profile: string): Promise<DevicesOfType> {
  const { all, inService } = await store
    .for<RegistryTables>(registryModule.name)
    .selectFrom('device')
    .select(({ fn, eb }) => [
      fn.countAll<number | string>().as('all'),
      fn
        .countAll<number | string>()
        .filterWhere(eb('retired_at', 'is', null))
        .as('inService'),
    ])
    .where('profile', '=', profile)
    .executeTakeFirstOrThrow();
  return { inService: Number(inService), retired: Number(all) - Number(inService) };
}

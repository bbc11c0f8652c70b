/**
 * Profiles that were taken in through the interface. One that is new waits for the next start, which takes it into force or,
 * where it can't be used any more, leaves it waiting and what was in force as it was.
 */
import { OperationalError } from '@village/core';
import { type DeviceProfile, putInPlace } from '@village/device-profiles';
import type { AuditEntry, Relational, RelationalAccess } from '@village/store/relational';
import { type OwnProfileTable, type ProfileTables, profilesModule } from './schema.ts';

/** Types that a county adds or changes by itself. */
const OWN_MAX = 500;

export type WaitingProfile = Pick<OwnProfileTable, 'profile' | 'text' | 'actor' | 'at'>;

const tables = (store: RelationalAccess) => store.for<ProfileTables>(profilesModule.name);

export class OwnProfiles {
  readonly #relational: Relational;
  /** Why those that wait were not taken into force at the start. */
  #faults: ReadonlyMap<string, string> = new Map();

  constructor(relational: Relational) {
    this.#relational = relational;
  }

  async #of(state: OwnProfileTable['state']): Promise<OwnProfileTable[]> {
    return tables(this.#relational)
      .selectFrom('profile_own')
      .selectAll()
      .where('state', '=', state)
      .orderBy('profile')
      .execute();
  }

  /** Those that wait for the next start. */
  waiting(): Promise<WaitingProfile[]> {
    return this.#of('waiting');
  }

  /** Why one that waits was not taken into force at the start; null when none has tried. */
  faultOf(profile: string): string | null {
    return this.#faults.get(profile) ?? null;
  }

  /** Adds those in force to what the folders hold; the faults of those that can't be used, by id. */
  async add(profiles: Map<string, DeviceProfile>): Promise<ReadonlyMap<string, string>> {
    const held = await this.#of('held');
    return putInPlace(
      profiles,
      held.map(({ profile: id, text }) => ({ id, text })),
    );
  }

  /** At the start: takes what waits into force. What can't be used goes on waiting, with its fault. */
  async takeIntoForce(profiles: Map<string, DeviceProfile>): Promise<ReadonlyMap<string, string>> {
    const faults = new Map<string, string>();
    for (const { profile: id, text } of await this.waiting()) {
      const fault = putInPlace(profiles, [{ id, text }]).get(id);
      if (fault === undefined) await this.#hold(id, text);
      else faults.set(id, fault);
    }
    this.#faults = faults;
    return faults;
  }

  #hold(profile: string, text: string): Promise<void> {
    return this.#relational.transaction(async (tx) => {
      const own = tables(tx);
      const of = (state: OwnProfileTable['state']) =>
        own.deleteFrom('profile_own').where('profile', '=', profile).where('state', '=', state);
      const waiting = await own
        .selectFrom('profile_own')
        .selectAll()
        .where('profile', '=', profile)
        .where('state', '=', 'waiting')
        .executeTakeFirst();
      // Another process has done the same, or it was changed meanwhile.
      if (waiting === undefined || waiting.text !== text) return;
      await of('held').execute();
      await of('waiting').execute();
      await own
        .insertInto('profile_own')
        .values({ ...waiting, state: 'held' })
        .execute();
    });
  }

  /**
   * Lets a text wait. `before` is the one that waited when the person looked, null where none did.
   * @throws changed-meanwhile, too-many-profiles
   */
  async put(
    { profile, text, actor, at }: WaitingProfile,
    before: string | null,
    audit: AuditEntry,
  ): Promise<void> {
    await this.#relational.transaction(
      async (tx) => {
        const rows = await tables(tx)
          .selectFrom('profile_own')
          .select(['profile', 'state'])
          .execute();
        const waits = await tables(tx)
          .selectFrom('profile_own')
          .select('text')
          .where('profile', '=', profile)
          .where('state', '=', 'waiting')
          .executeTakeFirst();
        if ((waits?.text ?? null) !== before)
          throw new OperationalError('changed-meanwhile', `${profile} was changed meanwhile`);
        if (rows.length >= OWN_MAX)
          throw new OperationalError('too-many-profiles', `more than ${OWN_MAX} own types`);
        await tables(tx)
          .deleteFrom('profile_own')
          .where('profile', '=', profile)
          .where('state', '=', 'waiting')
          .execute();
        await tables(tx)
          .insertInto('profile_own')
          .values({ profile, state: 'waiting', text, actor, at })
          .execute();
      },
      { audit },
    );
    this.#forget(profile);
  }

  /** Takes one that waits back; false when none does. */
  async takeBack(profile: string, audit: AuditEntry): Promise<boolean> {
    const done = await this.#relational.transaction(
      async (tx) => {
        const { numDeletedRows } = await tables(tx)
          .deleteFrom('profile_own')
          .where('profile', '=', profile)
          .where('state', '=', 'waiting')
          .executeTakeFirstOrThrow();
        return numDeletedRows > 0n;
      },
      { audit: (removed) => (removed ? audit : null) },
    );
    this.#forget(profile);
    return done;
  }

  #forget(profile: string): void {
    this.#faults = new Map([...this.#faults].filter(([id]) => id !== profile));
  }
}

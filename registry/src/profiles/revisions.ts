/**
 * Every text that a device profile has had, so that the bytes of an old frame can be decoded by the rules of its time.
 * The folders of profiles hold the present texts only; who edits a file need not think of the past.
 */
import { createHash } from 'node:crypto';
import { BoundedMap, OperationalError } from '@village/core';
import { type DeviceProfile, parseProfile, sameMeaning } from '@village/device-profiles';
import type { Relational } from '@village/store/relational';
import { type ProfileTables, profilesModule } from './schema.ts';

/** Parsed profiles of the past that are kept in memory. */
const PARSED_MAX = 64;

/** A profile that means something else than before, under the revision that it had. */
export interface UnraisedRevision {
  readonly profile: string;
  readonly revision: number;
  readonly file: string;
  /** Line of `revision` in the file. */
  readonly line: number;
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

function lineOfRevision(text: string): number {
  return text.split('\n').findIndex((line) => line.startsWith('revision:')) + 1;
}

export class ProfileRevisions {
  readonly #relational: Relational;
  readonly #parsed = new BoundedMap<string, DeviceProfile>(PARSED_MAX);

  constructor(relational: Relational) {
    this.#relational = relational;
  }

  /** Keeps the texts of the profiles in use. Those that have changed under the same revision are returned. */
  async keep(profiles: Iterable<DeviceProfile>, now: number): Promise<UnraisedRevision[]> {
    const unraised: UnraisedRevision[] = [];
    for (const profile of profiles) {
      const { id, revision, source } = profile;
      const before = await this.#text(id, revision, now);
      if (before === source.text) continue;
      await this.#add(profile, now);
      const former = before === null ? undefined : parseProfile(before, source.file).profile;
      if (before === null || (former !== undefined && sameMeaning(former, profile))) continue;
      const line = lineOfRevision(source.text);
      unraised.push({ profile: id, revision, file: source.file, line });
    }
    return unraised;
  }

  /**
   * The profile with this revision as it was at a time (ms): a text that changed without a new revision counts from when
   * it was first used. @throws unknown-profile, profile-unreadable
   */
  async profileAt(id: string, revision: number, at: number): Promise<DeviceProfile> {
    const text = await this.#text(id, revision, at);
    if (text === null)
      throw new OperationalError('unknown-profile', `${id} is not known with revision ${revision}`);
    const digest = digestOf(text);
    const known = this.#parsed.get(digest);
    if (known !== undefined) return known;
    const { profile, faults } = parseProfile(text, `${id}@${revision}`);
    if (profile === undefined)
      throw new OperationalError(
        'profile-unreadable',
        `${id} with revision ${revision} can't be read any more: ${faults[0]?.message}`,
      );
    this.#parsed.set(digest, profile);
    return profile;
  }

  /** The text in use at a time, or the first one when it is later than that. */
  async #text(id: string, revision: number, at: number): Promise<string | null> {
    const texts = await this.#relational
      .for<ProfileTables>(profilesModule.name)
      .selectFrom('profile_text')
      .select(['text', 'since'])
      .where('profile', '=', id)
      .where('revision', '=', revision)
      .orderBy('since')
      .execute();
    const until = new Date(at).toISOString();
    return (texts.findLast(({ since }) => since <= until) ?? texts[0])?.text ?? null;
  }

  async #add({ id, revision, source }: DeviceProfile, now: number): Promise<void> {
    const since = new Date(now).toISOString();
    await this.#relational
      .for<ProfileTables>(profilesModule.name)
      .insertInto('profile_text')
      .values({ profile: id, revision, text: source.text, since })
      // Another process has just done the same.
      .onConflict((row) => row.columns(['profile', 'revision', 'since']).doNothing())
      .execute();
  }
}

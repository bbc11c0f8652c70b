/** Which profile a topic belongs to: looked up once for each message at ingest. */
import { rulesOf } from '../../compile.ts';
import { isNative } from '../../profile.ts';
import type { DeviceProfile } from '../../types.ts';
import { matchPattern, type TopicPattern } from './topic.ts';

export interface TopicOwner {
  readonly profile: DeviceProfile;
  readonly address: string;
  /** All profiles that share this topic, `profile` first: with more than one, the device's registration decides. */
  readonly profiles: readonly DeviceProfile[];
}

interface Entry {
  readonly pattern: TopicPattern;
  readonly profiles: DeviceProfile[];
}

/** Topics longer than this belong to nobody. */
const LEVELS_MAX = 32;

function fixedLevels(pattern: TopicPattern): number {
  return pattern.levels.filter((level) => level.kind === 'fixed').length;
}

/**
 * Patterns by place and text of their first fixed level; those with `{device+}` before it by its text alone. Native
 * profiles are not in it: their topic names the device but not the profile.
 */
export class TopicIndex {
  readonly #byPlace: (Map<string, Entry[]> | undefined)[] = [];
  readonly #floating = new Map<string, Entry[]>();

  constructor(profiles: Iterable<DeviceProfile>) {
    const entries = new Map<string, Entry>();
    for (const profile of profiles) {
      const pattern = rulesOf(profile).topic;
      if (pattern === undefined || isNative(profile)) continue;
      // Names of other levels make no difference.
      const key = pattern.text.replaceAll(/\{(?!device)[^}]*\}/g, '+');
      const entry = entries.get(key);
      if (entry === undefined) entries.set(key, { pattern, profiles: [profile] });
      else entry.profiles.push(profile);
    }
    // The pattern that says most is tried first where several fit.
    const sorted = [...entries.values()].sort(
      (a, b) => fixedLevels(b.pattern) - fixedLevels(a.pattern),
    );
    for (const entry of sorted) this.#add(entry);
  }

  #add(entry: Entry): void {
    const { levels, manyAt } = entry.pattern;
    const place = levels.findIndex((level) => level.kind === 'fixed');
    const level = levels[place];
    if (level?.kind !== 'fixed') return;
    let map = this.#floating;
    if (manyAt < 0 || manyAt > place) {
      map = this.#byPlace[place] ?? new Map<string, Entry[]>();
      this.#byPlace[place] = map;
    }
    const list = map.get(level.text);
    if (list === undefined) map.set(level.text, [entry]);
    else list.push(entry);
  }

  /** Undefined when no profile claims the topic. */
  find(topic: string): TopicOwner | undefined {
    const levels = topic.split('/');
    if (levels.length > LEVELS_MAX) return undefined;
    for (let place = 0; place < this.#byPlace.length && place < levels.length; place++) {
      const found = match(this.#byPlace[place]?.get(levels[place] as string), levels);
      if (found !== undefined) return found;
    }
    if (this.#floating.size === 0) return undefined;
    for (const level of levels) {
      const found = match(this.#floating.get(level), levels);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function match(entries: Entry[] | undefined, levels: readonly string[]): TopicOwner | undefined {
  if (entries === undefined) return undefined;
  for (const { pattern, profiles } of entries) {
    const found = matchPattern(pattern, levels);
    if (found !== undefined)
      return { profile: profiles[0] as DeviceProfile, address: found.address, profiles };
  }
  return undefined;
}

/** Which profile a topic belongs to: looked up once for each message at ingest. */
import type { DeviceProfile } from '../../types.ts';
import { coveringFilter, matchPattern, type TopicPattern } from './topic.ts';
import { claimedTopic } from './topics.ts';

export interface TopicOwner {
  readonly profile: DeviceProfile;
  readonly address: string;
  /** All profiles that share this topic, `profile` first: with more than one, the device's registration decides. */
  readonly profiles: readonly DeviceProfile[];
}

interface Claim {
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
  /** MQTT filters that cover the topics of all profiles in it. */
  readonly filters: readonly string[];
  readonly #byPlace: (Map<string, Claim[]> | undefined)[] = [];
  readonly #floating = new Map<string, Claim[]>();

  constructor(profiles: Iterable<DeviceProfile>) {
    const claims = new Map<string, Claim>();
    for (const profile of profiles) {
      const pattern = claimedTopic(profile);
      if (pattern === undefined) continue;
      // Names of other levels make no difference.
      const key = pattern.text.replaceAll(/\{(?!device)[^}]*\}/g, '+');
      const claim = claims.get(key);
      if (claim === undefined) claims.set(key, { pattern, profiles: [profile] });
      else claim.profiles.push(profile);
    }
    // The pattern that says most is tried first where several fit.
    const sorted = [...claims.values()].sort(
      (a, b) => fixedLevels(b.pattern) - fixedLevels(a.pattern),
    );
    for (const claim of sorted) this.#add(claim);
    this.filters = [...new Set(sorted.map(({ pattern }) => coveringFilter(pattern)))];
  }

  #add(claim: Claim): void {
    const { levels, manyAt } = claim.pattern;
    const place = levels.findIndex((level) => level.kind === 'fixed');
    const level = levels[place];
    if (level?.kind !== 'fixed') return;
    let map = this.#floating;
    if (manyAt < 0 || manyAt > place) {
      map = this.#byPlace[place] ?? new Map<string, Claim[]>();
      this.#byPlace[place] = map;
    }
    const list = map.get(level.text);
    if (list === undefined) map.set(level.text, [claim]);
    else list.push(claim);
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

function match(claims: Claim[] | undefined, levels: readonly string[]): TopicOwner | undefined {
  if (claims === undefined) return undefined;
  for (const { pattern, profiles } of claims) {
    const found = matchPattern(pattern, levels);
    if (found !== undefined)
      return { profile: profiles[0] as DeviceProfile, address: found.address, profiles };
  }
  return undefined;
}

/** Access tokens as WeCom and WeChat give them: of 7,200 seconds, the same for all who ask while it holds, and taken back at times. */
import { BoundedMap } from '@village/core';
import type { World } from '../world.ts';

export interface Token {
  readonly token: string;
  readonly from: number;
  readonly until: number;
}

const LASTS_MS = 7_200_000;

export type TokenState = 'good' | 'missing' | 'unknown' | 'expired' | 'revoked';

/** Those that ended longest ago are unknown. */
const ENDED_MAX = 1000;

export class Tokens {
  readonly #world: World;
  readonly #prefix: string;
  #current: Token | null = null;
  /** That before, which holds for five minutes beside its successor. */
  #overlapping: Token | null = null;
  readonly #ended = new BoundedMap<string, 'expired' | 'revoked'>(ENDED_MAX);

  constructor(world: World, prefix: string) {
    this.#world = world;
    this.#prefix = prefix;
  }

  /** The one that holds, or a new one from `renewMs` before its end on; the old one then holds until its end, too. */
  grant(renewMs = 0): Token {
    const { now } = this.#world;
    const old = this.#current;
    if (old !== null && now < old.until - renewMs) return old;
    this.#end(this.#overlapping, 'expired');
    this.#overlapping = old;
    return this.#make();
  }

  /** A new one in any case; the old one holds for `overlapMs` more. */
  renew(overlapMs = 0): Token {
    const old = this.#current;
    this.#end(this.#overlapping, 'expired');
    this.#overlapping = null;
    if (overlapMs === 0) this.#end(old, 'revoked');
    else if (old !== null)
      this.#overlapping = { ...old, until: Math.min(old.until, this.#world.now + overlapMs) };
    return this.#make();
  }

  /** Takes back what was given, before its time. */
  revoke(): void {
    this.#end(this.#current, 'revoked');
    this.#end(this.#overlapping, 'revoked');
    this.#current = null;
    this.#overlapping = null;
  }

  #end(token: Token | null, why: 'expired' | 'revoked'): void {
    if (token !== null) this.#ended.set(token.token, why);
  }

  #make(): Token {
    const { now, random } = this.#world;
    const made = Math.floor(random() * 1e9).toString(36);
    const token = `${this.#world.newId(this.#prefix)}_${made}`;
    this.#current = { token, from: now, until: now + LASTS_MS };
    return this.#current;
  }

  /** How it stands with a token that somebody calls with. */
  check(token: string | undefined): TokenState {
    const { now } = this.#world;
    if (token === undefined || token === '') return 'missing';
    for (const held of [this.#current, this.#overlapping])
      if (held?.token === token) return now < held.until ? 'good' : 'expired';
    return this.#ended.get(token) ?? 'unknown';
  }
}

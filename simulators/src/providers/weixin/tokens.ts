/** Access tokens as WeCom and WeChat give them: of 7,200 seconds, the same for all who ask while it holds, and taken back at times. */
import type { World } from '../world.ts';

export interface Token {
  readonly token: string;
  readonly from: number;
  readonly until: number;
}

const LASTS_MS = 7_200_000;

export class Tokens {
  readonly #world: World;
  readonly #prefix: string;
  #current: Token | null = null;
  readonly #ended = new Set<string>();

  constructor(world: World, prefix: string) {
    this.#world = world;
    this.#prefix = prefix;
  }

  /** The one that holds, or a new one from `renewMs` before its end on; `force` makes a new one in any case. */
  grant(renewMs = 0, force = false): Token {
    const { now } = this.#world;
    const old = this.#current;
    if (!force && old !== null && now < old.until - renewMs) return old;
    if (old !== null && (force || now >= old.until)) this.#ended.add(old.token);
    const made = Math.floor(this.#world.random() * 1e9).toString(36);
    const token = `${this.#world.newId(this.#prefix)}_${made}`;
    this.#current = { token, from: now, until: now + LASTS_MS };
    if (old !== null && !force && now < old.until) this.#overlapping = old;
    else this.#overlapping = null;
    return this.#current;
  }

  /** That before, which holds for five minutes beside its successor. */
  #overlapping: Token | null = null;

  /** Takes back what was given, before its time. */
  revoke(): void {
    if (this.#current !== null) this.#ended.add(this.#current.token);
    this.#current = null;
    this.#overlapping = null;
  }

  /** The number of what is wrong with a token; 0 when it holds. */
  check(token: string | undefined): 0 | 40014 | 41001 | 42001 {
    const { now } = this.#world;
    if (token === undefined || token === '') return 41001;
    for (const held of [this.#current, this.#overlapping])
      if (held?.token === token) return now < held.until ? 0 : 42001;
    return this.#ended.has(token) ? 42001 : 40014;
  }
}

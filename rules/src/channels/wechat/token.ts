/**
 * The token with which an app calls WeCom or WeChat: kept for as long as it holds, fetched once for all who wait, and fetched anew
 * once when the provider takes it back early. It is never told.
 */
import { MINUTE, SECOND, type Timer } from '@village/core';
import type { ChannelHealth, Outcome } from '../contract.ts';
import { orEnded } from '../signals.ts';

export interface Grant {
  readonly token: string;
  readonly lastsMs: number;
}
export type Granted = { readonly grant: Grant } | { readonly outcome: Outcome };

/** Asks the provider. `refused` is the token that it no longer takes, when it is asked for that reason. @throws nothing */
export type AskForToken = (refused: string | null, signal: AbortSignal) => Promise<Granted>;

/** A token is not used for the end of its life: the provider's clock and ours, and the way there. */
const MARGIN_MS = 5 * MINUTE;
/** After a refusal nobody asks again for so long: providers block those who ask too often. */
const PAUSE_MS = 5 * SECOND;

interface Held extends Grant {
  /** By the clock, for people. */
  readonly since: number;
  /** Elapsed time. */
  readonly from: number;
}

/** What a token's trouble means for a message: it was not sent. */
function asUnsent(outcome: Outcome): Outcome {
  if (outcome.kind === 'unknown')
    return { kind: 'retry', code: 'token', text: `asking for a token: ${outcome.text}` };
  if (outcome.kind === 'rejected') return { ...outcome, kind: 'fault' };
  return outcome;
}

const aborted: Outcome = { kind: 'retry', code: 'aborted', text: 'nothing was sent yet' };

export class TokenKeeper {
  readonly #timer: Timer;
  readonly #ask: AskForToken;
  readonly #end = new AbortController();
  #held: Held | null = null;
  #pending: Promise<Granted> | null = null;
  #failed: { readonly outcome: Outcome; readonly at: number } | null = null;

  constructor(timer: Timer, ask: AskForToken) {
    this.#timer = timer;
    this.#ask = ask;
  }

  /**
   * Calls with a token, and once more with a fresh one when the first is refused. `attempt` says so by null.
   * @returns the outcome, in which no token ever is
   */
  async call(
    attempt: (token: string) => Promise<Outcome | null>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const first = await this.#get(null, signal);
    if ('outcome' in first) return asUnsent(first.outcome);
    const outcome = await attempt(first.grant.token);
    if (outcome !== null) return outcome;
    const second = await this.#get(first.grant.token, signal);
    if ('outcome' in second) return asUnsent(second.outcome);
    return (
      (await attempt(second.grant.token)) ?? {
        kind: 'fault',
        code: 'token',
        text: 'a fresh token was refused, too',
      }
    );
  }

  /** When it was given and when it ends, by the clock. */
  told(): ChannelHealth['token'] {
    const held = this.#held;
    return held === null ? null : { since: held.since, until: held.since + held.lastsMs };
  }

  close(): void {
    this.#end.abort();
  }

  async #get(refused: string | null, signal: AbortSignal): Promise<Granted> {
    if (signal.aborted) return { outcome: aborted };
    const held = this.#held;
    if (held !== null && held.token !== refused && this.#isFresh(held)) return { grant: held };
    const { elapsed } = this.#timer;
    const failed = this.#failed;
    if (failed !== null && elapsed() - failed.at < PAUSE_MS) return { outcome: failed.outcome };
    // A token that is refused as soon as it was given won't be any better the next time.
    if (held !== null && held.token === refused && elapsed() - held.from < PAUSE_MS)
      return { outcome: { kind: 'retry', code: 'token', text: 'a fresh token was refused' } };
    this.#pending ??= this.#fetch(refused).finally(() => {
      this.#pending = null;
    });
    return orEnded<Granted>(this.#pending, signal, { outcome: aborted });
  }

  #isFresh({ from, lastsMs }: Held): boolean {
    return this.#timer.elapsed() - from < lastsMs - Math.min(MARGIN_MS, lastsMs / 2);
  }

  async #fetch(refused: string | null): Promise<Granted> {
    const from = this.#timer.elapsed();
    const granted = await this.#ask(refused, this.#end.signal);
    if ('outcome' in granted) {
      this.#held = refused === null ? this.#held : null;
      this.#failed = { outcome: granted.outcome, at: this.#timer.elapsed() };
      return granted;
    }
    this.#failed = null;
    this.#held = { ...granted.grant, since: this.#timer.now(), from };
    return granted;
  }
}

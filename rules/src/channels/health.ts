/** How a channel stands, kept from the outcomes of what it was given. */
import type { Clock } from '@village/core';
import type { ChannelHealth, Outcome } from './contract.ts';

export class Health {
  readonly #now: Clock;
  #lastSuccess: number | null = null;
  #lastFault: ChannelHealth['lastFault'] = null;

  constructor(now: Clock) {
    this.#now = now;
  }

  /** Takes note of an outcome, and returns it. What was wrong with one person or text says nothing of the channel. */
  note(outcome: Outcome): Outcome {
    const at = this.#now();
    if (outcome.kind === 'sent') this.#lastSuccess = at;
    else if (outcome.kind === 'unknown')
      this.#lastFault = { at, code: 'unknown', text: outcome.text };
    else if (outcome.kind === 'limited' && outcome.of === 'channel')
      this.#lastFault = { at, code: outcome.code, text: '' };
    else if (outcome.kind === 'fault' || outcome.kind === 'retry')
      this.#lastFault = { at, code: outcome.code, text: outcome.text };
    return outcome;
  }

  told(token: ChannelHealth['token'] = null): ChannelHealth {
    return { token, lastSuccess: this.#lastSuccess, lastFault: this.#lastFault };
  }
}

/** What the engine tells: that an alert began, became worse or milder, or is over; and what it knew then. */
import type { Severity, Suppression } from '@village/core';

export type TransitionKind =
  /** It began. */
  | 'open'
  | 'worse'
  | 'milder'
  /** It is over. */
  | 'close'
  /** It changes too often: it is held open until it is quiet. */
  | 'flapping'
  /** What kept its news back is over, and it is still there. */
  | 'released';

/** What an alert is of; one is open at a time. */
export interface AlertKey {
  readonly rule: string;
  /** Device, gateway or area. */
  readonly subject: string;
  /** Tells alerts of one rule and subject apart: that nothing comes is another alert than a bad value. */
  readonly discriminator: '' | 'no-data';
}

export interface Transition extends AlertKey {
  readonly kind: TransitionKind;
  /** Of `close` the worst it was last. */
  readonly severity: Severity;
  /** When it happened, event time, ms. */
  readonly at: number;
  /** Since when the condition of the alert holds, event time, ms. */
  readonly since: number;
  /** Value of the driving input; null where there is none. */
  readonly value: number | null;
  /** Limit that it was judged against; null where none is known. */
  readonly limit: number | null;
  /** Why nobody is told; null where that is not so. */
  readonly suppression: Suppression | null;
  /** Rule and subject of what inhibits it; null without one. */
  readonly by: string | null;
}

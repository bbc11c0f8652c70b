/** What holds of a rule where its file says nothing. */
import { HOUR, MINUTE, QUALITIES, type Quality } from '@village/core';
import type { Flap, Lasting, NoData } from '../model.ts';

export const DEFAULT_QUALITIES: readonly Quality[] = ['good', 'manual'];

/** Silent for three intervals, and a quarter of an hour at least. */
export const DEFAULT_NO_DATA: NoData = {
  after: { intervals: 3, ms: 15 * MINUTE },
  state: 'keep',
};

export const DEFAULT_LIVE: Lasting = { intervals: 2, ms: 2 * MINUTE };

export const DEFAULT_FLAP: Flap = { transitions: 6, inMs: HOUR, holdMs: 30 * MINUTE };

export const qualityCodes = (words: readonly Quality[]): ReadonlySet<number> =>
  new Set(words.map((word) => QUALITIES.indexOf(word)));

/** The kinds of channels, a line each; no other file asks for one by its name. */
import type { AnyChannelKind } from './contract.ts';

export const CHANNEL_KINDS: readonly AnyChannelKind[] = [];

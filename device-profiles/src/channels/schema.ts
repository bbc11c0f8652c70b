/** The `channels` section of a profile: what tells several sources in one device apart, and which there are. */
import type { Label } from '@village/core';
import { z } from 'zod';
import { kebab, label } from '../schema/parts.ts';

/** Channels of one kind. */
export const CHANNELS_MAX = 200;

export const channelKey = z
  .string()
  .max(30)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words or digits joined by hyphens');

const channel = z.strictObject({
  name: label,
  says: z
    .array(z.union([z.string().min(1).max(200), z.number()]))
    .max(20)
    .optional()
    .describe('What the device says for it; its key when absent.'),
});

/** One kind of channel; `from` has the shapes that the protocols give. */
export const channelKind = z.strictObject({
  name: label,
  from: z.unknown(),
  plain: channelKey
    .optional()
    .describe(
      'The channel whose metrics keep their key as it is, and that a message which names none speaks of.',
    ),
  known: z
    .record(channelKey, channel)
    .refine((all) => Object.keys(all).length > 0, 'needs a channel')
    .refine(
      (all) => Object.keys(all).length <= CHANNELS_MAX,
      `at most ${CHANNELS_MAX} channels of a kind`,
    ),
});

export const channelKinds = (from: z.ZodType) =>
  z.record(kebab, channelKind.extend({ from: from.optional() })).default({});

export type ChannelKindFile = z.infer<typeof channelKind>;

/** Of which channel a metric of the compiled profile is. */
export interface ChannelOf {
  /** Name of the kind of channel in the profile. */
  readonly kind: string;
  readonly key: string;
  readonly name: Label;
  /** Key of the metric as the file writes it, the same for all channels. */
  readonly base: string;
  /** What the device says for it. */
  readonly says: readonly string[];
  /** `from` of the metric as the file writes it. */
  readonly written: unknown;
}

/**
 * A word as it is compared: characters that are made in two ways are one, spaces around it say nothing. Large and small
 * letters differ, since two rules of one camera may differ in that alone.
 */
export function channelWord(value: unknown): string | undefined {
  if (typeof value === 'string') return value.normalize('NFC').trim();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** What the device says for a channel of the file. */
export function wordsOf(kind: ChannelKindFile, key: string): readonly string[] {
  const says = kind.known[key]?.says ?? [key];
  return says.map((word) => channelWord(word) ?? '');
}

/**
 * The shape of a whole profile file, defined once: the parser, the types and the editor's JSON Schema all come from here.
 * The protocols add their own sections and the shapes of a metric's source.
 */
import { ADDRESS_KINDS } from '@village/core';
import { z } from 'zod';
import { channelKinds } from '../channels/schema.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { KINDS } from '../types.ts';
import { event, example, metric, options, type ProfileFile, qualityRule } from './file.ts';
import { label } from './parts.ts';

const head = {
  profile: z
    .string()
    .max(80)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*\/[a-z0-9]+(-[a-z0-9]+)*$/, 'must be vendor/model'),
  revision: z.int().min(1).describe('Bump it when the meaning of a metric changes.'),
  name: label,
  kind: z.enum(KINDS),
};
const body = {
  quality: z.array(qualityRule).default([]),
  events: z.array(event).default([]),
  examples: z.array(example).default([]),
};

/** A profile file with the sections of these protocols. */
function makeSchema(protocols: readonly Protocol[]): z.ZodType<ProfileFile> {
  const names = protocols.map(({ name }) => name) as [string, ...string[]];
  const sections = Object.fromEntries(
    protocols.flatMap((protocol) =>
      Object.entries(protocol.sections).map(([name, section]) => [name, section.optional()]),
    ),
  );
  const from = z
    .union(protocols.flatMap(({ sources }) => sources) as [z.ZodType, ...z.ZodType[]])
    .optional()
    .describe('Where it stands in the frame; absent in native payloads.');
  const channelSources = protocols.flatMap((protocol) => protocol.channelSources ?? []);
  const channelFrom = (
    channelSources.length === 0 ? z.never() : z.union(channelSources as [z.ZodType])
  ).describe('Where a message says which channel it speaks of; absent: the places of metrics do.');
  const schema = z.strictObject({
    ...head,
    protocol: z.enum(names),
    address: z
      .enum(ADDRESS_KINDS)
      .default('exact')
      .describe(
        'What the name of a device on its wire is, so that other spellings of it are the same one.',
      ),
    evidence: z
      .union([z.boolean(), z.literal('events')])
      .optional()
      .describe(
        'Keep what it says as received; by kind when absent: stations, and events of cameras.',
      ),
    earliestYear: z
      .int()
      .min(2000)
      .max(2100)
      .optional()
      .describe(
        'No such device has measured before this year: an earlier time is of a clock that was not set. 2001 when absent.',
      ),
    options,
    ...sections,
    channels: channelKinds(channelFrom),
    metrics: z.array(metric.extend({ from })).min(1).max(200),
    ...body,
  });
  return schema as unknown as z.ZodType<ProfileFile>;
}

const schemas = new WeakMap<readonly Protocol[], z.ZodType<ProfileFile>>();

/** The shape of a profile file where these protocols are known. */
export function profileSchema(protocols: readonly Protocol[]): z.ZodType<ProfileFile> {
  const known = schemas.get(protocols);
  if (known !== undefined) return known;
  const made = makeSchema(protocols);
  schemas.set(protocols, made);
  return made;
}

/** The JSON Schema that editors complete and check profile files with. */
export function jsonSchemaOf(protocols: readonly Protocol[]): Record<string, unknown> {
  return z.toJSONSchema(profileSchema(protocols), { io: 'input' }) as Record<string, unknown>;
}

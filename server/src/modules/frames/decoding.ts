/** Reads what the pipeline noted beside a frame: by which rules its payload is decoded. */
import { OperationalError } from '@village/core';
import { z } from 'zod';

const schema = z.object({
  profile: z.string(),
  revision: z.number(),
  form: z.enum(['frame', 'row']),
  framing: z.string().default(''),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
});

export type FrameDecoding = z.infer<typeof schema>;

/** @throws decoding-unknown when a later version wrote it */
export function readDecoding(text: string): FrameDecoding {
  const { success, data } = schema.safeParse(JSON.parse(text));
  if (success) return data;
  throw new OperationalError('decoding-unknown', `a frame is decoded in an unknown way: ${text}`);
}

/** What somebody wrote as a channel's options, checked. */
import { OperationalError } from '@village/core';
import { z } from 'zod';

/** The options by the schema. @throws OperationalError `bad-channel`; it names each place and what is wrong there, never a value */
export function checkedOptions<T>(schema: z.ZodType<T>, given: unknown): T {
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const faults = error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new OperationalError('bad-channel', faults.join('; '));
}

/** Address of a provider, or of what stands in for it: http or https, without a name and password. */
export const baseUrl = (usual: string) =>
  z
    .url({ protocol: /^https?$/ })
    .max(500)
    .refine(
      (text) => {
        const { username, password, search, hash } = new URL(text);
        return username === '' && password === '' && search === '' && hash === '';
      },
      { message: 'must be an address without name, password, ? and #' },
    )
    .default(usual);

/** How long a provider has for its whole answer, ms. */
export const timeoutMs = z.int().min(100).max(60_000).default(10_000);

/** Keys and the like: printable ASCII, so that they fit into headers and addresses. */
export const secret = z
  .string()
  .regex(/^[\x21-\x7e]{1,1024}$/, 'must be printable characters without spaces');

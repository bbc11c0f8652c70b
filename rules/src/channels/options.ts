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

/** An absolute address of http or https without name and password, of which `also` holds. */
export const httpUrl = (most: number, also: (url: URL) => boolean, message: string) =>
  z
    .string()
    .max(most)
    .refine(
      (text) => {
        const url = URL.canParse(text) ? new URL(text) : null;
        if (url === null || !/^https?:$/.test(url.protocol)) return false;
        return url.username === '' && url.password === '' && also(url);
      },
      { message },
    );

/** Address of a provider, or of what stands in for it. */
export const baseUrl = (usual: string) =>
  httpUrl(
    500,
    ({ search, hash }) => search === '' && hash === '',
    'must be an address of http or https without name, password, ? and #',
  ).default(usual);

/** How long a provider has for its whole answer, ms. */
export const timeoutMs = z.int().min(100).max(60_000).default(10_000);

/** Keys and the like: printable ASCII, so that they fit into headers and addresses. */
export const secret = z
  .string()
  .regex(/^[\x21-\x7e]{1,1024}$/, 'must be printable characters without spaces');

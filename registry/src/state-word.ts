/**
 * The word of the state that an area, device or gateway is in, made of what is stored of it: who changes it names the word of the
 * state that they saw.
 */
import { createHash } from 'node:crypto';

const sorted = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, one]) => [key, sorted(one)]);

/** `hash` is what is kept of its credential. */
export const stateWord = (fields: object, hash: string | undefined): string =>
  createHash('sha256')
    .update(JSON.stringify([sorted(fields), hash ?? null]))
    .digest('hex')
    .slice(0, 16);

/** Secrets of machines and sessions: random, long, and kept only as a hash. Passwords of people are not of this kind. */
import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits as 43 URL-safe characters. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256, hexadecimal: enough for secrets that can't be guessed, and cheap at every connection. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}

/** Secrets of machines and sessions: random, long, and kept only as a hash. Passwords of people are not of this kind. */
import { createHash, randomBytes } from 'node:crypto';

/**
 * 256 random bits as 43 URL-safe characters. None begins with `-`, which spreadsheets take for the begin of a formula: whoever
 * keeps its list in one would have another secret there.
 */
export function newSecret(): string {
  for (;;) {
    const secret = randomBytes(32).toString('base64url');
    if (/^[A-Za-z0-9]/.test(secret)) return secret;
  }
}

/** SHA-256, hexadecimal: enough for secrets that can't be guessed, and cheap at every connection. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}

/** How the key of a client certificate is written where a secret may stand: whoever holds the key is who it is registered for. */

const PREFIX = 'key-sha256:';

/** The one way to write it, or null when the text is no such key. Colons between the digits, as tools print them, are taken. */
export function certificateKey(text: string): string | null {
  if (!isCertificateKeyLike(text)) return null;
  const digits = text.slice(PREFIX.length).replaceAll(':', '').toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? `${PREFIX}${digits}` : null;
}

/** Whether a text means to be one; such a text is never a password, since keys are no secret. */
export function isCertificateKeyLike(text: string): boolean {
  return text.trimStart().slice(0, PREFIX.length).toLowerCase() === PREFIX;
}

/** From the SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal. */
export const certificateKeyOf = (sha256: string): string => `${PREFIX}${sha256}`;

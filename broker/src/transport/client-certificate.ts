/** Who a client is by the certificate that it showed when its TLS connection was made. */
import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { certificateKeyOf } from '@village/core';
import type { ClientCertificate, ClientRule } from '../contract.ts';

const CAUSES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate-expired',
  CERT_NOT_YET_VALID: 'certificate-not-yet-valid',
  CERT_REVOKED: 'certificate-revoked',
};

export type Shown =
  | { readonly certificate: ClientCertificate | null }
  | { readonly refused: string; readonly subject?: string };

/** What the client of a connection has shown, or why it is refused. `now` is the time of day. */
export function shownBy(socket: TLSSocket, rule: ClientRule, now: number): Shown {
  if (rule === 'none') return { certificate: null };
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined)
    return rule === 'required' ? { refused: 'certificate-missing' } : { certificate: null };
  const { subject } = shown;
  // An error code, whatever its declared type says.
  const fault = socket.authorizationError as unknown as string | null | undefined;
  if (!socket.authorized) return { refused: CAUSES[fault ?? ''] ?? 'certificate-foreign', subject };
  // A resumed session was proved when it began.
  if (now > shown.validToDate.getTime()) return { refused: 'certificate-expired', subject };
  const { CN: name } = shown.toLegacyObject().subject as { CN?: string | string[] };
  if (typeof name !== 'string' || name === '') return { refused: 'certificate-name', subject };
  const spki = shown.publicKey.export({ type: 'spki', format: 'der' });
  const key = certificateKeyOf(createHash('sha256').update(spki).digest('hex'));
  return { certificate: { name, key, validTo: shown.validToDate.getTime() } };
}

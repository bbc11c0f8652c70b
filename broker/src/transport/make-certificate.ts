/** Makes a county's own authority, and certificates that it signs. */
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

export interface Made {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8, not encrypted. */
  readonly key: string;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What each stack knows: P-256. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

const CRYPTO = webcrypto as unknown as Crypto;

async function keysFrom(key: string | undefined): Promise<CryptoKeyPair> {
  if (key === undefined)
    return (await CRYPTO.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as CryptoKeyPair;
  const imported = async (type: 'pkcs8' | 'spki', bytes: Uint8Array, use: KeyUsage) =>
    CRYPTO.subtle.importKey(type, new Uint8Array(bytes), ALGORITHM, true, [use]);
  const secret = createPrivateKey(key);
  return {
    privateKey: await imported('pkcs8', secret.export({ type: 'pkcs8', format: 'der' }), 'sign'),
    publicKey: await imported(
      'spki',
      createPublicKey(secret).export({ type: 'spki', format: 'der' }),
      'verify',
    ),
  };
}

async function pemOf(key: CryptoKey): Promise<string> {
  const bytes = Buffer.from(await CRYPTO.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: bytes, type: 'pkcs8', format: 'der' }).export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
}

/** A distinguished name with one common name; commas and the like in it are only text. */
const commonName = (name: string): x509.JsonName => [{ CN: [name] }];

/** An authority of one's own, for the key that is given or a new one. */
export async function makeAuthority(name: string, span: Span, key?: string): Promise<Made> {
  const keys = await keysFrom(key);
  const cert = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: commonName(name),
      notBefore: new Date(span.from),
      notAfter: new Date(span.to),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, CRYPTO),
      ],
    },
    CRYPTO,
  );
  return { cert: `${cert.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
}

/** What a certificate is for: a server under its names and addresses, or a client by its id. */
export type Purpose =
  | { readonly kind: 'server'; readonly names: readonly string[] }
  | { readonly kind: 'client'; readonly id: string };

/** A certificate that an authority signs, for the key that is given or a new one. */
export async function makeCertificate(
  authority: Made,
  purpose: Purpose,
  span: Span,
  key?: string,
): Promise<Made> {
  const keys = await keysFrom(key);
  const issuer = new x509.X509Certificate(authority.cert);
  const names = purpose.kind === 'server' ? purpose.names : [];
  const alternatives = names.map((value) => ({
    type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
    value,
  }));
  const cert = await x509.X509CertificateGenerator.create(
    {
      subject: commonName(purpose.kind === 'server' ? (names[0] ?? '') : purpose.id),
      issuer: issuer.subjectName.toJSON(),
      notBefore: new Date(span.from),
      notAfter: new Date(span.to),
      publicKey: keys.publicKey,
      signingKey: (await keysFrom(authority.key)).privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(
          [purpose.kind === 'server' ? SERVER_AUTH : CLIENT_AUTH],
          false,
        ),
        ...(alternatives.length === 0
          ? []
          : [new x509.SubjectAlternativeNameExtension(alternatives)]),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, CRYPTO),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false, CRYPTO),
      ],
    },
    CRYPTO,
  );
  return { cert: `${cert.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
}

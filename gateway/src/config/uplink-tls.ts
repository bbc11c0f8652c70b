/** The files of the uplink's TLS, read and checked. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { OperationalError } from '@village/core';
import type { UplinkTls } from './types.ts';

export interface UplinkTlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** When the gateway's own certificate ends; null without one. */
  readonly validTo: number | null;
}

/** @throws bad-certificate */
export function readUplinkTls({ ca, cert, key }: UplinkTls): UplinkTlsTexts {
  const texts = {
    ...(ca === undefined ? {} : { ca: read(ca) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
  };
  try {
    if (texts.ca !== undefined) new X509Certificate(texts.ca);
    createSecureContext(texts);
    if (texts.cert === undefined || texts.key === undefined) return { ...texts, validTo: null };
    const own = new X509Certificate(texts.cert);
    if (!own.checkPrivateKey(createPrivateKey(texts.key)))
      throw new Error(`${key} is not the key of ${cert}`);
    return { ...texts, validTo: own.validToDate.getTime() };
  } catch (error) {
    const files = [ca, cert, key].filter((one) => one !== undefined).join(', ');
    throw new OperationalError('bad-certificate', `${files}: ${(error as Error).message}`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new OperationalError(
      'bad-certificate',
      `${path} can't be read: ${(error as Error).message}`,
    );
  }
}

/**
 * The certificate of a listener, from files. They are read anew when they have changed; what can't be used is told and the
 * certificate at hand goes on.
 */
import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { DAY, OperationalError } from '@village/core';
import type { Certificates, ClientRule } from '../contract.ts';
import type { Log } from '../sparing-log.ts';

/** Where the files are. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Whose client certificates count. */
  readonly ca?: string | undefined;
  readonly clients: ClientRule;
}

/** How a certificate stands. */
export interface CertificateState {
  /** The setting that names its file, such as `mqtt.tls.cert`. */
  readonly setting: string;
  readonly subject: string;
  readonly validTo: number;
  /** Why the files that are there now are not used; null when they are. */
  readonly fault: string | null;
}

interface Loaded {
  readonly context: SecureContextOptions;
  readonly own: X509Certificate;
  readonly ca: readonly X509Certificate[];
}

const FILE_BYTES_MAX = 1024 * 1024;
/** Days before a certificate ends from which on the log tells it. */
export const TELL_DAYS = 30;

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** What a file is, by a code of ours and the file it is about. */
class FileFault extends OperationalError {
  readonly file: keyof TlsFiles;

  constructor(file: keyof TlsFiles, message: string) {
    super('bad-certificate', message);
    this.file = file;
  }
}

function readText(file: keyof TlsFiles, path: string): string {
  try {
    const { size } = statSync(path);
    if (size > FILE_BYTES_MAX) throw new Error(`it has ${size} bytes`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new FileFault(file, `${path} can't be read: ${(error as Error).message}`);
  }
}

function parse<T>(file: keyof TlsFiles, path: string, what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new FileFault(file, `${path} holds no ${what}: ${(error as Error).message}`);
  }
}

function certificatesIn(file: keyof TlsFiles, path: string, text: string): X509Certificate[] {
  const blocks = text.match(BLOCK) ?? [];
  const found = parse(file, path, 'certificate that can be read', () =>
    blocks.map((block) => new X509Certificate(block)),
  );
  if (found.length === 0) throw new FileFault(file, `${path} holds no certificate (PEM)`);
  return found;
}

/** @throws bad-certificate with the file it is about */
function load(files: TlsFiles): Loaded {
  const cert = readText('cert', files.cert);
  const [own] = certificatesIn('cert', files.cert, cert) as [X509Certificate];
  const key = readText('key', files.key);
  const secret = parse('key', files.key, 'private key without a password (PEM)', () =>
    createPrivateKey(key),
  );
  if (!own.checkPrivateKey(secret))
    throw new FileFault('key', `${files.key} is not the key of ${files.cert}`);
  const ca = files.ca === undefined ? undefined : readText('ca', files.ca);
  const authorities =
    ca === undefined || files.ca === undefined ? [] : certificatesIn('ca', files.ca, ca);
  const asks = files.clients !== 'none';
  if (asks && ca === undefined)
    throw new FileFault('ca', 'needed to tell whose client certificates count');
  const context: SecureContextOptions = {
    cert,
    key,
    minVersion: 'TLSv1.2',
    honorCipherOrder: true,
    // A client that negotiates again and again costs us its handshakes.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // Without client certificates the authorities are nobody's matter.
    ...(asks && ca !== undefined ? { ca } : {}),
  };
  parse('cert', files.cert, 'certificate that TLS takes', () => createSecureContext(context));
  return { context, own, ca: authorities };
}

/** What of the files can't be used; empty when a listener could begin. */
export function tlsFaults(files: TlsFiles): { readonly path: string; readonly message: string }[] {
  try {
    load(files);
    return [];
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    return [{ path: error.file, message: error.message }];
  }
}

const subjectOf = (certificate: X509Certificate): string =>
  (certificate.subject ?? '').replaceAll('\n', ', ');

/** The files of one setting. */
export class CertificateFiles implements Certificates {
  readonly clients: ClientRule;
  readonly #files: TlsFiles;
  readonly #setting: string;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #listeners = new Set<(context: SecureContextOptions) => void>();
  #loaded: Loaded;
  #fault: string | null = null;
  /** How the files stood when they were last tried, and when they were last looked at. */
  #tried: string;
  #seen: string;
  #toldOn = Number.NEGATIVE_INFINITY;

  /**
   * `setting` is where the files are named, such as `mqtt.tls`; `now` the time of day.
   * @throws bad-certificate
   */
  constructor(files: TlsFiles, setting: string, { log, now }: { log: Log; now: () => number }) {
    this.clients = files.clients;
    this.#files = files;
    this.#setting = setting;
    this.#log = log;
    this.#now = now;
    this.#seen = this.#stamp();
    this.#tried = this.#seen;
    this.#loaded = load(files);
    this.#tellEnds();
  }

  get context(): SecureContextOptions {
    return this.#loaded.context;
  }

  onChange(changed: (context: SecureContextOptions) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** What there is and until when. */
  states(): CertificateState[] {
    const state = (name: string, one: X509Certificate): CertificateState => ({
      setting: `${this.#setting}.${name}`,
      subject: subjectOf(one),
      validTo: one.validToDate.getTime(),
      fault: name === 'cert' ? this.#fault : null,
    });
    const { own, ca } = this.#loaded;
    return [state('cert', own), ...ca.map((one) => state('ca', one))];
  }

  /** To be called every few seconds: takes files that have changed, once they have stood still since the last call. */
  check(): void {
    const stamp = this.#stamp();
    const still = stamp === this.#seen;
    this.#seen = stamp;
    if (still && stamp !== this.#tried) this.reload();
    this.#tellEnds();
  }

  /** Reads the files now. Says whether they are used. */
  reload(): boolean {
    this.#tried = this.#stamp();
    this.#seen = this.#tried;
    try {
      const next = load(this.#files);
      const now = this.#now();
      const [ends, begins] = [next.own.validToDate.getTime(), next.own.validFromDate.getTime()];
      if ((ends <= now || begins > now) && this.#loaded.own.validToDate.getTime() > now)
        throw new FileFault(
          'cert',
          `${this.#files.cert} is valid from ${next.own.validFrom} to ${next.own.validTo}, which is not now`,
        );
      this.#loaded = next;
      this.#fault = null;
      for (const listener of this.#listeners) listener(next.context);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#fault = error.message;
      this.#log('error', 'new certificate refused; the one at hand goes on', {
        setting: this.#setting,
        reason: error.message,
      });
      return false;
    }
    const { own } = this.#loaded;
    this.#log('info', 'certificate read', {
      setting: this.#setting,
      subject: subjectOf(own),
      validTo: own.validTo,
    });
    return true;
  }

  /** Once a day from a month before the end on. */
  #tellEnds(): void {
    const now = this.#now();
    if (now - this.#toldOn < DAY) return;
    this.#toldOn = now;
    for (const { setting, subject, validTo } of this.states()) {
      const days = daysLeft(validTo, now);
      if (days <= TELL_DAYS)
        this.#log('warn', days < 0 ? 'a certificate has ended' : 'a certificate ends soon', {
          setting,
          subject,
          daysLeft: days,
        });
    }
  }

  /** What tells one state of the files from another. */
  #stamp(): string {
    const { cert, key, ca } = this.#files;
    return [cert, key, ...(ca === undefined ? [] : [ca])]
      .map((path) => {
        const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
        return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
      })
      .join(', ');
  }
}

/** Whole days until then; below zero when it is over. */
export const daysLeft = (validTo: number, now: number): number => Math.floor((validTo - now) / DAY);

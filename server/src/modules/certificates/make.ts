/** `npm run serve -- certificates`: a county's own authority, and certificates of its server, gateways and devices. */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Made, makeAuthority, makeCertificate } from '@village/broker/certificates';
import { daysLeft, TELL_DAYS } from '@village/broker/transport';
import { certificateKeyOf, DAY, ID_PATTERN, OperationalError } from '@village/core';
import type { Command } from '@village/platform';
import type { Tools } from '../needs.ts';

const AUTHORITY_DAYS = 3_650;
/** The longest that Apple's systems take from an authority of one's own. */
const SERVER_DAYS = 825;
const CLIENT_DAYS = 1_825;
/** Clocks of boxes in the field are behind: what is made now has been valid for a while. */
const BEFORE = 30 * DAY;

const HOST =
  /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

const refuse = (message: string): never => {
  throw new OperationalError('bad-arguments', message);
};

/** What stands where a secret may, for the holder of the key of this certificate. */
export function keyOf(cert: string): string {
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return certificateKeyOf(createHash('sha256').update(spki).digest('hex'));
}

/** The files of one folder. Nothing there is ever written over. */
export class CertificateFolder {
  readonly #folder: string;
  readonly #now: number;

  constructor(folder: string, now: number) {
    this.#folder = folder;
    this.#now = now;
  }

  path(name: string, kind: 'pem' | 'key'): string {
    return join(this.#folder, `${name}.${kind}`);
  }

  /** Makes a certificate and, unless there is one already, its key. @throws certificate-exists */
  async #make(name: string, make: (key: string | undefined) => Promise<Made>): Promise<Made> {
    const [pem, keyFile] = [this.path(name, 'pem'), this.path(name, 'key')];
    if (existsSync(pem))
      throw new OperationalError(
        'certificate-exists',
        `证书已存在，续期请先移走它（保留 .key）：${pem} · there is a certificate already: to renew it move it away and keep its .key`,
      );
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const kept = existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : undefined;
    const made = await make(kept);
    // `wx` fails where somebody else was first.
    if (kept === undefined) writeFileSync(keyFile, made.key, { mode: 0o600, flag: 'wx' });
    writeFileSync(pem, made.cert, { mode: 0o644, flag: 'wx' });
    return made;
  }

  #span(days: number): { from: number; to: number } {
    return { from: this.#now - BEFORE, to: this.#now + days * DAY };
  }

  /** The authority, made when there is none. */
  async authority(county: string): Promise<Made> {
    const pem = this.path('ca', 'pem');
    if (!existsSync(pem))
      return this.#make('ca', (key) => makeAuthority(county, this.#span(AUTHORITY_DAYS), key));
    const key = this.path('ca', 'key');
    if (!existsSync(key))
      throw new OperationalError(
        'no-authority-key',
        `缺少签发密钥 · the key that signs is not here: ${key}`,
      );
    return { cert: readFileSync(pem, 'utf8'), key: readFileSync(key, 'utf8') };
  }

  async server(authority: Made, names: readonly string[]): Promise<Made> {
    return this.#make('server', (key) =>
      makeCertificate(authority, { kind: 'server', names }, this.#span(SERVER_DAYS), key),
    );
  }

  async client(authority: Made, id: string): Promise<Made> {
    return this.#make(id, (key) =>
      makeCertificate(authority, { kind: 'client', id }, this.#span(CLIENT_DAYS), key),
    );
  }

  /** Names of the certificates that are there. */
  names(): string[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith('.pem'))
      .map((name) => name.slice(0, -'.pem'.length))
      .sort();
  }
}

const RESERVED = new Set(['ca', 'server']);
const USAGE =
  'certificates server HOST… | certificates client ID… | certificates (lists those that are there)';

async function make(
  files: CertificateFolder,
  [kind, ...names]: readonly string[],
  { config, say }: Tools,
): Promise<void> {
  if ((kind !== 'server' && kind !== 'client') || names.length === 0) return refuse(USAGE);
  for (const name of names)
    if (kind === 'server' ? !HOST.test(name) && isIP(name) === 0 : !ID_PATTERN.test(name))
      refuse(
        kind === 'server'
          ? `不是主机名或地址 · is no host name or address: ${name}`
          : `不是编号 · is no id: ${name}`,
      );
  if (kind === 'client' && names.some((name) => RESERVED.has(name.toLowerCase())))
    refuse('ca and server are names of other files here');
  const hadAuthority = files.names().includes('ca');
  const authority = await files.authority(`${config.county.zh} 数字乡村 CA`);
  if (!hadAuthority)
    say(
      `签发机构 · authority: ${files.path('ca', 'pem')}（密钥请移到安全处保存 · keep its key in a safe place: ${files.path('ca', 'key')}）`,
    );
  if (kind === 'server') {
    await files.server(authority, names);
    say(`服务器证书 · server: ${files.path('server', 'pem')} ${files.path('server', 'key')}`);
    return;
  }
  for (const id of names) {
    const { cert } = await files.client(authority, id);
    say(`${id}: ${files.path(id, 'pem')} ${files.path(id, 'key')}`);
    say(`  登记为密钥 · register as its secret: ${keyOf(cert)}`);
  }
}

/** Lists certificates; false when one ends within a month. */
function list(files: CertificateFolder, { say, timer }: Tools): boolean {
  let well = true;
  const names = files.names();
  if (names.length === 0)
    say('还没有证书 · there are none yet: npm run serve -- certificates server HOST…');
  for (const name of names) {
    const pem = readFileSync(files.path(name, 'pem'), 'utf8');
    const days = daysLeft(new X509Certificate(pem).validToDate.getTime(), timer.now());
    if (days <= TELL_DAYS) well = false;
    const rest = days < 0 ? '已过期 · has ended' : `剩 ${days} 天 · ${days} days left`;
    say(`${name}: ${rest}${RESERVED.has(name) ? '' : `  ${keyOf(pem)}`}`);
  }
  return well;
}

/** Makes certificates in the data folder, whether or not a server runs. */
export const certificates: Command<Tools> = {
  name: 'certificates',
  operands: '[server HOST… | client ID…]',
  help: 'makes them in VILLAGE_DATA/certificates, or lists what is there',
  run: async (tools, operands) => {
    const files = new CertificateFolder(join(tools.config.data, 'certificates'), tools.timer.now());
    if (operands.length === 0) return list(files, tools);
    await make(files, operands, tools);
    return true;
  },
};

import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DAY, systemTimer } from '@village/core';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/config.ts';
import type { Tools } from '../needs.ts';
import { certificates } from './make.ts';

const main = fileURLToPath(new URL('../../main.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'village-certificates-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string): string => join(root, 'data', 'certificates', name);
const run = (...operands: string[]) =>
  spawnSync(process.execPath, [main, 'serve', 'certificates', ...operands], {
    encoding: 'utf8',
    env: { ...process.env, VILLAGE_DATA: join(root, 'data') },
    cwd: root,
    timeout: 60_000,
  });
const certificate = (name: string): X509Certificate =>
  new X509Certificate(readFileSync(at(`${name}.pem`)));

describe('the command that makes certificates', () => {
  it('makes an authority once, a server and clients, with keys for their owner alone', () => {
    expect(run()).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/还没有证书.*none yet/),
    });
    const server = run('server', 'county.example', '10.0.0.5', '::1');
    expect([server.status, server.stderr]).toEqual([0, '']);
    const clients = run('client', 'gw-01', 'ws-001');
    expect([clients.status, clients.stderr]).toEqual([0, '']);
    for (const name of ['ca', 'server', 'gw-01', 'ws-001'])
      expect(statSync(at(`${name}.key`)).mode & 0o777, name).toBe(0o600);
    expect(statSync(at('')).mode & 0o777).toBe(0o700);
    const made = certificate('server');
    expect(made.checkHost('county.example')).toBe('county.example');
    expect(made.checkIP('10.0.0.5')).toBe('10.0.0.5');
    expect(made.checkHost('other.example')).toBeUndefined();
    expect(certificate('ca').ca).toBe(true);
    for (const name of ['server', 'gw-01']) {
      expect(certificate(name).ca).toBe(false);
      expect(certificate(name).verify(certificate('ca').publicKey)).toBe(true);
    }
    expect(clients.stdout.match(/key-sha256:[0-9a-f]{64}/g)).toHaveLength(2);
    // What OpenSSL thinks of them.
    const verify = (purpose: string, name: string): string =>
      execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', at('ca.pem'), at(`${name}.pem`)],
        {
          encoding: 'utf8',
        },
      );
    if (existsSync('/usr/bin/openssl')) {
      expect(verify('sslserver', 'server')).toContain(': OK');
      expect(verify('sslclient', 'ws-001')).toContain(': OK');
      expect(() => verify('sslserver', 'ws-001')).toThrow();
    }
  }, 60_000);

  it('writes nothing over; a renewed certificate keeps its key', () => {
    const before = readFileSync(at('gw-01.pem'), 'utf8');
    const again = run('client', 'gw-01');
    expect(again.status).toBe(1);
    expect(again.stderr).toContain(at('gw-01.pem'));
    expect(readFileSync(at('gw-01.pem'), 'utf8')).toBe(before);
    rmSync(at('gw-01.pem'));
    expect(run('client', 'gw-01').status).toBe(0);
    expect(readFileSync(at('gw-01.pem'), 'utf8')).not.toBe(before);
    expect(certificate('gw-01').publicKey.equals(new X509Certificate(before).publicKey)).toBe(true);
  }, 60_000);

  it('refuses names that are none, and lists what is there', async () => {
    const said: string[] = [];
    const tools: Tools = {
      config: loadConfig({ VILLAGE_DATA: join(root, 'data') }, root),
      timer: systemTimer,
      say: (line) => said.push(line),
      withRelational: () => Promise.reject(new Error('not needed')),
      withReadings: () => Promise.reject(new Error('not needed')),
      withStores: () => Promise.reject(new Error('not needed')),
    };
    for (const operands of [
      ['server'],
      ['client'],
      ['authority', 'x'],
      ['client', '../../etc/x'],
      ['client', 'ca'],
      ['client', 'Server'],
      ['client', 'good', 'b/d'],
      ['server', 'a b'],
      ['server', '-x'],
      ['server', ''],
    ])
      await expect(certificates.run(tools, operands), operands.join(' ')).rejects.toMatchObject({
        code: 'bad-arguments',
      });
    expect(existsSync(at('good.pem'))).toBe(false);
    expect(await certificates.run(tools, [])).toBe(true);
    const list = said.join('\n');
    expect(list).toMatch(/^ca: .*3649 days left$/m);
    expect(list).toMatch(/^server: .*824 days left$/m);
    expect(list).toMatch(/^gw-01: .*1824 days left {2}key-sha256:[0-9a-f]{64}$/m);
    // One that ends soon is worth an exit code.
    const late = { ...tools, timer: { ...systemTimer, now: () => Date.now() + 800 * DAY } };
    expect(await certificates.run(late, [])).toBe(false);
    writeFileSync(at('ca.key'), 'no key');
    await expect(certificates.run(tools, ['client', 'new'])).rejects.toThrow();
    expect(existsSync(at('new.pem'))).toBe(false);
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type Made, makeAuthority, makeCertificate } from '@village/broker/certificates';
import { DAY } from '@village/core';
import { afterAll, expect, it } from 'vitest';
import { until } from './testing.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'village-hangup-'));
const LONG = { from: Date.now() - DAY, to: Date.now() + 365 * DAY };
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

function serve(name: string, yaml: string): { child: ChildProcess; output: () => string } {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'village.yaml'), yaml);
  const child = spawn(process.execPath, [main, 'serve'], {
    cwd: folder,
    env: { ...process.env, VILLAGE_HTTP_PORT: '0', VILLAGE_MQTT_PORT: '0', VILLAGE_CONFIG: '' },
  });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece: Buffer) => {
      text += String(piece);
    });
  return { child, output: () => text };
}

const TLS =
  'mqtt: { host: 127.0.0.1, tls: { cert: ../cert.pem, key: ../cert.key } }\nhttp: { host: 127.0.0.1 }';

it('SIGHUP reads certificates anew, and ends a server without any', async () => {
  const ca = await makeAuthority('county', LONG);
  const write = async (name: string): Promise<Made> => {
    const made = await makeCertificate(ca, { kind: 'server', names: [name] }, LONG);
    writeFileSync(join(root, 'cert.pem'), made.cert);
    writeFileSync(join(root, 'cert.key'), made.key);
    return made;
  };
  await write('first');
  const { child, output } = serve('tls', TLS);
  await until('the start', () => output().includes('MQTT'));
  const port = Number(/127\.0\.0\.1:(\d+) TLS/.exec(output())?.[1]);
  const subject = async (): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  };
  expect(await subject()).toBe('first');
  await write('second');
  child.kill('SIGHUP');
  await until('the new one', async () => (await subject()) === 'second');
  writeFileSync(join(root, 'cert.key'), 'broken');
  child.kill('SIGHUP');
  await until('the refusal', () => output().includes('new certificate refused'));
  expect(await subject()).toBe('second');
  child.kill('SIGTERM');
  expect(await once(child, 'close')).toEqual([0, null]);
  const plain = serve('plain', 'mqtt: { host: 127.0.0.1 }\nhttp: { host: 127.0.0.1 }');
  await until('the start', () => plain.output().includes('MQTT'));
  plain.child.kill('SIGHUP');
  expect(await once(plain.child, 'close')).toEqual([0, null]);
}, 120_000);

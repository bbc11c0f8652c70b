import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Spool } from './spool.ts';

let folder: string;
let spool: Spool;
const at = (...parts: string[]): string => join(folder, ...parts);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'village-spool-'));
  for (const name of ['outbox', 'sent', 'error', 'inbox']) mkdirSync(at(name));
  spool = new Spool({
    outbox: at('outbox'),
    sent: at('sent'),
    error: at('error'),
    inbox: at('inbox'),
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

it('a file that the daemon is still writing is left until it no longer grows', async () => {
  const name = 'IN20260301_140600_00_10086_00.txt';
  writeFileSync(at('inbox', name), 'half');
  expect(await spool.inbox()).toEqual([]);
  writeFileSync(at('inbox', name), 'half and the rest');
  expect(await spool.inbox()).toEqual([]);
  expect(await spool.inbox()).toEqual([{ name, content: 'half and the rest' }]);
});

it('at most a hundred files are read at once, the oldest first', async () => {
  for (let i = 0; i < 130; i++)
    writeFileSync(at('inbox', `IN20260301_14${String(i).padStart(4, '0')}_00_1_00.txt`), 'x');
  await spool.inbox();
  const names = (await spool.inbox()).map((one) => one.name);
  expect(names).toHaveLength(100);
  expect(names[0]).toContain('_140000_');
});

it('what is put into the outbox is there whole or not at all, and is taken back once', async () => {
  const name = `OUTA20260301_140500_00_13800000001_${'a'.repeat(20)}.smsbackup`;
  await spool.put(name, 'text');
  expect(readdirSync(at('outbox'))).toEqual([name]);
  expect(await spool.whereIs(name)).toBe('outbox');
  expect([await spool.withdraw(name), await spool.withdraw(name)]).toEqual([true, false]);
  expect(await spool.whereIs(name)).toBe('gone');
});

it('of files that wait those of the daemon count, in its order', async () => {
  for (const name of [
    'OUTB2_1_0.txt',
    'OUTA1_1_0.smsbackup',
    '.OUTA0_1_0.txt',
    'note.txt',
    'OUTC.bin',
  ])
    writeFileSync(at('outbox', name), '');
  expect(await spool.waiting()).toEqual(['OUTA1_1_0.smsbackup', 'OUTB2_1_0.txt']);
});

it('what was sent to a number is found, the newest first, whatever its severity', async () => {
  const file = (letter: string, time: string, number: string): string =>
    `OUT${letter}20260301_${time}_00_${number}_${'b'.repeat(20)}.smsbackup`;
  const all = [file('C', '140700', '1'), file('A', '140600', '1'), file('A', '140900', '2')];
  for (const name of all) writeFileSync(at('sent', name), '');
  expect((await spool.sentTo('1')).map((one) => one.name)).toEqual([all[0], all[1]]);
});

/** SMS through the real gammu-smsd of Debian with its dummy modem: what goes out, what comes in, and what the daemon does not do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimer } from '@village/core';
import type { Channel, Told } from '@village/rules/channels';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forever, HandTimer, makeChannel, message, noticeParts, START } from '../lib/providers.ts';

const DAEMON = '/usr/bin/gammu-smsd';

let folder: string;
let daemon: ChildProcess | undefined;
const at = (...parts: string[]): string => join(folder, ...parts);

const options = (given: Record<string, unknown> = {}) => ({
  outbox: at('outbox'),
  sent: at('sent'),
  error: at('error'),
  inbox: at('inbox'),
  sign: '长兴数字乡村',
  timeoutMs: 15_000,
  pollMs: 50,
  ...given,
});
const channel = (given: Record<string, unknown> = {}, timer = systemTimer): Channel =>
  makeChannel('sms-modem', options(given), timer);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'village-modem-'));
  for (const name of ['outbox', 'sent', 'error', 'inbox']) mkdirSync(at(name));
  for (const box of [1, 2, 3, 4, 5])
    mkdirSync(at('modem', 'sms', String(box)), { recursive: true });
  for (const name of [
    'pbk/ME',
    'pbk/SM',
    'pbk/MC',
    'pbk/RC',
    'pbk/DC',
    'note',
    'todo',
    'calendar',
    'fs/incoming',
  ])
    mkdirSync(at('modem', name), { recursive: true });
  writeFileSync(
    at('smsdrc'),
    `[gammu]
model = dummy
connection = none
port = ${at('modem')}

[smsd]
service = files
logfile = ${at('log')}
debuglevel = 1
outboxpath = ${at('outbox')}/
sentsmspath = ${at('sent')}/
errorsmspath = ${at('error')}/
inboxpath = ${at('inbox')}/
inboxformat = detail
deliveryreport = sms
checksecurity = 0
commtimeout = 1
receivefrequency = 1
loopsleep = 1
`,
  );
});
afterEach(async () => {
  if (daemon?.exitCode === null) {
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
  }
  daemon = undefined;
  rmSync(folder, { recursive: true });
});

const startDaemon = (): void => {
  daemon = spawn(DAEMON, ['-c', at('smsdrc')], { stdio: 'ignore' });
};
const log = (): string => (existsSync(at('log')) ? readFileSync(at('log'), 'utf8') : '');
const names = (of: string): string[] => readdirSync(at(of)).filter((name) => !name.startsWith('.'));

/** A message that the modem has received, as the dummy keeps it. */
function received(slot: number, from: string, text: string, pdu = 'Deliver', udh = ''): void {
  const hex = (value: string) =>
    [...value]
      .map((sign) => sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0'))
      .join('');
  writeFileSync(
    at('modem', 'sms', '1', String(slot)),
    `[SMSBackup000]
PDU = ${pdu}
DateTime = 20260301T140600
State = UnRead
Number = "${from}"
NumberUnicode = ${hex(from)}
${udh}
Text00 = ${hex(text)}
Coding = Unicode_No_Compression
Folder = 1
Length = ${text.length}
Class = -1
`,
  );
}

/** Listens until that much was told. */
async function listen(one: Channel, enough: (told: Told[]) => boolean): Promise<Told[]> {
  const stop = new AbortController();
  const told: Told[] = [];
  const listening = one.listen?.(
    async (more) => {
      told.push(more);
      if (enough(told)) stop.abort();
    },
    AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]),
  );
  await listening;
  return told;
}

// The package `gammu-smsd`; .ci/run installs it.
describe.skipIf(!existsSync(DAEMON))('with gammu-smsd', () => {
  it('sends in Chinese, and says so when the modem has sent it', async () => {
    startDaemon();
    const outcome = await channel().send(message({ key: 'k1' }), forever);
    expect(outcome).toEqual({ kind: 'sent', id: expect.stringMatching(/^[0-9a-f]{20}$/) });
    expect(names('outbox')).toEqual([]);
    expect(names('sent')).toHaveLength(1);
    // "cod 1" is UCS-2; in 7 bits it would be question marks.
    expect(log()).toMatch(
      /Found 1 sms to "13800000001" with text "【长兴数字乡村】和平镇便民桥村2号污水站氨氮过高10.4毫克每升.*回复1 A7K2确认" cod 1 lgt \d+/,
    );
    expect(log()).toMatch(
      /Transmitted OUTB\d{8}_\d{6}_00_13800000001_[0-9a-f]{20}\.smsbackup \(total: 1\)/,
    );
  });

  it('sends a longer text in parts', async () => {
    startDaemon();
    const parts = noticeParts();
    const outcome = await channel({ sign: undefined }).send(
      message({ parts, language: 'en' }),
      forever,
    );
    expect(outcome.kind).toBe('sent');
    expect(log()).toMatch(/Found 2 sms to "13800000001" with text "Bianminqiao, Heping/);
  });

  it('takes what people answer and what the network says, once each, and empties the inbox', async () => {
    const one = channel();
    startDaemon();
    const outcome = await one.send(message({ key: 'k2' }), forever);
    received(1, '+8613800000001', '1 A7K2');
    received(2, '+8613800000001', 'Delivered', 'Status_Report');
    received(3, '+8613800000009', '长'.repeat(40), 'Deliver', 'UDH = 050003D90201');
    received(4, '+8613800000009', '短句', 'Deliver', 'UDH = 050003D90202');
    const told = await listen(
      one,
      (all) =>
        all.flatMap(({ replies }) => replies).length >= 2 &&
        all.flatMap(({ receipts }) => receipts).length >= 1,
    );
    const replies = told.flatMap((all) => all.replies).sort((a, b) => (a.from < b.from ? -1 : 1));
    expect(replies.map(({ from, text }) => [from, text])).toEqual([
      ['13800000001', '1 A7K2'],
      ['13800000009', `${'长'.repeat(40)}短句`],
    ]);
    expect(replies[0]?.at).toBe(Date.UTC(2026, 2, 1, 6, 6));
    expect(told.flatMap((all) => all.receipts)).toEqual([
      {
        id: outcome.kind === 'sent' ? outcome.id : '',
        ours: outcome.kind === 'sent' ? outcome.id : '',
        state: 'delivered',
        at: Date.UTC(2026, 2, 1, 6, 6),
        code: 'Delivered',
      },
    ]);
    await expect.poll(() => names('inbox')).toEqual([]);
  });
});

/** What the daemon does to a file, done by the test where the dummy modem can't. */
async function daemonMoves(to: 'sent' | 'error'): Promise<void> {
  await expect.poll(() => names('outbox').length).toBe(1);
  const [name = ''] = names('outbox');
  renameSync(at('outbox', name), at(to, name));
}

describe('without an answer of the modem', () => {
  it('what it could not send may be tried again', async () => {
    const sending = channel().send(message(), forever);
    await daemonMoves('error');
    expect(await sending).toMatchObject({ kind: 'retry', code: 'modem-error' });
  });

  it('of what has parts nobody knows how many went out', async () => {
    const one = channel({ sign: undefined });
    const sending = one.send(message({ language: 'en' }), forever);
    await daemonMoves('error');
    expect(await sending).toMatchObject({ kind: 'unknown' });
  });

  it('a message that nobody takes is taken back, and unknown: it may be under way', async () => {
    const one = channel({ timeoutMs: 1000 });
    expect(await one.send(message(), forever)).toMatchObject({ kind: 'unknown' });
    expect(names('outbox')).toEqual([]);
    expect(one.health().lastFault).toMatchObject({ code: 'unknown' });
  });

  it('one that stood behind another which is still there was not begun', async () => {
    writeFileSync(at('outbox', 'OUTA20260301_000000_00_10086_other.txt'), 'x');
    const one = channel({ timeoutMs: 1000 });
    expect(await one.send(message(), forever)).toMatchObject({ kind: 'retry', code: 'modem-busy' });
    // A newer one that is ahead by its severity says nothing: ours may have been begun before it came.
    rmSync(at('outbox', 'OUTA20260301_000000_00_10086_other.txt'));
    const sending = one.send(message(), forever);
    await expect.poll(() => names('outbox').length).toBe(1);
    writeFileSync(at('outbox', 'OUTA20260301_000000_00_10086_new.txt'), 'x');
    expect(await sending).toMatchObject({ kind: 'unknown' });
  });

  it('the sender that gives up takes it back', async () => {
    const given = new AbortController();
    const sending = channel().send(message(), given.signal);
    await expect.poll(() => names('outbox').length).toBe(1);
    given.abort();
    expect(await sending).toMatchObject({ kind: 'unknown' });
    expect(names('outbox')).toEqual([]);
    expect(await channel().send(message(), given.signal)).toMatchObject({ kind: 'retry' });
  });

  it('twenty that wait are enough', async () => {
    for (let i = 0; i < 20; i++) writeFileSync(at('outbox', `OUTA_1380000${i}_0.txt`), 'x');
    const outcome = await channel({}, new HandTimer(START)).send(message(), forever);
    expect(outcome).toEqual({
      kind: 'limited',
      of: 'channel',
      code: 'outbox-full',
      until: START + 60_000,
    });
    expect(names('outbox')).toHaveLength(20);
  });

  it('a folder that is not there is a fault', async () => {
    const one = channel({ outbox: at('nowhere') });
    expect(await one.send(message(), forever)).toMatchObject({ kind: 'fault', code: 'ENOENT' });
    expect(await one.send(message({ to: 'zhang' }), forever)).toMatchObject({ kind: 'rejected' });
  });

  it('the urgent is ahead', async () => {
    const one = channel({ timeoutMs: 60_000 });
    const given = new AbortController();
    const both = [
      one.send(message({ parts: noticeParts({ severity: 'minor' }) }), given.signal),
      one.send(message({ parts: noticeParts({ severity: 'critical' }) }), given.signal),
    ];
    await expect.poll(() => names('outbox').length).toBe(2);
    expect(
      names('outbox')
        .sort()
        .map((name) => name.slice(0, 4)),
    ).toEqual(['OUTA', 'OUTC']);
    // gammu-smsd has 99 bytes for a name.
    for (const name of names('outbox')) expect(name.length).toBeLessThan(100);
    given.abort();
    await Promise.all(both);
  });
});

describe('the inbox', () => {
  it('lays aside what says nothing, and tells it once', async () => {
    const one = channel();
    writeFileSync(at('inbox', 'IN20260301_140600_00_10086_00.bin'), '\x01\x02');
    const stop = new AbortController();
    const listening = one.listen?.(() => Promise.reject(new Error('nothing to keep')), stop.signal);
    await expect.poll(() => names('inbox')).toEqual(['bad-IN20260301_140600_00_10086_00.bin']);
    stop.abort();
    await listening;
    expect(one.health().lastFault).toMatchObject({ code: 'bad-inbox-file' });
  });

  it('keeps an answer until it was kept', async () => {
    writeFileSync(
      at('inbox', 'IN20260301_140600_00_+8613800000001_00.txt'),
      '[SMSBackup000]\nPDU = Deliver\nDateTime = 20260301T140600Z\nNumberUnicode = 0031\nText00 = 0031\nCoding = Unicode_No_Compression\nLength = 1\n',
    );
    const one = channel();
    const failing = one.listen?.(() => Promise.reject(new Error('disk full')), forever);
    await expect(failing).rejects.toThrow('disk full');
    expect(names('inbox')).toHaveLength(1);
    const told = await listen(one, () => true);
    expect(told.flatMap(({ replies }) => replies)).toMatchObject([
      { id: 'IN20260301_140600_00_+8613800000001_00.txt', text: '1' },
    ]);
    await expect.poll(() => names('inbox')).toEqual([]);
  });

  it('deletes what was sent three days ago, and nothing else', async () => {
    const token = 'a'.repeat(20);
    const old = `OUTA20260225_000000_00_13800000001_${token}.smsbackup`;
    const fresh = `OUTA20260227_000000_00_13800000001_${token}.smsbackup`;
    for (const name of [old, fresh, 'OUTA20200101_000000_00_1_other.smsbackup'])
      writeFileSync(at('sent', name), '');
    const stop = new AbortController();
    const timer = new HandTimer(START);
    const listening = channel({}, timer).listen?.(async () => undefined, stop.signal);
    await expect.poll(() => names('sent')).not.toContain(old);
    stop.abort();
    await listening;
    expect(names('sent')).toEqual(['OUTA20200101_000000_00_1_other.smsbackup', fresh]);
  });
});

describe('options', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a relative path', { outbox: 'outbox' }, /outbox: must be an absolute path/],
    ['one folder for two', { inbox: '/x', outbox: '/x' }, /four folders/],
  ])('%s is refused', (_name, given, place) => expect(() => channel(given)).toThrow(place));
});

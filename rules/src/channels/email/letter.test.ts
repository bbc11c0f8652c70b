import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOON, notice, outgoing } from '../testing.ts';
import { email } from './index.ts';
import { isMailAddress, letterOf } from './letter.ts';

const SENDER = { address: 'alerts@county.example', name: '数字乡村' };
const TO = 'zhang@county.example';

/** Headers with their folded lines joined, and the body decoded. */
async function read(...given: Parameters<typeof outgoing>) {
  const letter = await letterOf(outgoing({ to: TO, ...given[0] }), SENDER, NOON);
  const raw = letter.bytes.toString('latin1');
  const at = raw.indexOf('\r\n\r\n');
  const head = raw.slice(0, at).replaceAll(/\r\n[ \t]+/g, ' ');
  const headers = head.split('\r\n').map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
  });
  const body = Buffer.from(raw.slice(at + 4), 'base64').toString('utf8');
  return {
    letter,
    raw,
    headers,
    header: (name: string) => headers.filter(([n]) => n === name),
    body,
  };
}

/** Encoded words of RFC 2047, in Base64 and in the other form. */
const decoded = (text: string): string =>
  text
    .replaceAll(/\?= =\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?B\?([^?]*)\?=/gi, (_all, data: string) =>
      Buffer.from(data, 'base64').toString('utf8'),
    )
    .replaceAll(/=\?UTF-8\?Q\?([^?]*)\?=/gi, (_all, data: string) =>
      Buffer.from(
        data
          .replaceAll('_', ' ')
          .replaceAll(/=([0-9A-F]{2})/gi, (_hex, byte: string) =>
            String.fromCharCode(Number.parseInt(byte, 16)),
          ),
        'latin1',
      ).toString('utf8'),
    );

it('a notice is a letter with a subject, a text and who it is from', async () => {
  const { letter, header, body, raw } = await read();
  expect(decoded(header('subject')[0]?.[1] ?? '')).toBe('【重要告警】氨氮过高');
  expect(decoded(header('from')[0]?.[1] ?? '')).toBe('数字乡村 <alerts@county.example>');
  expect(header('to')).toEqual([['to', TO]]);
  expect(header('date')).toEqual([['date', 'Sun, 01 Mar 2026 06:05:00 +0000']]);
  expect(header('auto-submitted')).toEqual([['auto-submitted', 'auto-generated']]);
  expect(letter.messageId).toBe('<a1_1_zhang_wecom-app_active@county.example>');
  expect(header('message-id')).toEqual([['message-id', letter.messageId]]);
  expect(body.split(/\r?\n/)).toEqual([
    '【重要告警】氨氮过高',
    '',
    '地点：和平镇便民桥村',
    '设备：2 号污水站',
    '数值：10.4 mg/L（限值 8，DB33/973）',
    '开始：2026-03-01 14:05',
    '说明：约 40 分钟后溢流',
    '先做：先看曝气风机',
    '编号：A7K2',
    '',
    '查看详情：https://village.example/a/1',
    '',
  ]);
  // SMTP has no other end of a line, and none is longer than 998 bytes (RFC 5322, 2.1.1).
  expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  expect(raw.split('\r\n').every((line) => line.length <= 998)).toBe(true);
});

it('a key with an at sign is a name of its own', async () => {
  const { letter } = await read({ key: 'a@b_1' });
  expect(letter.messageId).toBe('<a=40b_1@county.example>');
});

describe('nothing in a notice is a header', () => {
  const names = async (text: string): Promise<string[]> => {
    const what = { zh: text, en: text };
    const parts = notice({ what, place: what, device: what, notes: [what], advice: what });
    const { headers } = await read({ parts, url: `https://x.example/?${text}` });
    return headers.map(([name]) => name).sort();
  };

  it.each([
    'x\r\nBcc: evil@example.com',
    'x\nBcc: evil@example.com',
    'x\rBcc: evil@example.com',
    'x\u2028Bcc: evil@example.com',
    'x\u0085Bcc: evil@example.com',
    '\r\n\r\n<html>',
    '\r\n.\r\nMAIL FROM:<evil@example.com>',
    '=?UTF-8?B?DQpCY2M6IGV2aWxAZXhhbXBsZS5jb20=?=',
  ])('%j', async (text) => {
    expect(await names(text)).toEqual(await names('plain'));
  });

  it('whatever it is', async () => {
    const usual = await names('plain');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        expect(await names(text)).toEqual(usual);
      }),
      { numRuns: 60 },
    );
  });
});

it.each([
  ['zhang@county.example', true],
  ['zhang.san+alerts@mail.county.example', true],
  ["o'neil@county.example", true],
  ['zhang@xn--fiqs8s.example', true],
  ['', false],
  ['zhang', false],
  ['@county.example', false],
  ['zhang@', false],
  ['zhang@localhost', false],
  ['zhang@county.example\r\nBcc: evil@example.com', false],
  ['zhang@county.example,evil@example.com', false],
  ['zhang@county.example>\r\nRCPT TO:<evil@example.com', false],
  ['"zhang"@county.example', false],
  ['Zhang <zhang@county.example>', false],
  ['zhang@[127.0.0.1]', false],
  ['zhang..san@county.example', false],
  ['张三@county.example', false],
  ['zhang@county.example ', false],
  [`${'x'.repeat(65)}@county.example`, false],
])('%j is an address: %s', (text, is) => {
  expect(isMailAddress(text)).toBe(is);
});

const BASE = { host: 'mail.county.example', from: 'alerts@county.example' };
it.each([
  [{}, 'host'],
  [{ ...BASE, from: 'alerts' }, 'from'],
  [{ ...BASE, fromName: 'x\r\nBcc: e@x.example' }, 'fromName'],
  [{ ...BASE, user: 'u' }, 'password'],
  [{ ...BASE, password: 'S3CRET' }, 'password'],
  [{ ...BASE, user: 'u', password: 'S3CRET', tls: 'none' }, 'password'],
  [{ ...BASE, ca: 'x' }, 'ca'],
  [{ ...BASE, port: 0 }, 'port'],
])('refuses options and names the place: %j', (given, place) => {
  expect(() => email.options(given)).toThrow(place);
  expect(() => email.options(given)).not.toThrow('S3CRET');
});

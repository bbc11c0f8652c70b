import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Channel } from './contract.ts';
import { vendorTime } from './hook.ts';
import { channelKind } from './kinds.ts';
import { NOON, testTimer } from './testing.ts';

const HOOK = 'hook-0123456789abcdef';
const template = { id: 'T', text: `\${what}` };
const aliyun = { accessKeyId: 'k', accessKeySecret: 's', templates: [template], hookSecret: HOOK };
const given: Record<string, unknown> = {
  'aliyun-sms': { ...aliyun, signName: '长兴' },
  'aliyun-voice': aliyun,
  'tencent-sms': {
    secretId: 'k',
    secretKey: 's',
    sdkAppId: '1400000001',
    signName: '长兴',
    templates: [template],
    hookSecret: HOOK,
  },
};

function made(kind: string): Channel {
  const known = channelKind(kind);
  if (known === undefined) throw new Error(`no ${kind}`);
  return known.make('x', known.options(given[kind]), {
    timer: testTimer(NOON),
    random: randomBytes,
  });
}
const post = (channel: Channel, path: string, body: Uint8Array) =>
  channel.hear?.({ method: 'POST', path, query: {}, headers: {}, body });

/** Objects with the names that vendors use, and anything as their values. */
const names = [
  'phone_number',
  'biz_id',
  'out_id',
  'success',
  'report_time',
  'content',
  'send_time',
  'call_id',
  'status_code',
  'end_time',
  'sid',
  'ext',
  'report_status',
  'mobile',
  'text',
  'time',
  'errmsg',
  'sequence_id',
];
const item = fc.dictionary(fc.constantFrom(...names), fc.jsonValue());
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .oneof(item, fc.array(item, { maxLength: 5 }), fc.jsonValue())
    .map((value) => Buffer.from(JSON.stringify(value))),
);

describe.each(Object.keys(given))('what is posted to %s', (kind) => {
  const channel = made(kind);

  it('is heard or refused whatever it is, and never more than it says', () => {
    fc.assert(
      fc.property(body, (bytes) => {
        const heard = post(channel, `/${HOOK}`, bytes);
        expect(heard).toBeDefined();
        for (const { id, at, code } of heard?.receipts ?? [])
          expect([typeof id, typeof code, Number.isFinite(at), id !== '']).toEqual([
            'string',
            'string',
            true,
            true,
          ]);
        for (const { id, from, at, text } of heard?.replies ?? [])
          expect([typeof id, typeof from, typeof text, Number.isFinite(at)]).toEqual([
            'string',
            'string',
            'string',
            true,
          ]);
        if (heard?.answer.status !== 200)
          expect([heard?.receipts, heard?.replies]).toEqual([[], []]);
      }),
      { numRuns: 500 },
    );
  });

  it('is not ours at any other address', () => {
    for (const path of [
      '',
      '/',
      '//',
      `/${HOOK}x`,
      `/x/${HOOK}`,
      `/${HOOK.slice(1)}`,
      `/${HOOK.toUpperCase()}`,
    ])
      expect(() => post(channel, path, Buffer.from('[]')), path).toThrow('secret');
  });

  it('is not heard without a secret', () => {
    const known = channelKind(kind);
    const { hookSecret: _, ...rest } = given[kind] as Record<string, unknown>;
    const open = known?.make('x', known.options(rest), {
      timer: testTimer(NOON),
      random: randomBytes,
    });
    for (const path of ['/', '/undefined', '//'])
      expect(() => open && post(open, path, Buffer.from('[]')), path).toThrow('secret');
  });
});

it('times are those of Beijing’s clock', () => {
  expect(vendorTime('2026-03-01 14:05:00', 7)).toBe(NOON);
  for (const bad of ['', '2026-13-01 00:00:00', 'soon', null, 5])
    expect(vendorTime(bad, 7)).toBe(7);
});

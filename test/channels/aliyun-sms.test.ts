/** Aliyun's SMS channel against its fake over real sockets: every outcome class, the vendor's windows, receipts and replies. */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Channel, Outcome } from '@village/rules/channels';
import {
  type AliyunSmsAccount,
  aliyunSms,
  aliyunSmsAccount,
  type RunningProviders,
} from '@village/simulators/providers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Ear,
  forever,
  HandTimer,
  makeChannel,
  message,
  noticeParts,
  START,
  startEar,
  startFakes,
} from '../lib/providers.ts';

const SIGN = '长兴数字乡村';
const TEXT = `\${place}\${device}\${what}，现值\${value}，\${since}起。\${advice}，编号\${code}。`;
const LENGTHS = { place: 20, device: 20, what: 20, value: 20, since: 20, advice: 20, code: 20 };
const HOOK = 'hook-0123456789abcdef';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let timer: HandTimer;
let fakes: RunningProviders;
let account: AliyunSmsAccount;
let ear: Ear;

const options = (given: Record<string, unknown> = {}) => ({
  baseUrl: `${fakes.url}/`,
  accessKeyId: 'test-key',
  accessKeySecret: 'test-secret',
  signName: SIGN,
  templates: [{ id: 'SMS_100', text: TEXT }],
  hookSecret: HOOK,
  timeoutMs: 400,
  ...given,
});
const channel = (given: Record<string, unknown> = {}): Channel => {
  ear.channel = makeChannel('aliyun-sms', options(given), timer);
  return ear.channel;
};
const shown = (to = '13800000001') => fakes.world.phone(to).messages;
const send = (of: Channel, given = {}): Promise<Outcome> => of.send(message(given), forever);

/** The request as it was made, its Host included. */
async function exchangeRaw(to: string, headers: Record<string, string>) {
  const request = httpRequest(to, { method: 'POST', headers, agent: false }).end();
  const [response] = await once(request, 'response');
  let body = '';
  for await (const part of response) body += part;
  return { status: response.statusCode as number, body };
}

beforeEach(async () => {
  timer = new HandTimer(START);
  ear = await startEar();
  account = aliyunSmsAccount({ accessKeyId: 'test-key', accessKeySecret: 'test-secret' });
  account.signatures.set(SIGN, 'approved');
  account.templates.set('SMS_100', {
    code: 'SMS_100',
    type: 'notice',
    text: TEXT,
    state: 'approved',
    variables: LENGTHS,
  });
  account.receiptUrl = `${ear.url}/${HOOK}`;
  account.replyUrl = `${ear.url}/${HOOK}`;
  fakes = await startFakes([aliyunSms(account)], timer);
  fakes.world.postman.manner.delayMs = 0;
});
afterEach(async () => {
  await fakes.close();
  await ear.close();
});

describe('what is sent', () => {
  it('is shown by the phone, in one message', async () => {
    const outcome = await send(channel());
    expect(outcome).toMatchObject({ kind: 'sent', id: expect.stringMatching(/\^/) });
    expect(shown().map(({ text, segments }) => ({ text, segments }))).toEqual([
      {
        text: `【${SIGN}】和平镇便民桥村2号污水站氨氮过高，现值10.4毫克每升，14:05起。先看曝气风机，编号A7K2。`,
        segments: 1,
      },
    ]);
  });

  it('is signed by the older algorithm where that is asked for', async () => {
    expect(await send(channel({ signature: 'rpc-1.0' }))).toMatchObject({ kind: 'sent' });
    expect(shown()).toHaveLength(1);
  });

  it('takes the template of its kind and language', async () => {
    const clear = { code: 'SMS_200', text: `已恢复：\${place}\${what}` };
    account.templates.set('SMS_200', {
      ...clear,
      type: 'notice',
      state: 'approved',
      variables: { place: 20, what: 20 },
    });
    const templates = [
      { id: 'SMS_200', text: clear.text, kinds: ['clear'] },
      { id: 'SMS_100', text: TEXT, kinds: ['active'] },
    ];
    const two = channel({ templates });
    await send(two, { parts: noticeParts({ kind: 'clear' }) });
    expect(shown().at(-1)?.text).toBe(`【${SIGN}】已恢复：和平镇便民桥村氨氮过高`);
    expect(await send(two, { parts: noticeParts({ kind: 'digest' }) })).toMatchObject({
      kind: 'rejected',
      code: 'no-template',
    });
  });
});

describe('outcomes', () => {
  it.each<[string, () => void, Partial<Outcome>]>([
    [
      'wrong secret',
      () => {
        account.accessKeySecret = 'changed';
      },
      { kind: 'fault', code: 'SignatureDoesNotMatch' },
    ],
    [
      'expired template',
      () => {
        for (const one of account.templates.values()) one.state = 'refused';
      },
      { kind: 'fault', code: 'isv.SMS_TEMPLATE_ILLEGAL' },
    ],
    [
      'unknown signature',
      () => account.signatures.clear(),
      { kind: 'fault', code: 'isv.SMS_SIGNATURE_ILLEGAL' },
    ],
    [
      'signature not registered with the carriers',
      () => account.signatures.set(SIGN, 'unregistered'),
      { kind: 'fault', code: 'isv.SIGN_STATE_ILLEGAL' },
    ],
    [
      'no money',
      () => {
        account.balance = 0;
      },
      { kind: 'fault', code: 'isv.AMOUNT_NOT_ENOUGH' },
    ],
    [
      'address not allowed',
      () => {
        account.deniedAddress = true;
      },
      { kind: 'fault', code: 'isv.DENY_IP_RANGE' },
    ],
    [
      'key without the right',
      () => {
        account.deniedRight = true;
      },
      { kind: 'fault', code: 'isp.RAM_PERMISSION_DENY' },
    ],
    [
      'the vendor’s trouble',
      () => {
        account.trouble = true;
      },
      { kind: 'retry', code: 'isp.SYSTEM_ERROR' },
    ],
    [
      'sensitive word',
      () => account.sensitiveWords.push('氨氮'),
      { kind: 'rejected', code: 'isv.BLACK_KEY_CONTROL_LIMIT' },
    ],
    [
      'too many calls',
      () => {
        account.throttled = true;
      },
      { kind: 'limited', of: 'channel', code: 'Throttling.User', until: START + 10_000 },
    ],
  ])('%s', async (_name, arrange, expected) => {
    const one = channel();
    arrange();
    expect(await send(one)).toMatchObject(expected);
    expect(shown()).toEqual([]);
  });

  it('a clock that is an hour off is a fault, and the health page tells it without the secret', async () => {
    const one = makeChannel('aliyun-sms', options(), new HandTimer(START - HOUR));
    expect(await send(one)).toMatchObject({ kind: 'fault', code: 'InvalidTimeStamp.Expired' });
    expect(one.health()).toMatchObject({
      lastSuccess: null,
      lastFault: { at: START - HOUR, code: 'InvalidTimeStamp.Expired' },
    });
    expect(JSON.stringify(one.health())).not.toContain('test-secret');
  });

  it.each(['1380000000', '+85251234567', 'zhang', ''])(
    '%s is no number to write to',
    async (to) => {
      expect(await send(channel(), { to })).toMatchObject({ kind: 'rejected', code: 'bad-number' });
    },
  );

  it('an overlong value is the vendor’s to refuse where it is stricter than its setting', async () => {
    account.templates.set('SMS_100', {
      code: 'SMS_100',
      type: 'notice',
      text: TEXT,
      state: 'approved',
      variables: { ...LENGTHS, place: 5 },
    });
    expect(await send(channel())).toMatchObject({
      kind: 'rejected',
      code: 'isv.PARAM_LENGTH_LIMIT',
    });
    const strict = channel({ templates: [{ id: 'SMS_100', text: TEXT, lengths: { place: 5 } }] });
    expect(await send(strict)).toMatchObject({ kind: 'sent' });
  });

  it('nobody listens: retry', async () => {
    const one = channel({ baseUrl: 'http://127.0.0.1:9/' });
    expect(await send(one)).toMatchObject({ kind: 'retry', code: 'ECONNREFUSED' });
  });

  it.each(['error-500', 'error-503'] as const)('%s: retry, and the next goes out', async (kind) => {
    const one = channel();
    fakes.world.faults.set('aliyun-sms', kind);
    expect(await send(one)).toMatchObject({ kind: 'retry' });
    expect(await send(one)).toMatchObject({ kind: 'sent' });
    expect(shown()).toHaveLength(1);
  });

  it.each(['accept-silent', 'accept-reset', 'slow-body', 'endless-body', 'not-json'] as const)(
    '%s: it was taken and is unknown, so that no second one is sent',
    async (kind) => {
      const one = channel();
      fakes.world.faults.set('aliyun-sms', kind);
      expect(await send(one)).toMatchObject({ kind: 'unknown' });
      expect(shown()).toHaveLength(1);
      expect(one.health().lastFault).toMatchObject({ code: 'unknown' });
    },
  );

  it('the sender that gives up gets an outcome, too', async () => {
    fakes.world.faults.set('aliyun-sms', 'accept-silent');
    const given = new AbortController();
    const waiting = channel({ timeoutMs: 30_000 }).send(message(), given.signal);
    await expect.poll(() => shown().length).toBe(1);
    given.abort();
    expect(await waiting).toMatchObject({ kind: 'unknown' });
  });
});

describe('limits of the vendor', () => {
  it('fifty notices in 24 hours from the first on, for one template and number', async () => {
    const one = channel();
    for (let i = 0; i < 50; i++) expect((await send(one)).kind).toBe('sent');
    expect(await send(one)).toEqual({
      kind: 'limited',
      of: 'person',
      code: 'isv.BUSINESS_LIMIT_CONTROL',
      until: START + HOUR,
    });
    expect(await send(one, { to: '13800000002' })).toMatchObject({ kind: 'sent' });
    timer.forward(24 * HOUR - 1);
    expect((await send(one)).kind).toBe('limited');
    timer.forward(1);
    expect((await send(one)).kind).toBe('sent');
    expect(one.health().lastFault).toBeNull();
  });

  it('a minute and an hour are those of the clock', async () => {
    account.templates.set('SMS_100', {
      code: 'SMS_100',
      type: 'code',
      text: TEXT,
      state: 'approved',
      variables: LENGTHS,
    });
    const one = channel();
    expect((await send(one)).kind).toBe('sent');
    // 14:05:09: the minute ends at 14:06:00.
    expect(await send(one)).toMatchObject({ kind: 'limited', until: Date.UTC(2026, 2, 1, 6, 6) });
    timer.forward(51_000);
    for (let i = 0; i < 4; i++) {
      expect((await send(one)).kind).toBe('sent');
      timer.forward(MINUTE);
    }
    expect(await send(one)).toMatchObject({ kind: 'limited', until: Date.UTC(2026, 2, 1, 7, 0) });
    timer.forward(Date.UTC(2026, 2, 1, 7, 0) - timer.now());
    expect((await send(one)).kind).toBe('sent');
  });
});

describe('what the account allows itself', () => {
  it.each([
    ['day', 'isv.DAY_LIMIT_CONTROL', Date.UTC(2026, 2, 1, 16)],
    ['month', 'isv.MONTH_LIMIT_CONTROL', Date.UTC(2026, 2, 31, 16)],
  ] as const)('in a %s of Beijing’s clock', async (span, code, until) => {
    account.caps[span] = 1;
    const one = channel();
    expect((await send(one)).kind).toBe('sent');
    expect(await send(one, { to: '13800000002' })).toEqual({
      kind: 'limited',
      of: 'channel',
      code,
      until,
    });
    timer.forward(until - START);
    expect((await send(one, { to: '13800000002' })).kind).toBe('sent');
  });
});

describe('signed times and numbers', () => {
  const at = (ms: number) => makeChannel('aliyun-sms', options(), new HandTimer(START + ms));

  it('may be off by fifteen minutes, and no second more', async () => {
    const quarter = 15 * MINUTE;
    for (const ms of [-quarter, quarter]) expect((await send(at(ms))).kind).toBe('sent');
    for (const ms of [-quarter - 1000, quarter + 1000])
      expect(await send(at(ms))).toMatchObject({ code: 'InvalidTimeStamp.Expired' });
  });

  it('are taken once: of a request that a box on the way sends twice nobody knows, and one message goes out', async () => {
    const twice = createServer((request, response) => {
      const again = async (): Promise<void> => {
        const to = `${fakes.url}${request.url}`;
        const headers = { ...request.headers } as Record<string, string>;
        delete headers['connection'];
        const once = () => exchangeRaw(to, headers);
        await once();
        const { status, body } = await once();
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      };
      request.resume();
      request.once('end', () => void again());
    });
    twice.listen(0, '127.0.0.1');
    await once(twice, 'listening');
    const { port } = twice.address() as AddressInfo;
    // Signed for the host that the request names, which is the box.
    const outcome = await send(channel({ baseUrl: `http://127.0.0.1:${port}/` }));
    expect(outcome).toMatchObject({ kind: 'unknown', text: 'SignatureNonceUsed' });
    expect(shown()).toHaveLength(1);
    twice.closeAllConnections();
    twice.close();
  });
});

describe('receipts', () => {
  const receipts = () => ear.heard.flatMap((heard) => heard.receipts);

  it('name the vendor’s id and our key', async () => {
    const outcome = await send(channel(), { key: 'k1' });
    await fakes.world.postman.idle();
    expect(receipts()).toEqual([
      {
        id: outcome.kind === 'sent' ? outcome.id : '',
        ours: 'k1',
        state: 'delivered',
        at: START,
        code: 'DELIVERED',
      },
    ]);
    expect(fakes.world.postman.counters).toMatchObject({ acknowledged: 1, givenUp: 0 });
  });

  it('of a message that nobody knew of tell what became of it', async () => {
    const one = channel();
    fakes.world.faults.set('aliyun-sms', 'accept-silent');
    expect((await send(one, { key: 'k2' })).kind).toBe('unknown');
    await fakes.world.postman.idle();
    expect(receipts()).toMatchObject([{ ours: 'k2', state: 'delivered' }]);
  });

  it('say that a number is none or refuses all', async () => {
    const one = channel();
    fakes.world.phone('13800000003').state = 'vacant';
    await send(one, { to: '13800000003' });
    await fakes.world.postman.idle();
    expect(receipts()).toMatchObject([{ state: 'failed', code: 'MOBILE_NOT_ON_SERVICE' }]);
    expect(shown('13800000003')).toEqual([]);
  });

  it('come twice and in the wrong order, each the same', async () => {
    const one = channel();
    Object.assign(fakes.world.postman.manner, { hold: true, copies: 2 });
    await send(one, { key: 'k3' });
    await send(one, { key: 'k4' });
    await fakes.world.postman.release('reversed');
    expect(receipts().map(({ ours }) => ours)).toEqual(['k4', 'k4', 'k3', 'k3']);
    const [first, second] = receipts();
    expect(first).toEqual(second);
  });

  it('are posted again by the vendor’s schedule until we have kept them: after 1, 5 and 10 minutes', async () => {
    ear.failing = 3;
    await send(channel(), { key: 'k5' });
    for (const minutes of [1, 5, 10]) {
      await expect.poll(() => timer.sleepers).toBe(1);
      expect(receipts()).toEqual([]);
      timer.forward(minutes * MINUTE);
    }
    await fakes.world.postman.idle();
    expect(receipts()).toMatchObject([{ ours: 'k5' }]);
    expect(ear.statuses).toEqual([500, 500, 500, 200]);
  });

  it('are not believed at another address, and bodies that say nothing are refused', async () => {
    const one = channel();
    const post = (path: string, body: string) =>
      fetch(`${ear.url}${path}`, { method: 'POST', body });
    const receipt = JSON.stringify([{ biz_id: 'x', success: true }]);
    expect((await post('/hook-0123456789abcdeX', receipt)).status).toBe(404);
    expect((await post('/', receipt)).status).toBe(404);
    for (const bad of ['', '{', '[1]', '[{}]', JSON.stringify(Array(1001).fill({}))])
      expect((await post(`/${HOOK}`, bad)).status, bad.slice(0, 9)).toBe(400);
    expect(receipts()).toEqual([]);
    ear.channel = channel({ hookSecret: undefined });
    expect((await post('/undefined', receipt)).status).toBe(404);
    expect(one).toBeDefined();
  });

  it('are asked for where nobody reaches us: by the vendor’s id, and by our key where that is unknown', async () => {
    account.receiptUrl = null;
    fakes.world.postman.manner.delayMs = 30_000;
    const one = channel();
    const known = await send(one, { key: 'k6' });
    fakes.world.phone('13800000004').state = 'off';
    fakes.world.faults.set('aliyun-sms', 'accept-silent');
    await send(one, { key: 'k7', to: '13800000004' });
    const sent = [
      { id: known.kind === 'sent' ? known.id : null, key: 'k6', to: '13800000001', at: START },
      { id: null, key: 'k7', to: '13800000004', at: START },
      { id: null, key: 'never-sent', to: '13800000001', at: START },
    ];
    expect(await one.ask?.(sent, forever)).toEqual([]);
    timer.forward(30_000);
    expect(await one.ask?.(sent, forever)).toEqual([
      {
        id: known.kind === 'sent' ? known.id : '',
        ours: 'k6',
        state: 'delivered',
        at: START + 30_000,
        code: 'DELIVERED',
      },
      { id: 'k7', ours: 'k7', state: 'failed', at: START + 30_000, code: 'EXPIRED' },
    ]);
    fakes.world.faults.set('aliyun-sms', 'error-500', 9);
    expect(await one.ask?.(sent, forever)).toEqual([]);
  });
});

describe('replies', () => {
  it('are what the person wrote', async () => {
    await send(channel());
    const [first] = shown();
    expect(fakes.world.react(first?.id ?? '', { kind: 'reply', text: '1 A7K2' })).toBe(true);
    await fakes.world.postman.idle();
    expect(ear.heard.flatMap(({ replies }) => replies)).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        from: '13800000001',
        at: START,
        text: '1 A7K2',
        key: null,
        card: null,
      },
    ]);
  });
});

describe('options', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'an unknown variable',
      { templates: [{ id: 'S', text: `\${weather}` }] },
      /templates\.0\.text/,
    ],
    ['no template', { templates: [] }, /templates/],
    ['a short hook secret', { hookSecret: 'short' }, /hookSecret/],
    ['an address that is none', { baseUrl: 'ftp://x' }, /baseUrl/],
    ['a word that is none', { colour: 'red' }, /colour/],
    ['a secret with a space', { accessKeySecret: 'a b' }, /accessKeySecret/],
  ])('%s is told with its place', (_name, given, place) => {
    expect(() => channel(given)).toThrow(place);
  });
});

/** Tencent's SMS channel against its fake over real sockets: every outcome class, the vendor's windows, receipts and replies. */
import type { Channel, Outcome } from '@village/rules/channels';
import {
  type RunningProviders,
  type TencentSmsAccount,
  tencentSms,
  tencentSmsAccount,
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
const HOOK = 'hook-0123456789abcdef';
const HOUR = 3_600_000;
const TO = '13800000001';

let timer: HandTimer;
let fakes: RunningProviders;
let account: TencentSmsAccount;
let ear: Ear;

const options = (given: Record<string, unknown> = {}) => ({
  baseUrl: `${fakes.url}/`,
  secretId: 'test-id',
  secretKey: 'test-secret',
  sdkAppId: '1400006666',
  signName: SIGN,
  templates: [{ id: '1110', text: `\${place}\${device}\${what}，\${value}，编号\${code}` }],
  hookSecret: HOOK,
  timeoutMs: 400,
  ...given,
});
const channel = (given: Record<string, unknown> = {}): Channel => {
  ear.channel = makeChannel('tencent-sms', options(given), timer);
  return ear.channel;
};
const shown = (to = TO) => fakes.world.phone(to).messages;
const send = (of: Channel, given = {}): Promise<Outcome> => of.send(message(given), forever);
/** Of another text each time, so that only the limits by number count. */
const sendOther = (of: Channel, n: number) =>
  send(of, { parts: noticeParts({ value: { text: String(n), unit: 'mg/L' } }) });

beforeEach(async () => {
  timer = new HandTimer(START);
  ear = await startEar();
  account = tencentSmsAccount({
    secretId: 'test-id',
    secretKey: 'test-secret',
    sdkAppId: '1400006666',
    callbackUrl: `${ear.url}/${HOOK}`,
  });
  account.signatures.add(SIGN);
  account.templates.set('1110', {
    id: '1110',
    text: '{1}{2}{3}，{4}，编号{5}',
    state: 'approved',
    longest: 20,
  });
  fakes = await startFakes([tencentSms(account)], timer);
  fakes.world.postman.manner.delayMs = 0;
});
afterEach(async () => {
  await fakes.close();
  await ear.close();
});

describe('what is sent', () => {
  it('is shown by the phone', async () => {
    expect(await send(channel())).toMatchObject({
      kind: 'sent',
      id: expect.stringMatching(/^2645:/),
    });
    expect(shown().map(({ text }) => text)).toEqual([
      `【${SIGN}】和平镇便民桥村2号污水站氨氮过高，10.4毫克每升，编号A7K2`,
    ]);
  });
});

describe('outcomes', () => {
  const template = () => account.templates.get('1110');
  it.each<[string, () => void, Partial<Outcome>]>([
    [
      'wrong secret',
      () => {
        account.secretKey = 'changed';
      },
      { kind: 'fault', code: 'AuthFailure.SignatureFailure' },
    ],
    [
      'expired template',
      () => {
        const one = template();
        if (one !== undefined) one.state = 'refused';
      },
      { kind: 'fault', code: 'FailedOperation.TemplateIncorrectOrUnapproved' },
    ],
    [
      'unknown signature',
      () => account.signatures.clear(),
      { kind: 'fault', code: 'FailedOperation.SignatureIncorrectOrUnapproved' },
    ],
    [
      'no money',
      () => {
        account.balance = 0;
      },
      { kind: 'fault', code: 'FailedOperation.InsufficientBalanceInSmsPackage' },
    ],
    [
      'sensitive word',
      () => account.sensitiveWords.push('氨氮'),
      { kind: 'rejected', code: 'FailedOperation.ContainSensitiveWord' },
    ],
    [
      'a number that wants none',
      () => account.blacklist.add(TO),
      { kind: 'rejected', code: 'FailedOperation.PhoneNumberInBlacklist' },
    ],
    [
      'another text than was approved',
      () => {
        account.templates.set('1110', {
          id: '1110',
          text: '{1}{2}',
          state: 'approved',
          longest: 20,
        });
      },
      { kind: 'rejected', code: 'FailedOperation.TemplateParamSetNotMatchApprovedTemplate' },
    ],
    [
      'too many calls',
      () => {
        account.throttled = true;
      },
      { kind: 'limited', of: 'channel', code: 'RequestLimitExceeded', until: START + 5000 },
    ],
    [
      'the vendor’s trouble',
      () => {
        account.trouble = 'InternalError.OtherError';
      },
      { kind: 'retry', code: 'InternalError.OtherError' },
    ],
    [
      'the vendor’s own time-out',
      () => {
        account.trouble = 'InternalError.Timeout';
      },
      { kind: 'unknown' },
    ],
  ])('%s', async (_name, arrange, expected) => {
    const one = channel();
    arrange();
    expect(await send(one)).toMatchObject(expected);
    expect(shown()).toEqual([]);
  });

  it('a wrong application is a fault', async () => {
    expect(await send(channel({ sdkAppId: '1400000000' }))).toMatchObject({
      kind: 'fault',
      code: 'InvalidParameterValue.SdkAppIdNotExist',
    });
  });

  it('a clock that is six minutes off is a fault, four are not', async () => {
    const off = (ms: number) => makeChannel('tencent-sms', options(), new HandTimer(START + ms));
    expect(await send(off(-360_000))).toMatchObject({
      kind: 'fault',
      code: 'AuthFailure.SignatureExpire',
    });
    expect(await send(off(240_000))).toMatchObject({ kind: 'sent' });
  });

  it('no number of the mainland is written to', async () => {
    expect(await send(channel(), { to: '12345' })).toMatchObject({
      kind: 'rejected',
      code: 'bad-number',
    });
  });

  it('nobody listens: retry', async () => {
    const one = channel({ baseUrl: 'http://127.0.0.1:9/' });
    expect(await send(one)).toMatchObject({ kind: 'retry', code: 'ECONNREFUSED' });
  });

  it.each(['error-500', 'error-503'] as const)('%s: retry', async (kind) => {
    const one = channel();
    fakes.world.faults.set('tencent-sms', kind);
    expect(await send(one)).toMatchObject({ kind: 'retry' });
    expect(shown()).toEqual([]);
  });

  it.each(['accept-silent', 'accept-reset', 'slow-body', 'endless-body', 'not-json'] as const)(
    '%s: it was taken and is unknown, so that no second one is sent',
    async (kind) => {
      fakes.world.faults.set('tencent-sms', kind);
      expect(await send(channel())).toMatchObject({ kind: 'unknown' });
      expect(shown()).toHaveLength(1);
    },
  );
});

describe('limits of the vendor', () => {
  it('one of the same text in 30 seconds', async () => {
    const one = channel();
    expect((await send(one)).kind).toBe('sent');
    expect(await send(one)).toEqual({
      kind: 'limited',
      of: 'person',
      code: 'LimitExceeded.PhoneNumberThirtySecondLimit',
      until: START + 30_000,
    });
    expect((await sendOther(one, 1)).kind).toBe('sent');
    timer.forward(29_999);
    expect((await send(one)).kind).toBe('limited');
    timer.forward(1);
    expect((await send(one)).kind).toBe('sent');
  });

  it('ten in a day of Beijing’s clock', async () => {
    const one = channel();
    for (let i = 0; i < 10; i++) expect((await sendOther(one, i)).kind).toBe('sent');
    const midnight = Date.UTC(2026, 2, 1, 16);
    expect(await sendOther(one, 11)).toMatchObject({
      kind: 'limited',
      of: 'person',
      code: 'LimitExceeded.PhoneNumberDailyLimit',
      until: midnight,
    });
    timer.forward(midnight - 1 - START);
    expect((await sendOther(one, 11)).kind).toBe('limited');
    timer.forward(1);
    expect((await sendOther(one, 11)).kind).toBe('sent');
  });

  it('an hour, where the account has one', async () => {
    account.limits.hour = 1;
    const one = channel();
    await sendOther(one, 1);
    expect(await sendOther(one, 2)).toMatchObject({ kind: 'limited', until: START + HOUR });
    timer.forward(HOUR);
    expect((await sendOther(one, 2)).kind).toBe('sent');
  });
});

describe('receipts and replies', () => {
  const receipts = () => ear.heard.flatMap((heard) => heard.receipts);

  it('name the vendor’s number and our key', async () => {
    const outcome = await send(channel(), { key: 'k1' });
    await fakes.world.postman.idle();
    expect(receipts()).toEqual([
      {
        id: outcome.kind === 'sent' ? outcome.id : '',
        ours: 'k1',
        state: 'delivered',
        at: START,
        code: 'DELIVRD',
      },
    ]);
    expect(fakes.world.postman.counters).toMatchObject({ acknowledged: 1, givenUp: 0 });
  });

  it('come twice and in the wrong order, each the same', async () => {
    const one = channel();
    Object.assign(fakes.world.postman.manner, { hold: true, copies: 2 });
    fakes.world.phone('13800000002').state = 'vacant';
    await send(one, { key: 'k2' });
    await send(one, { key: 'k3', to: '13800000002' });
    await fakes.world.postman.release('reversed');
    expect(receipts().map(({ ours, state }) => [ours, state])).toEqual([
      ['k3', 'failed'],
      ['k3', 'failed'],
      ['k2', 'delivered'],
      ['k2', 'delivered'],
    ]);
  });

  it('are posted twice again until we have kept them, and then no more', async () => {
    ear.failing = 3;
    await send(channel());
    for (let i = 0; i < 2; i++) {
      await expect.poll(() => timer.sleepers).toBe(1);
      timer.forward(60_000);
    }
    await fakes.world.postman.idle();
    expect(ear.statuses).toEqual([500, 500, 500]);
    expect(fakes.world.postman.counters).toMatchObject({ acknowledged: 0, givenUp: 1 });
  });

  it('are asked for: by the vendor’s number, and by our key where that is unknown', async () => {
    account.callbackUrl = null;
    fakes.world.postman.manner.delayMs = 20_000;
    const one = channel();
    const known = await send(one, { key: 'k4' });
    fakes.world.faults.set('tencent-sms', 'accept-silent');
    await send(one, { key: 'k5', to: '13800000005' });
    const id = known.kind === 'sent' ? known.id : null;
    const sent = [
      { id, key: 'k4', to: TO, at: START },
      { id: null, key: 'k5', to: '13800000005', at: START },
      { id: null, key: 'never-sent', to: TO, at: START },
    ];
    expect(await one.ask?.(sent, forever)).toEqual([]);
    timer.forward(20_000);
    const at = Math.floor((START + 20_000) / 1000) * 1000;
    expect(await one.ask?.(sent, forever)).toEqual([
      { id, ours: 'k4', state: 'delivered', at, code: 'DELIVRD' },
      { id: 'k5', ours: 'k5', state: 'delivered', at, code: 'DELIVRD' },
    ]);
  });

  it('of people are what they wrote', async () => {
    await send(channel());
    fakes.world.react(shown()[0]?.id ?? '', { kind: 'reply', text: '1 A7K2' });
    await fakes.world.postman.idle();
    const [reply] = ear.heard.flatMap(({ replies }) => replies);
    expect(reply).toEqual({
      id: `${TO}:${Math.floor(START / 1000)}:1 A7K2`,
      from: TO,
      at: Math.floor(START / 1000) * 1000,
      text: '1 A7K2',
      key: null,
      card: null,
    });
  });

  it('are not believed at another address, nor in other words', async () => {
    channel();
    const post = (path: string, body: string) =>
      fetch(`${ear.url}${path}`, { method: 'POST', body });
    expect((await post('/hook-0123456789abcdeX', '[]')).status).toBe(404);
    for (const bad of ['', '[1]', '[{"sid":""}]', '{"text":"1"}'])
      expect((await post(`/${HOOK}`, bad)).status, bad).toBe(400);
  });
});

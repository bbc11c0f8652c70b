/** Calls through Aliyun against the fake over real sockets: every outcome class, the vendor's windows, quiet times and receipts. */
import type { Channel, Outcome } from '@village/rules/channels';
import {
  type AliyunVoiceAccount,
  aliyunVoice,
  aliyunVoiceAccount,
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

const HOOK = 'hook-0123456789abcdef';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TO = '13800000001';
const TEXT = `您好，\${severity}告警，\${place}\${device}，\${what}，\${since}开始，\${advice}。`;
const VARIABLES = ['severity', 'place', 'device', 'what', 'since', 'advice'];

let timer: HandTimer;
let fakes: RunningProviders;
let account: AliyunVoiceAccount;
let ear: Ear;

const channel = (given: Record<string, unknown> = {}): Channel => {
  const options = {
    baseUrl: `${fakes.url}/`,
    accessKeyId: 'test-key',
    accessKeySecret: 'test-secret',
    templates: [{ id: 'TTS_1', text: TEXT }],
    hookSecret: HOOK,
    timeoutMs: 400,
    ...given,
  };
  ear.channel = makeChannel('aliyun-voice', options, timer);
  return ear.channel;
};
const heard = (to = TO) => fakes.world.phone(to).messages;
const call = (of: Channel, given = {}): Promise<Outcome> => of.send(message(given), forever);

beforeEach(async () => {
  timer = new HandTimer(START);
  ear = await startEar();
  account = aliyunVoiceAccount({
    accessKeyId: 'test-key',
    accessKeySecret: 'test-secret',
    receiptUrl: `${ear.url}/${HOOK}`,
  });
  account.templates.set('TTS_1', {
    code: 'TTS_1',
    text: TEXT,
    state: 'approved',
    variables: VARIABLES,
  });
  fakes = await startFakes([aliyunVoice(account)], timer);
  fakes.world.postman.manner.delayMs = 0;
});
afterEach(async () => {
  await fakes.close();
  await ear.close();
});

describe('what is called', () => {
  it('is heard as one speaks', async () => {
    expect(await call(channel())).toMatchObject({ kind: 'sent', id: expect.any(String) });
    expect(heard().map(({ form, text }) => ({ form, text }))).toEqual([
      {
        form: 'call',
        text: '您好，重要告警，和平镇便民桥村2号污水站，氨氮过高，14点05分开始，先看曝气风机。',
      },
    ]);
  });

  it('comes from a number of one’s own where there is one', async () => {
    const own = channel({ calledShowNumber: '0572-6020000' });
    expect(await call(own)).toMatchObject({ kind: 'fault', code: 'isv.DISPLAY_NUMBER_ILLEGAL' });
    account.shownNumbers.add('0572-6020000');
    expect(await call(own)).toMatchObject({ kind: 'sent' });
    expect(heard()[0]?.from).toBe('0572-6020000');
  });

  it('has variables of fewer than 250 characters in all', async () => {
    const long = '农村生活污水处理设施'.repeat(20);
    const label = { zh: long, en: long };
    const wide = channel({ templates: [{ id: 'TTS_1', text: TEXT, longest: 200 }] });
    const parts = noticeParts({ place: label, device: label, what: label, advice: label });
    expect(await call(wide, { parts })).toMatchObject({ kind: 'sent' });
    const own = TEXT.replace(/\$\{[a-z]+\}/g, '').length;
    expect((heard()[0]?.text.length ?? 0) - own).toBeLessThan(250);
    expect((heard()[0]?.text.length ?? 0) - own).toBeGreaterThan(200);
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
      { kind: 'fault', code: 'isv.TTS_TEMPLATE_ILLEGAL' },
    ],
    [
      'another template than was approved',
      () => {
        account.templates.set('TTS_1', {
          code: 'TTS_1',
          text: `\${weather}`,
          state: 'approved',
          variables: ['weather'],
        });
      },
      { kind: 'rejected', code: 'isv.TEMPLATE_MISSING_PARAMETERS' },
    ],
    [
      'no money',
      () => {
        account.balance = 0;
      },
      { kind: 'fault', code: 'isv.AMOUNT_NOT_ENOUGH' },
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
      'too many calls',
      () => {
        account.throttled = true;
      },
      { kind: 'limited', of: 'channel' },
    ],
  ])('%s', async (_name, arrange, expected) => {
    const one = channel();
    arrange();
    expect(await call(one)).toMatchObject(expected);
    expect(heard()).toEqual([]);
  });

  it('no mobile number is called', async () => {
    expect(await call(channel(), { to: '110' })).toMatchObject({
      kind: 'rejected',
      code: 'bad-number',
    });
  });

  it.each(['reset', 'accept-silent', 'accept-reset', 'endless-body'] as const)(
    '%s: unknown, named by what receipts will say',
    async (kind) => {
      fakes.world.faults.set('aliyun-voice', kind);
      const outcome = await call(channel());
      expect(outcome).toMatchObject({
        kind: 'unknown',
        id: expect.stringMatching(/^[0-9a-z]{1,13}$/),
      });
      await fakes.world.postman.idle();
      expect(heard()).toHaveLength(kind === 'reset' ? 0 : 1);
      const ours = ear.heard.flatMap(({ receipts }) => receipts.map((one) => one.ours));
      expect(ours).toEqual(kind === 'reset' ? [] : [outcome.kind === 'unknown' ? outcome.id : '']);
    },
  );

  it('status 500: retry', async () => {
    fakes.world.faults.set('aliyun-voice', 'error-500');
    expect(await call(channel())).toMatchObject({ kind: 'retry' });
  });
});

describe('limits of the vendor', () => {
  it('one in a minute, five in an hour, twenty in 24 hours, from the first call on', async () => {
    const one = channel();
    expect((await call(one)).kind).toBe('sent');
    expect(await call(one)).toEqual({
      kind: 'limited',
      of: 'person',
      code: 'isv.BUSINESS_LIMIT_CONTROL',
      until: START + MINUTE,
    });
    timer.forward(MINUTE - 1);
    expect((await call(one)).kind).toBe('limited');
    timer.forward(1);
    for (let i = 0; i < 4; i++) {
      expect((await call(one)).kind).toBe('sent');
      timer.forward(MINUTE);
    }
    expect(await call(one)).toMatchObject({ kind: 'limited', until: timer.now() + HOUR });
    timer.forward(START + HOUR - timer.now());
    for (let i = 5; i < 20; i++) {
      expect((await call(one)).kind).toBe('sent');
      timer.forward(15 * MINUTE);
    }
    expect((await call(one)).kind).toBe('limited');
    timer.forward(START + 24 * HOUR - timer.now());
    expect((await call(one)).kind).toBe('sent');
  });

  it('counts calls that nobody takes', async () => {
    fakes.world.phone(TO).state = 'off';
    const one = channel();
    expect((await call(one)).kind).toBe('sent');
    expect((await call(one)).kind).toBe('limited');
  });
});

describe('quiet times', () => {
  const quiet = [
    { from: '12:00', to: '14:00' },
    { from: '21:00', to: '09:00' },
  ];
  it.each<[string, number, number | undefined]>([
    ['in the afternoon', Date.UTC(2026, 2, 1, 6, 5), undefined],
    ['at noon', Date.UTC(2026, 2, 1, 4, 30), Date.UTC(2026, 2, 1, 6)],
    ['at the very end of noon', Date.UTC(2026, 2, 1, 6), undefined],
    ['late', Date.UTC(2026, 2, 1, 14), Date.UTC(2026, 2, 2, 1)],
    ['before sunrise', Date.UTC(2026, 2, 1, 22), Date.UTC(2026, 2, 2, 1)],
  ])('%s', async (_name, at, until) => {
    timer = new HandTimer(at);
    const outcome = await makeChannel(
      'aliyun-voice',
      {
        baseUrl: 'http://127.0.0.1:9/',
        accessKeyId: 'k',
        accessKeySecret: 's',
        templates: [{ id: 'TTS_1', text: TEXT }],
        quiet,
      },
      timer,
    ).send(message(), forever);
    // Outside of quiet times it is called, and nobody listens there.
    expect(outcome).toMatchObject(
      until === undefined
        ? { kind: 'retry' }
        : { kind: 'limited', of: 'channel', code: 'quiet-hours', until },
    );
  });
});

describe('receipts', () => {
  const receipts = () => ear.heard.flatMap((one) => one.receipts);

  it('say who took the call and who did not, twice and in the wrong order', async () => {
    const one = channel();
    Object.assign(fakes.world.postman.manner, { hold: true, copies: 2 });
    fakes.world.phone('13800000002').state = 'off';
    const taken = await call(one);
    const missed = await call(one, { to: '13800000002' });
    await fakes.world.postman.release('reversed');
    const idOf = (outcome: Outcome) => (outcome.kind === 'sent' ? outcome.id : null);
    expect(receipts().map(({ id, state, code }) => [id, state, code])).toEqual([
      [idOf(missed), 'failed', '200005'],
      [idOf(missed), 'failed', '200005'],
      [idOf(taken), 'delivered', '200000'],
      [idOf(taken), 'delivered', '200000'],
    ]);
  });

  it('are asked for by the vendor’s id', async () => {
    account.receiptUrl = null;
    fakes.world.postman.manner.delayMs = 30_000;
    const one = channel();
    const outcome = await call(one, { key: 'k1' });
    const id = outcome.kind === 'sent' ? outcome.id : null;
    const sent = [
      { id, key: 'k1', to: TO, at: START },
      { id: null, key: 'k2', to: TO, at: START },
    ];
    expect(await one.ask?.(sent, forever)).toEqual([]);
    timer.forward(30_000);
    expect(await one.ask?.(sent, forever)).toMatchObject([
      { id, state: 'delivered', at: START + 30_000, code: '200000' },
    ]);
  });

  it('are not believed at another address, nor in other words', async () => {
    channel();
    const post = (path: string, body: string) =>
      fetch(`${ear.url}${path}`, { method: 'POST', body });
    expect((await post('/', '[{"call_id":"x"}]')).status).toBe(404);
    expect((await post(`/${HOOK}`, '[{}]')).status).toBe(400);
  });
});

import { createRequire } from 'node:module';
import type { Channel } from '@village/rules/channels';
import { NOON, never, notice, outgoing } from '@village/rules/channels/testing';
import { seal, type WechatAccount, wechatAccount, wechatApps } from '@village/simulators/providers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ear, makeChannel, startEar } from '../lib/providers.ts';
import { faultTests, type Stage, stage } from './chats.ts';

const APP = 'wx-service';
const SECRET = 'service-s3cret';
const OPENID = 'o-zhang-0001';
const AES_KEY = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
const CALLBACK = { token: 'callback-t0ken', encodingAesKey: AES_KEY };
const MINUTE = 60_000;

let scene: Stage;
let ear: Ear;
let account: WechatAccount;
let channel: Channel;
const fields = {
  thing1: `\${place}\${device}`,
  thing2: `\${what}\${value}`,
  time3: `\${since}`,
  phrase4: `\${severity}`,
};
const made = (change: Record<string, unknown> = {}): Channel =>
  makeChannel(
    'wechat-template',
    {
      appId: APP,
      appSecret: SECRET,
      templates: [{ id: 'T1', fields }],
      callback: CALLBACK,
      baseUrl: scene.url,
      timeoutMs: 400,
      ...change,
    },
    scene.timer,
  );
const send = (key: string, change: Parameters<typeof outgoing>[0] = {}) =>
  channel.send(outgoing({ key, to: OPENID, ...change }), never);
const revoke = () => fetch(`${scene.url}/__fake/wechat/revoke`, { method: 'POST' });

beforeEach(async () => {
  ear = await startEar();
  account = wechatAccount({
    kind: 'service',
    appId: APP,
    secret: SECRET,
    templates: new Map([
      [
        'T1',
        {
          title: '设备告警通知',
          fields: { thing1: '设备', thing2: '告警', time3: '时间', phrase4: '级别' },
        },
      ],
    ]),
    people: new Map([
      [OPENID, { name: '张三', follows: true, left: new Map() }],
      ['o-li-000001', { name: '李四', follows: false, left: new Map() }],
    ]),
    callback: { url: `${ear.url}/wechat`, ...CALLBACK },
  });
  scene = await stage(wechatApps([account]));
  channel = made();
  ear.channel = channel;
});
afterEach(async () => {
  await channel.close?.();
  await scene.close();
  await ear.close();
});

describe('a message', () => {
  it('is on the phone, and what became of it is heard, as often as it is told', async () => {
    scene.world.postman.manner.copies = 2;
    const sent = await send('k1');
    expect(sent).toMatchObject({ kind: 'sent', id: expect.stringMatching(/^\d+$/) });
    expect(scene.shown(OPENID)).toMatchObject([
      { provider: 'wechat', form: 'card', from: '公众号', link: 'https://village.example/a/1' },
    ]);
    expect(scene.shown(OPENID)[0]?.text.split('\n')).toEqual([
      '设备告警通知',
      '设备：和平镇便民桥村2号污水站',
      '告警：氨氮过高10.4毫克每升',
      '时间：2026年3月1日 14:05',
      '级别：重要',
    ]);
    await scene.world.postman.idle();
    const receipt = {
      id: sent.kind === 'sent' ? sent.id : '',
      ours: null,
      state: 'delivered',
      at: NOON,
      code: 'success',
    };
    expect(ear.heard.flatMap(({ receipts }) => receipts)).toEqual([receipt, receipt]);
    expect(ear.heard[0]?.answer.body).toBe('success');
  });

  it('that somebody blocks is told as failed', async () => {
    scene.world.phone(OPENID).state = 'refusing';
    await send('k1');
    await scene.world.postman.idle();
    expect(ear.heard.flatMap(({ receipts }) => receipts)).toMatchObject([
      { state: 'failed', code: 'failed:user block' },
    ]);
  });

  it('with the same key is shown once within ten minutes', async () => {
    const first = await send('k1');
    scene.timer.at += 9 * MINUTE;
    expect(await send('k1')).toEqual(first);
    expect(scene.shown(OPENID)).toHaveLength(1);
    scene.timer.at += MINUTE;
    await send('k1');
    expect(scene.shown(OPENID)).toHaveLength(2);
  });

  it('opens the page of a mini program', async () => {
    const miniProgram = { appId: 'wx-mini', page: 'pages/alert?code={code}' };
    await made({ miniProgram }).send(outgoing({ to: OPENID }), never);
    expect(scene.shown(OPENID)[0]?.link).toBe('pages/alert?code=A7K2');
  });
});

describe('the callback', () => {
  it('answers the check by which its address is saved', async () => {
    // sha1 of the sorted texts, computed apart: printf '1409659589263014780callback-t0ken' | sha1sum
    const query = new URLSearchParams({
      timestamp: '1409659589',
      nonce: '263014780',
      echostr: 'echo-7',
      signature: '2e40321ce401ec3141e9917c05a6bd0bdb67515c',
    });
    const got = await fetch(`${ear.url}/wechat?${query}`);
    expect([got.status, await got.text()]).toEqual([200, 'echo-7']);
    query.set('nonce', '263014781');
    expect((await fetch(`${ear.url}/wechat?${query}`)).status).toBe(404);
  });

  it('hears nothing that is for another app, or not signed', async () => {
    const own = { url: `${ear.url}/wechat`, ...CALLBACK };
    const event =
      '<xml><Event>TEMPLATESENDJOBFINISH</Event><MsgID>1</MsgID><Status>success</Status><CreateTime>1</CreateTime></xml>';
    const statusOf = async (keys: typeof own, app: string): Promise<number> => {
      const { url, encrypted } = seal(keys, event, app, { now: NOON, random: () => 0.5 });
      const body = `<xml><Encrypt>${encrypted}</Encrypt></xml>`;
      return (await fetch(url, { method: 'POST', body })).status;
    };
    expect(await statusOf(own, APP)).toBe(200);
    expect(await statusOf(own, 'wx-other')).toBe(404);
    expect(await statusOf({ ...own, token: 'other' }, APP)).toBe(404);
  });
});

describe('the token', () => {
  it('is kept, renewed five minutes before its end, and told without being shown', async () => {
    await send('k1');
    expect(channel.health().token).toEqual({ since: NOON, until: NOON + 120 * MINUTE });
    scene.timer.at = NOON + 114 * MINUTE;
    await send('k2');
    expect(channel.health().token?.since).toBe(NOON);
    scene.timer.at = NOON + 115 * MINUTE + 1;
    expect((await send('k3')).kind).toBe('sent');
    expect(channel.health().token?.since).toBe(NOON + 115 * MINUTE + 1);
    expect(JSON.stringify(channel.health())).not.toContain(`${APP}_`);
  });

  it('that is taken back early is fetched once', async () => {
    await send('k1');
    scene.timer.at += MINUTE;
    await revoke();
    const outcomes = await Promise.all(['k2', 'k3'].map((key) => send(key)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['sent', 'sent']);
    expect(scene.shown(OPENID)).toHaveLength(3);
  });

  it('that is still given though it is refused is renewed by force, once a minute at most', async () => {
    const asked: boolean[] = [];
    const odd = await stage({
      name: 'odd',
      register(app) {
        app.post('/cgi-bin/stable_token', (request) => {
          const body = JSON.parse(String(request.body)) as { force_refresh: boolean };
          asked.push(body.force_refresh);
          return { access_token: body.force_refresh ? 'new' : 'stuck', expires_in: 7200 };
        });
        app.post<{ Querystring: { access_token: string } }>(
          '/cgi-bin/message/template/send',
          ({ query }) =>
            query.access_token === 'new'
              ? { errcode: 0, msgid: 7 }
              : { errcode: 40001, errmsg: 'invalid credential' },
        );
      },
    });
    const other = makeChannel(
      'wechat-template',
      { appId: APP, appSecret: SECRET, templates: [{ id: 'T1', fields }], baseUrl: odd.url },
      odd.timer,
    );
    await other.send(outgoing({ to: OPENID }), never);
    odd.timer.at += MINUTE;
    expect(await other.send(outgoing({ to: OPENID }), never)).toEqual({ kind: 'sent', id: '7' });
    expect(asked).toEqual([false, false, true]);
    await odd.close();
  });
});

describe('outcomes', () => {
  it.each([
    ['nobody of that openid', () => send('k1', { to: 'o-nobody-1' }), '40003'],
    ['what is no openid', () => send('k1', { to: '@all' }), 'address'],
    ['somebody who does not follow', () => send('k1', { to: 'o-li-000001' }), '43004'],
    [
      'a template that was deleted',
      () => {
        account.templates.clear();
        return send('k1');
      },
      '40037',
    ],
    [
      'a template that wants another field',
      () => {
        account.templates.set('T1', { title: 'x', fields: { thing1: 'a', thing9: 'b' } });
        return send('k1');
      },
      '47003',
    ],
    [
      'no template for the kind',
      () =>
        made({ templates: [{ id: 'T1', kinds: ['clear'], fields }] }).send(
          outgoing({ to: OPENID }),
          never,
        ),
      'no-template',
    ],
    [
      'nothing to say in a field',
      () =>
        made({ templates: [{ id: 'T1', fields: { number1: `\${value}` } }] }).send(
          outgoing({ to: OPENID, parts: notice({ value: null }) }),
          never,
        ),
      'field',
    ],
  ])('%s: rejected', async (_name, act, code) => {
    expect(await act()).toMatchObject({ kind: 'rejected', code });
    expect(scene.shown(OPENID)).toEqual([]);
  });

  it.each([
    ['another secret', () => made({ appSecret: 'other-s3cret' }), '40125'],
    ['another app', () => made({ appId: 'wx-other' }), '40013'],
    [
      'an address that is not listed',
      () => {
        account.deniedAddress = true;
        return channel;
      },
      '40164',
    ],
  ])('%s: a fault, and nothing secret is told', async (_name, make, code) => {
    const other = make();
    const outcome = await other.send(outgoing({ to: OPENID }), never);
    expect(outcome).toMatchObject({ kind: 'fault', code });
    expect(JSON.stringify([outcome, other.health()])).not.toContain('s3cret');
  });

  it('the day’s calls used up: limited until midnight in Beijing', async () => {
    account.calls = 0;
    expect(await send('k1')).toEqual({
      kind: 'limited',
      until: Date.UTC(2026, 2, 1, 16),
      of: 'channel',
      code: '45009',
    });
  });

  it('too much for one person: limited for them', async () => {
    account.pestered.add(OPENID);
    expect(await send('k1')).toEqual({
      kind: 'limited',
      until: NOON + 10 * MINUTE,
      of: 'person',
      code: '43117',
    });
  });
});

it('another maker’s client is taken by the fake', async () => {
  interface Client {
    prefix: string;
    sendTemplate(
      openid: string,
      template: string,
      url: string,
      colour: string,
      data: unknown,
    ): Promise<{ errcode: number; msgid: number }>;
  }
  const Wechat = createRequire(import.meta.url)('co-wechat-api') as new (
    id: string,
    secret: string,
  ) => Client;
  const client = new Wechat(APP, SECRET);
  client.prefix = `${scene.url}/cgi-bin/`;
  const data = {
    thing1: { value: '2号污水站' },
    thing2: { value: '氨氮过高' },
    time3: { value: '15:01' },
    phrase4: { value: '重要' },
  };
  const sent = await client.sendTemplate(OPENID, 'T1', 'https://x.example/', '#ff0000', data);
  expect(sent).toMatchObject({ errcode: 0, msgid: expect.any(Number) });
  expect(scene.shown(OPENID)).toMatchObject([{ link: 'https://x.example/' }]);
  const bad = { ...data, phrase4: { value: 'CODmn超标' } };
  await expect(client.sendTemplate(OPENID, 'T1', '', '', bad)).rejects.toMatchObject({
    code: 47003,
  });
});

describe('faults of the message', () => {
  faultTests(async () => {
    // With a token in hand, the next request is the message.
    await send('before');
    return { stage: scene, provider: 'wechat', phone: OPENID, channel, to: OPENID };
  });
});

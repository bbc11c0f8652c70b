import type { Channel } from '@village/rules/channels';
import { NOON, never, outgoing } from '@village/rules/channels/testing';
import { type WechatAccount, wechatAccount, wechatApps } from '@village/simulators/providers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel } from '../lib/providers.ts';
import { faultTests, type Stage, stage } from './chats.ts';

const APP = 'wx-mini';
const SECRET = 'mini-s3cret';
const OPENID = 'o-citizen-01';

let scene: Stage;
let account: WechatAccount;
let channel: Channel;
const made = (change: Record<string, unknown> = {}): Channel =>
  makeChannel(
    'wechat-subscribe',
    {
      appId: APP,
      appSecret: SECRET,
      templates: [
        {
          id: 'S1',
          fields: { thing1: `\${place}`, phrase2: `\${kind}`, character_string3: `\${code}` },
        },
      ],
      page: 'pages/alert?code={code}',
      baseUrl: scene.url,
      timeoutMs: 400,
      ...change,
    },
    scene.timer,
  );
const send = (change: Parameters<typeof outgoing>[0] = {}) =>
  channel.send(outgoing({ to: OPENID, ...change }), never);
/** As many taps of the person on 允许. */
const tap = (times: number): void =>
  void account.people.set(OPENID, {
    name: '王五',
    follows: false,
    left: new Map([['S1', times]]),
  });

beforeEach(async () => {
  account = wechatAccount({
    kind: 'mini-program',
    appId: APP,
    secret: SECRET,
    templates: new Map([
      [
        'S1',
        {
          title: '环境告警',
          fields: { thing1: '地点', phrase2: '状态', character_string3: '编号' },
        },
      ],
    ]),
    pages: new Set(['pages/alert']),
  });
  tap(1);
  scene = await stage(wechatApps([account]));
  channel = made();
});
afterEach(async () => {
  await channel.close?.();
  await scene.close();
});

it('one tap is one message, and then it is rejected with 43101', async () => {
  expect(await send()).toMatchObject({ kind: 'sent', id: expect.any(String) });
  expect(scene.shown(OPENID)).toMatchObject([
    {
      provider: 'wechat',
      from: '服务通知',
      link: 'pages/alert?code=A7K2',
      text: '环境告警\n地点：和平镇便民桥村\n状态：告警\n编号：A7K2',
    },
  ]);
  expect(await send()).toMatchObject({ kind: 'rejected', code: '43101' });
  expect(scene.shown(OPENID)).toHaveLength(1);
  // That nothing is left for one person says nothing of the channel.
  expect(channel.health()).toMatchObject({ lastSuccess: NOON, lastFault: null });
});

it('a message that is refused uses up no tap', async () => {
  account.templates.set('S1', { title: 'x', fields: { thing1: 'a', phrase9: 'b' } });
  expect(await send()).toMatchObject({ kind: 'rejected', code: '47003' });
  account.templates.set('S1', { title: 'x', fields: { thing1: 'a' } });
  expect(await send()).toMatchObject({ kind: 'sent' });
});

it('a field of which the notice says nothing says so, since none may be empty', async () => {
  expect(await send({ code: null })).toMatchObject({ kind: 'sent' });
  expect(scene.shown(OPENID)[0]?.text).toBe(
    '环境告警\n地点：和平镇便民桥村\n状态：告警\n编号：none',
  );
});

it.each([
  ['a page that is not published', () => made({ page: 'pages/other' }), 'rejected', '41030'],
  ['another secret', () => made({ appSecret: 'other-s3cret' }), 'fault', '40125'],
])('%s', async (_name, make, kind, code) => {
  expect(await make().send(outgoing({ to: OPENID }), never)).toMatchObject({ kind, code });
});

it('a service account’s token is of no use here', async () => {
  const both = await stage(wechatApps([{ ...account, kind: 'service' }]));
  const other = makeChannel(
    'wechat-subscribe',
    {
      appId: APP,
      appSecret: SECRET,
      templates: [{ id: 'S1', fields: { thing1: 'x' } }],
      baseUrl: both.url,
    },
    both.timer,
  );
  expect(await other.send(outgoing({ to: OPENID }), never)).toMatchObject({
    kind: 'fault',
    code: '48001',
  });
  await both.close();
});

it('a token that is taken back early is fetched once', async () => {
  tap(2);
  await send();
  scene.timer.at += 60_000;
  await fetch(`${scene.url}/__fake/wechat/revoke`, { method: 'POST' });
  expect(await send()).toMatchObject({ kind: 'sent' });
});

describe('faults of the message', () => {
  faultTests(async () => {
    tap(100);
    await send();
    return { stage: scene, provider: 'wechat', phone: OPENID, channel, to: OPENID };
  });
});

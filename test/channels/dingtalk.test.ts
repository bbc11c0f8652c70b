import type { Channel } from '@village/rules/channels';
import { NOON, never, notice, outgoing } from '@village/rules/channels/testing';
import { type DingtalkRobot, dingtalkRobots } from '@village/simulators/providers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel } from '../lib/providers.ts';
import { faultTests, type Stage, stage } from './chats.ts';

const GROUP = '水口乡值班群';
let scene: Stage;
let channel: Channel;
let robot: DingtalkRobot;
const made = (secret = 'SECtest', token = 't0ken'): Channel =>
  makeChannel(
    'dingtalk',
    {
      webhook: `${scene.url}/robot/send?access_token=${token}`,
      secret,
      timeoutMs: 400,
    },
    scene.timer,
  );
beforeEach(async () => {
  robot = {
    accessToken: 't0ken',
    secret: 'SECtest',
    group: GROUP,
    keywords: [],
    deniedAddress: false,
  };
  scene = await stage(dingtalkRobots([robot]));
  channel = made();
});
afterEach(() => scene.close());

it('the official sample: its signature is taken at its time, and at no other', async () => {
  const at = 1_700_000_000_000;
  const post = async (query: string) =>
    (
      await fetch(`${scene.url}/robot/send?access_token=t0ken&${query}`, {
        method: 'POST',
        body: JSON.stringify({ msgtype: 'markdown', markdown: { title: 'a', text: 'a' } }),
      })
    ).json();
  const signed = `timestamp=${at}&sign=aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g%3D`;
  scene.timer.at = at + 3_600_000;
  expect(await post(signed)).toEqual({ errcode: 0, errmsg: 'ok' });
  expect(await post(signed.replace(String(at), String(at + 1)))).toMatchObject({ errcode: 310000 });
  scene.timer.at = at + 3_600_001;
  expect(await post(signed)).toEqual({ errcode: 310000, errmsg: 'invalid timestamp' });
});

it('a notice is on the phones of the group', async () => {
  expect(await channel.send(outgoing({ to: '@13800000001' }), never)).toEqual({
    kind: 'sent',
    id: null,
  });
  expect(scene.shown(GROUP)).toMatchObject([
    { provider: 'dingtalk', form: 'chat', at: NOON, link: 'https://village.example/a/1' },
  ]);
  expect(scene.shown(GROUP)[0]?.text).toMatch(/^【重要告警】氨氮过高\n/);
  expect(scene.shown(GROUP)[0]?.text).toMatch(/@13800000001$/);
});

it('a digest that is far too long is taken, since it is cut', async () => {
  const lines = Array.from({ length: 1000 }, () => ({ zh: '"引号\\'.repeat(10), en: '' }));
  const digest = outgoing({ parts: notice({ kind: 'digest', lines }) });
  expect((await channel.send(digest, never)).kind).toBe('sent');
  expect(scene.shown(GROUP)[0]?.text).toMatch(/另有 \d+ 条/);
});

it('who sends 21 in a minute is not heard for ten minutes, and the channel says until when', async () => {
  for (let i = 0; i < 20; i++)
    expect((await channel.send(outgoing({ key: `k${i}` }), never)).kind).toBe('sent');
  scene.timer.at = NOON + 30_000;
  expect(await channel.send(outgoing({ key: 'k20' }), never)).toEqual({
    kind: 'limited',
    until: NOON + 630_000,
    of: 'channel',
    code: '130101',
  });
  scene.timer.at = NOON + 629_999;
  expect((await channel.send(outgoing({ key: 'k20' }), never)).kind).toBe('limited');
  scene.timer.at = NOON + 630_000;
  expect((await channel.send(outgoing({ key: 'k20' }), never)).kind).toBe('sent');
});

it.each([
  ['another secret', () => made('SECother'), 'sign not match'],
  [
    'our clock two hours off',
    () => {
      const timer = { ...scene.timer, now: () => NOON + 7_200_000 };
      return makeChannel(
        'dingtalk',
        {
          webhook: `${scene.url}/robot/send?access_token=t0ken`,
          secret: 'SECtest',
        },
        timer,
      );
    },
    'invalid timestamp',
  ],
  [
    'a keyword that no notice has',
    () => {
      robot.keywords = ['暴雨'];
      return channel;
    },
    'keywords not in content',
  ],
  [
    'an address that is not listed',
    () => {
      robot.deniedAddress = true;
      return channel;
    },
    'ip 127.0.0.1 not in whitelist',
  ],
])('%s is a fault', async (_name, make, text) => {
  expect(await make().send(outgoing(), never)).toEqual({ kind: 'fault', code: '310000', text });
  expect(scene.shown(GROUP)).toEqual([]);
});

it('a token of no robot is a fault', async () => {
  expect(await made('SECtest', 'other').send(outgoing(), never)).toMatchObject({
    kind: 'fault',
    code: '300005',
  });
});

describe('faults', () => {
  faultTests(() => ({ stage: scene, provider: 'dingtalk', phone: GROUP, channel, to: '' }));
});

import type { Channel } from '@village/rules/channels';
import { NOON, never, notice, outgoing } from '@village/rules/channels/testing';
import { type FeishuRobot, feishuRobots } from '@village/simulators/providers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel } from '../lib/providers.ts';
import { faultTests, type Stage, stage } from './chats.ts';

const GROUP = '生态环境分局群';
let scene: Stage;
let channel: Channel;
let robot: FeishuRobot;
const made = (secret = 'demo', hook = 'h00k'): Channel =>
  makeChannel(
    'feishu',
    {
      webhook: `${scene.url}/open-apis/bot/v2/hook/${hook}`,
      secret,
      timeoutMs: 400,
    },
    scene.timer,
  );
beforeEach(async () => {
  robot = { hook: 'h00k', secret: 'demo', group: GROUP, keywords: [], deniedAddress: false };
  scene = await stage(feishuRobots([robot]));
  channel = made();
});
afterEach(() => scene.close());

it('the official sample: its signature is taken within an hour, and then no more', async () => {
  const at = 1_599_360_473;
  const post = async () =>
    (
      await fetch(`${scene.url}/open-apis/bot/v2/hook/h00k`, {
        method: 'POST',
        body: JSON.stringify({
          timestamp: String(at),
          sign: 'l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=',
          msg_type: 'interactive',
          card: { header: { title: { tag: 'plain_text', content: 'a' } }, elements: [] },
        }),
      })
    ).json();
  scene.timer.at = (at + 3600) * 1000;
  expect(await post()).toMatchObject({ code: 0, msg: 'success' });
  scene.timer.at += 1;
  expect(await post()).toMatchObject({ code: 19021 });
});

it('a card is on the phones of the group', async () => {
  expect(await channel.send(outgoing({ to: '@all' }), never)).toEqual({ kind: 'sent', id: null });
  expect(scene.shown(GROUP)).toMatchObject([
    { provider: 'feishu', form: 'card', at: NOON, link: 'https://village.example/a/1' },
  ]);
  expect(scene.shown(GROUP)[0]?.text.split('\n')).toEqual([
    '【重要告警】氨氮过高',
    '地点：和平镇便民桥村',
    '设备：2 号污水站',
    '数值：10.4 mg/L（限值 8，DB33/973）',
    '开始：2026-03-01 14:05',
    '说明：约 40 分钟后溢流',
    '先做：先看曝气风机',
    '编号：A7K2',
    '@all',
  ]);
});

it('a digest that is far too long is taken, since it is cut', async () => {
  const lines = Array.from({ length: 1000 }, () => ({ zh: '"引号\\'.repeat(10), en: '' }));
  const digest = outgoing({ parts: notice({ kind: 'digest', lines }) });
  expect((await channel.send(digest, never)).kind).toBe('sent');
});

it('takes 5 in a second and 100 in a minute', async () => {
  const send = async (at: number, key: string) => {
    scene.timer.at = at;
    return channel.send(outgoing({ key }), never);
  };
  for (let i = 0; i < 100; i++)
    expect((await send(NOON + Math.floor(i / 5) * 1000, `k${i}`)).kind).toBe('sent');
  // The sixth of a second, and the 101st of the minute.
  expect(await send(NOON + 19_999, 'x')).toMatchObject({ kind: 'limited', code: '11232' });
  expect(await send(NOON + 59_999, 'x')).toEqual({
    kind: 'limited',
    until: NOON + 119_999,
    of: 'channel',
    code: '11232',
  });
  expect((await send(NOON + 61_000, 'x')).kind).toBe('sent');
});

it.each([
  ['another secret', () => made('other'), '19021'],
  ['a hook of no robot', () => made('demo', 'other'), '19001'],
  [
    'a keyword that no notice has',
    () => {
      robot.keywords = ['暴雨'];
      return channel;
    },
    '19024',
  ],
  [
    'an address that is not listed',
    () => {
      robot.deniedAddress = true;
      return channel;
    },
    '19022',
  ],
])('%s is a fault', async (_name, make, code) => {
  expect(await make().send(outgoing(), never)).toMatchObject({ kind: 'fault', code });
  expect(scene.shown(GROUP)).toEqual([]);
});

describe('faults', () => {
  faultTests(() => ({ stage: scene, provider: 'feishu', phone: GROUP, channel, to: '' }));
});

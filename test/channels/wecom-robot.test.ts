import type { Channel } from '@village/rules/channels';
import { NOON, never, notice, outgoing } from '@village/rules/channels/testing';
import { wecomRobots } from '@village/simulators/providers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel } from '../lib/providers.ts';
import { faultTests, type Stage, stage } from './chats.ts';

const GROUP = '长兴县值班群';
let scene: Stage;
let channel: Channel;
const made = (key: string): Channel =>
  makeChannel(
    'wecom-robot',
    { webhook: `${scene.url}/cgi-bin/webhook/send?key=${key}`, timeoutMs: 400 },
    scene.timer,
  );
beforeEach(async () => {
  scene = await stage(wecomRobots([{ key: 'k1', group: GROUP }]));
  channel = made('k1');
});
afterEach(() => scene.close());

it('a notice is on the phones of the group, with its link', async () => {
  expect(await channel.send(outgoing({ to: '@zhang' }), never)).toEqual({ kind: 'sent', id: null });
  expect(scene.shown(GROUP)).toMatchObject([
    { provider: 'wecom-robot', form: 'chat', at: NOON, link: 'https://village.example/a/1' },
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
    '查看详情',
    '@zhang',
  ]);
});

it('a digest that is far too long is taken, since it is cut by bytes', async () => {
  const lines = Array.from({ length: 500 }, (_, i) => ({ zh: `第 ${i} 条𠮷`, en: '' }));
  const digest = outgoing({ parts: notice({ kind: 'digest', lines }) });
  expect((await channel.send(digest, never)).kind).toBe('sent');
  expect(scene.shown(GROUP)[0]?.text).toMatch(/另有 \d+ 条/);
});

it('takes 20 in any minute and no more', async () => {
  for (let i = 0; i < 20; i++) {
    scene.timer.at = NOON + i * 1000;
    expect((await channel.send(outgoing({ key: `k${i}` }), never)).kind).toBe('sent');
  }
  scene.timer.at = NOON + 59_999;
  expect(await channel.send(outgoing({ key: 'k20' }), never)).toEqual({
    kind: 'limited',
    until: NOON + 119_999,
    of: 'channel',
    code: '45009',
  });
  scene.timer.at = NOON + 60_000;
  expect((await channel.send(outgoing({ key: 'k20' }), never)).kind).toBe('sent');
  expect((await channel.send(outgoing({ key: 'k21' }), never)).kind).toBe('limited');
  expect(scene.shown(GROUP)).toHaveLength(21);
});

it('a key that the group took back is a fault, and is told nowhere', async () => {
  const other = made('taken-back-key');
  const outcome = await other.send(outgoing(), never);
  expect(outcome).toMatchObject({ kind: 'fault', code: '93000' });
  expect(other.health().lastFault).toMatchObject({ at: NOON, code: '93000' });
  expect(JSON.stringify([outcome, other.health()])).not.toContain('taken-back-key');
});

describe('faults', () => {
  faultTests(() => ({ stage: scene, provider: 'wecom-robot', phone: GROUP, channel, to: '' }));
});

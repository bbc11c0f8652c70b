/** The demonstration's channels: every one takes every kind of notice, and it is on a phone. */
import {
  type AnyChannelKind,
  channelKind,
  NOTICE_KINDS,
  type NoticeKind,
} from '@village/rules/channels';
import { NOON, never, notice, outgoing } from '@village/rules/channels/testing';
import { DEMO_PEOPLE, demoProviders } from '@village/simulators/providers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChannel } from '../lib/providers.ts';
import { type Stage, stage } from './chats.ts';

const demo = demoProviders(1, 'http://127.0.0.1:9/hooks/{channel}');
const [person] = DEMO_PEOPLE;
const names = demo.channels('http://127.0.0.1:1').map(({ kind }) => kind);
let scene: Stage;
beforeAll(async () => {
  scene = await stage(...demo.providers);
  scene.world.postman.manner.hold = true;
});
afterAll(() => scene.close());

const addressOf = (reaches: AnyChannelKind['reaches'] | undefined): string => {
  if (reaches === 'phone') return person.phone;
  if (reaches === 'wecom') return person.wecom;
  return reaches === 'openid' ? person.openid : '';
};
const countShown = (): number =>
  scene.world.phones().reduce((sum, { messages }) => sum + messages.length, 0);

it('names each kind of channel that has a fake', () => {
  expect(names.toSorted()).toEqual([
    'aliyun-sms',
    'aliyun-voice',
    'dingtalk',
    'feishu',
    'tencent-sms',
    'webhook',
    'wechat-subscribe',
    'wechat-template',
    'wecom-app',
    'wecom-robot',
  ]);
});

/** Nobody is called for what is over, or for several. */
const silent: readonly NoticeKind[] = ['clear', 'summary', 'digest', 'test'];

describe.each(names)('%s', (kind) => {
  it.each(NOTICE_KINDS)('%s', async (of) => {
    // Beyond every vendor's window for one number.
    scene.timer.at += 3_600_000;
    const options = demo.channels(scene.url).find((one) => one.kind === kind)?.options;
    const channel = makeChannel(kind, options, scene.timer);
    const line = { zh: '和平镇便民桥村 2 号污水站氨氮过高', en: 'Ammonia too high' };
    const several = of === 'summary' || of === 'digest';
    const parts = notice({
      kind: of,
      until: of === 'clear' ? NOON : null,
      lines: several ? [line, line] : [],
    });
    const code = ['active', 'worse', 'reminder'].includes(of) ? 'A7K2' : null;
    const before = countShown();
    const to = addressOf(channelKind(kind)?.reaches);
    const outcome = await channel.send(outgoing({ key: `${kind}_${of}`, parts, to, code }), never);
    await channel.close?.();
    const calls = kind === 'aliyun-voice' && silent.includes(of);
    expect(outcome).toMatchObject({ kind: calls ? 'rejected' : 'sent' });
    expect(countShown() - before).toBe(calls ? 0 : 1);
  });
});

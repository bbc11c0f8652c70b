import { OperationalError } from '@village/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  badAnswers,
  NOON,
  never,
  notice,
  outgoing,
  type TestServer,
  testServer,
  testTimer,
} from '../testing.ts';
import { wecomRobot } from './index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.seen.length = 0;
  server.answer({ errcode: 0, errmsg: 'ok' });
});

const made = () =>
  wecomRobot.make(
    'group',
    wecomRobot.options({
      webhook: `${server.url}/cgi-bin/webhook/send?key=K3Y-s3cret`,
      timeoutMs: 400,
    }),
    { timer: testTimer(NOON), random: (n) => new Uint8Array(n) },
  );
const content = (): string =>
  (JSON.parse(server.seen[0]?.body ?? '') as { markdown: { content: string } }).markdown.content;

it('writes a notice as markdown', async () => {
  expect(await made().send(outgoing({ to: '@zhang' }), never)).toEqual({ kind: 'sent', id: null });
  expect(server.seen[0]?.url).toBe('/cgi-bin/webhook/send?key=K3Y-s3cret');
  expect(JSON.parse(server.seen[0]?.body ?? '')).toMatchObject({ msgtype: 'markdown' });
  expect(content().split('\n')).toEqual([
    '**<font color="warning">【重要告警】氨氮过高</font>**',
    '>地点：<font color="comment">和平镇便民桥村</font>',
    '>设备：<font color="comment">2 号污水站</font>',
    '>数值：<font color="comment">10.4 mg/L（限值 8，DB33/973）</font>',
    '>开始：<font color="comment">2026-03-01 14:05</font>',
    '>说明：<font color="comment">约 40 分钟后溢流</font>',
    '>先做：<font color="comment">先看曝气风机</font>',
    '>编号：<font color="comment">A7K2</font>',
    '[查看详情](https://village.example/a/1)',
    '<@zhang>',
  ]);
});

it('is at most 4,096 bytes, with the link and how many entries are left out', async () => {
  const lines = Array.from({ length: 200 }, (_, i) => ({
    zh: `第 ${i} 条告警𠮷`,
    en: `Alert ${i}`,
  }));
  await made().send(outgoing({ parts: notice({ kind: 'digest', lines }) }), never);
  expect(Buffer.byteLength(content())).toBeLessThanOrEqual(4096);
  expect(Buffer.byteLength(content())).toBeGreaterThan(3900);
  expect(content()).toMatch(/\n- 另有 \d+ 条\n\[查看详情\]\(https:\/\/village\.example\/a\/1\)$/);
});

it('lets no name of a device write marks, links or calls', async () => {
  const device = { zh: '<@all> [点我](http://evil.example) **x**\n# y', en: '' };
  await made().send(outgoing({ parts: notice({ device }), url: 'javascript:alert(1)' }), never);
  expect(content()).toContain('＜@all＞ ［点我］(http://evil.example) ＊＊x＊＊ # y');
  expect(content()).not.toContain('查看详情');
});

describe('what an answer means', () => {
  it.each([
    [45009, { kind: 'limited', until: NOON + 60_000, of: 'channel', code: '45009' }],
    [93000, { kind: 'fault', code: '93000', text: 'of ***' }],
    [-1, { kind: 'retry', code: '-1', text: 'of ***' }],
    [40058, { kind: 'rejected', code: '40058', text: 'of ***' }],
  ])('%d', async (errcode, outcome) => {
    server.answer({ errcode, errmsg: 'of K3Y-s3cret' });
    const channel = made();
    expect(await channel.send(outgoing(), never)).toEqual(outcome);
    expect(JSON.stringify(channel.health())).not.toContain('s3cret');
  });

  it.each(Object.keys(badAnswers))('%s is nothing known', async (name) => {
    const bad = badAnswers[name];
    server.answer((response) => bad?.(response));
    const outcome = await made().send(outgoing(), never);
    expect(outcome.kind).toBe('unknown');
    expect(JSON.stringify(outcome)).not.toContain('s3cret');
    expect(server.seen).toHaveLength(1);
  });
});

it.each([
  [{}, 'webhook'],
  [{ webhook: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send' }, 'webhook'],
  [{ webhook: 'S3CRET' }, 'webhook'],
  [{ webhook: 'ftp://x/cgi-bin/webhook/send?key=S3CRET' }, 'webhook'],
  [{ webhook: 'https://x/cgi-bin/webhook/send?key=S3CRET', timeoutMs: 1 }, 'timeoutMs'],
  [{ webhook: 'https://x/cgi-bin/webhook/send?key=S3CRET', more: 1 }, 'more'],
])('refuses options and names the place: %j', (given, place) => {
  const refuse = () => wecomRobot.options(given);
  expect(refuse).toThrow(OperationalError);
  expect(refuse).toThrow(place);
  expect(refuse).not.toThrow('S3CRET');
});

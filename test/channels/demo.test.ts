/** The demonstration's providers as a process of their own: its channels, made as the server makes them, reach its phones. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemTimer } from '@village/core';
import { NOTICE_KINDS } from '@village/rules/channels';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Ear,
  forever,
  makeChannel,
  message,
  noticeParts,
  startEar,
} from '../lib/providers.ts';

interface DemoChannel {
  id: string;
  kind: string;
  options: Record<string, unknown>;
}
interface Phone {
  phone: string;
  name: string;
  messages: { id: string; form: string; text: string; segments: number | null }[];
}

let folder: string;
let child: ChildProcess;
let ear: Ear;
let url: string;
let channels: DemoChannel[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'village-providers-'));
  ear = await startEar();
  const main = fileURLToPath(new URL('../../simulators/src/main.ts', import.meta.url));
  const file = join(folder, 'channels.json');
  child = spawn(
    process.execPath,
    [main, 'providers', '--port', '0', '--hook', `${ear.url}`, '--channels', file],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  const [started] = (await once(child, 'message')) as [{ providers: string }];
  url = started.providers;
  ({ channels } = JSON.parse(readFileSync(file, 'utf8')) as { channels: DemoChannel[] });
});
afterAll(async () => {
  child.kill();
  if (child.exitCode === null) await once(child, 'exit');
  await ear.close();
  rmSync(folder, { recursive: true });
});

const phones = async (): Promise<Phone[]> =>
  (await (await fetch(`${url}/phones`)).json()) as Phone[];
const channelOf = (id: string) => {
  const found = channels.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return makeChannel(found.kind, found.options, systemTimer);
};

it('names its people', async () => {
  expect((await phones()).map(({ phone, name }) => `${phone} ${name}`)).toContain(
    '13800000001 村管护员 王师傅',
  );
});

it.each(['aliyun-sms', 'tencent-sms'])(
  '%s says every kind of notice in one message',
  async (id) => {
    const channel = channelOf(id);
    for (const [at, kind] of NOTICE_KINDS.entries()) {
      const to = `1390000${id === 'aliyun-sms' ? 1 : 2}00${at}`;
      const until = kind === 'clear' ? Date.now() : null;
      const listed = kind === 'summary' || kind === 'digest';
      const lines = listed ? [{ zh: '3 条新告警，1 条未确认', en: '3 new' }] : [];
      const outcome = await channel.send(
        message({ to, parts: noticeParts({ kind, until, lines, since: Date.now() }) }),
        forever,
      );
      expect(outcome, kind).toMatchObject({ kind: 'sent' });
      const [shown] = (await phones()).find(({ phone }) => phone === to)?.messages ?? [];
      expect(shown, kind).toMatchObject({ form: 'sms', segments: 1 });
      if (kind === 'active')
        expect(shown?.text).toMatch(
          /^【长兴数字乡村】告警：和平镇便民桥村2号污水站氨氮过高，10\.4毫克每升，\d\d:\d\d起。先看曝气风机。回复1 A7K2确认$/,
        );
    }
  },
);

it('aliyun-voice calls, and its receipt comes', async () => {
  ear.heard.length = 0;
  ear.channel = channelOf('aliyun-voice');
  const outcome = await ear.channel.send(message({ to: '13800000003' }), forever);
  expect(outcome).toMatchObject({ kind: 'sent' });
  await expect
    .poll(() => ear.heard.flatMap(({ receipts }) => receipts))
    .toMatchObject([{ id: outcome.kind === 'sent' ? outcome.id : '', state: 'delivered' }]);
});

it('an answer on the page reaches us', async () => {
  ear.heard.length = 0;
  ear.channel = channelOf('aliyun-sms');
  await ear.channel.send(message({ to: '13800000004' }), forever);
  const shown = (await phones()).find(({ phone }) => phone === '13800000004')?.messages.at(-1);
  await fetch(`${url}/__fake/react`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message: shown?.id, reply: '1 A7K2' }),
  });
  await expect
    .poll(() => ear.heard.flatMap(({ replies }) => replies))
    .toMatchObject([{ from: '13800000004', text: '1 A7K2' }]);
});

it('wecom-robot writes to its group', async () => {
  expect(await channelOf('wecom-robot').send(message({ to: '' }), forever)).toMatchObject({
    kind: 'sent',
  });
  const group = (await phones()).find(({ phone }) => phone === '和平镇环境值班群');
  expect(group?.messages.at(-1)?.text).toContain('氨氮过高');
});

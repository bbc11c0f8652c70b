import type { Timer } from '@village/core';
import type { Channel } from '@village/rules/channels';
import { NOON, never, outgoing } from '@village/rules/channels/testing';
import { type HookReceiver, webhookReceivers } from '@village/simulators/providers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeChannel } from '../lib/providers.ts';
import { type Stage, stage } from './chats.ts';

const PHONE = '应急平台';
const OLD = 'secret-of-the-old-key';
const NEW = 'secret-of-the-new-key';

let scene: Stage;
let receiver: HookReceiver;
const made = (
  keys: readonly (readonly [string, string])[],
  change = {},
  timer: Timer = scene.timer,
): Channel =>
  makeChannel(
    'webhook',
    {
      url: `${scene.url}/hooks/${encodeURIComponent(PHONE)}`,
      keys: keys.map(([id, secret]) => ({ id, secret })),
      internalHosts: ['127.0.0.1'],
      timeoutMs: 400,
      ...change,
    },
    timer,
  );
const send = (channel: Channel, key: string) => channel.send(outgoing({ key }), never);
const shown = () => scene.shown(PHONE);

beforeEach(async () => {
  receiver = { name: PHONE, keys: new Map([['old', OLD]]), status: 200 };
  scene = await stage(webhookReceivers([receiver]));
});
afterEach(() => scene.close());

it('a notice is taken, since its signature is right', async () => {
  expect(await send(made([['old', OLD]]), 'k1')).toEqual({ kind: 'sent', id: null });
  expect(shown()).toMatchObject([
    { text: '【重要告警】氨氮过高', at: NOON, link: 'https://village.example/a/1' },
  ]);
});

it('a key is changed without a message that is lost', async () => {
  const both = made([
    ['old', OLD],
    ['new', NEW],
  ]);
  // Ours first: the receiver still knows the old one alone. Then theirs. Then the old one goes.
  expect((await send(both, 'k1')).kind).toBe('sent');
  receiver.keys.set('new', NEW);
  receiver.keys.delete('old');
  expect((await send(both, 'k2')).kind).toBe('sent');
  expect((await send(made([['new', NEW]]), 'k3')).kind).toBe('sent');
  expect(shown()).toHaveLength(3);
});

it.each([
  ['another secret', () => made([['old', NEW]])],
  ['a key that is not known', () => made([['other', OLD]])],
  [
    'our clock six minutes off',
    () => made([['old', OLD]], {}, { ...scene.timer, now: () => NOON - 360_000 }),
  ],
])('%s: a fault, and nothing is shown', async (_name, make) => {
  expect(await send(make(), 'k1')).toMatchObject({ kind: 'fault', code: 'http-401' });
  expect(shown()).toEqual([]);
});

it.each([
  [422, 'rejected'],
  [429, 'limited'],
  [503, 'retry'],
  [404, 'fault'],
])('status %d of the receiver: %s', async (status, kind) => {
  receiver.status = status;
  expect((await send(made([['old', OLD]]), 'k1')).kind).toBe(kind);
});

it('the same key is one message there', async () => {
  const channel = made([['old', OLD]]);
  await send(channel, 'k1');
  await send(channel, 'k1');
  expect(shown()).toHaveLength(1);
});

it.each([
  ['reset', 'unknown', 0],
  ['error-500', 'retry', 0],
  ['accept-silent', 'unknown', 1],
  ['accept-reset', 'unknown', 1],
  // The status came, which is all that counts.
  ['slow-body', 'sent', 1],
  ['endless-body', 'sent', 1],
  ['not-json', 'sent', 1],
] as const)('a receiver that does %s: %s', async (fault, kind, count) => {
  scene.world.faults.set('webhook', fault);
  const channel = made([['old', OLD]]);
  expect((await send(channel, 'k1')).kind).toBe(kind);
  expect(shown()).toHaveLength(count);
});

it('a host that the configuration does not name is not reached, though it is there', async () => {
  const { port } = new URL(scene.url);
  for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0']) {
    const url = `https://${host}:${port}/hooks/${encodeURIComponent(PHONE)}`;
    const channel = made([['old', OLD]], { url, internalHosts: [] });
    expect(await send(channel, 'k1')).toMatchObject({ kind: 'fault', code: 'forbidden-address' });
  }
  expect(shown()).toEqual([]);
});

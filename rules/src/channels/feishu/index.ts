/**
 * Robot of a Feishu group 飞书群机器人 with a signature (open.feishu.cn/document/client-docs/bot-v3/add-custom-bot): 100 messages a
 * minute and 5 a second, requests of at most 20 KB. Messages are cards with a coloured head and a button to the alert.
 */
import { MINUTE, SECOND } from '@village/core';
import { z } from 'zod';
import type { ChannelKind, Outgoing } from '../contract.ts';
import { robot, webhookUrl } from '../http/robot.ts';
import { checkedOptions, secret, timeoutMs } from '../options.ts';
import { fitLines } from '../prose/cut.ts';
import { linkOf, mentionOf, unmarked } from '../prose/marks.ts';
import { moreOf, openOf, proseOf } from '../prose/prose.ts';
import { feishuSignature } from './signature.ts';

const schema = z.strictObject({
  /** `https://open.feishu.cn/open-apis/bot/v2/hook/…` */
  webhook: webhookUrl(/\/open-apis\/bot\/v2\/hook\/[\w-]{1,200}$/, null),
  secret,
  timeoutMs,
});
type Options = z.infer<typeof schema>;

/** Below half of what a request may have, since JSON may write a sign with two. */
const CONTENT_BYTES_MAX = 9000;

function colour({ parts: { kind, severity } }: Outgoing): string {
  if (kind === 'clear') return 'green';
  if (kind === 'test' || kind === 'digest') return 'blue';
  return { critical: 'red', major: 'orange', minor: 'yellow', info: 'grey' }[severity];
}

function cardOf(message: Outgoing): unknown {
  const { language, to } = message;
  const { title, lines, list } = proseOf(message);
  const { all, id } = mentionOf(to);
  const colon = language === 'zh' ? '：' : ': ';
  const content = fitLines(
    {
      head: lines.map(({ name, text }) => `**${name}**${colon}${unmarked(text)}`),
      list: list.map((text) => `- ${unmarked(text)}`),
      foot: all || id !== null ? [`<at id=${id ?? 'all'}></at>`] : [],
    },
    CONTENT_BYTES_MAX,
    (count) => `- ${moreOf(language)(count)}`,
  );
  const url = linkOf(message.url);
  const button = {
    tag: 'button',
    text: { tag: 'plain_text', content: openOf(language) },
    type: 'primary',
    url,
  };
  return {
    config: { wide_screen_mode: true },
    header: { title: { tag: 'plain_text', content: title }, template: colour(message) },
    elements: [
      { tag: 'div', text: { tag: 'lark_md', content } },
      ...(url === null ? [] : [{ tag: 'action', actions: [button] }]),
    ],
  };
}

/** Newer answers say `code`, older ones `StatusCode`. */
function answerOf(
  json: Readonly<Record<string, unknown>>,
): { number: number; text: unknown } | undefined {
  const number = json['code'] ?? json['StatusCode'];
  const text = json['msg'] ?? json['StatusMessage'];
  return typeof number === 'number' ? { number, text } : undefined;
}

export const feishu: ChannelKind<Options> = {
  kind: 'feishu',
  title: { zh: '飞书群机器人', en: 'Feishu group robot' },
  reaches: 'group',
  secrets: ['webhook', 'secret'],
  limits: [
    { of: 'channel', most: 100, inMs: MINUTE },
    { of: 'channel', most: 5, inMs: SECOND },
  ],
  options: (given) => checkedOptions(schema, given),
  make(id, { webhook, secret, timeoutMs }, { timer }) {
    const url = new URL(webhook);
    return robot(
      id,
      {
        request(message) {
          const timestamp = String(Math.floor(timer.now() / SECOND));
          const sign = feishuSignature(timestamp, secret);
          return {
            url,
            body: { timestamp, sign, msg_type: 'interactive', card: cardOf(message) },
          };
        },
        answer: answerOf,
        codes: {
          // Robot unknown, signature, address, keyword.
          fault: [19001, 19021, 19022, 19024],
          retry: [-1],
          limited: { 11232: { of: 'channel', ms: MINUTE } },
        },
        secrets: [url.pathname.split('/').at(-1) ?? '', secret],
      },
      { timer, timeoutMs },
    );
  },
};

/**
 * Robot of a WeCom group 企业微信群机器人 (消息推送): markdown of at most 4,096 bytes, 20 messages a minute
 * (developer.work.weixin.qq.com/document/path/91770). Its key is its whole secret; nothing is signed.
 */
import { MINUTE } from '@village/core';
import { z } from 'zod';
import type { ChannelKind, Outgoing } from '../contract.ts';
import { robot, webhookUrl } from '../http/robot.ts';
import { checkedOptions, timeoutMs } from '../options.ts';
import { type MarkdownStyle, markdownOf, mentionOf } from '../prose/marks.ts';
import { proseOf } from '../prose/prose.ts';

const schema = z.strictObject({
  /** `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…` */
  webhook: webhookUrl(/\/cgi-bin\/webhook\/send$/, 'key'),
  timeoutMs,
});
type Options = z.infer<typeof schema>;

const MARKDOWN_BYTES_MAX = 4096;

/** The colours that a group's markdown knows. */
function colour({ parts: { kind, severity } }: Outgoing): 'info' | 'comment' | 'warning' {
  if (kind === 'clear') return 'info';
  return severity === 'critical' || severity === 'major' ? 'warning' : 'comment';
}

function contentOf(message: Outgoing): string {
  const { id } = mentionOf(message.to);
  const style: MarkdownStyle = {
    title: (text) => `**<font color="${colour(message)}">${text}</font>**`,
    line: (name, text) => `>${name}：<font color="comment">${text}</font>`,
    entry: (text) => `- ${text}`,
    mention: id === null ? '' : `<@${id}>`,
  };
  return markdownOf(proseOf(message), message, style, MARKDOWN_BYTES_MAX);
}

export const wecomRobot: ChannelKind<Options> = {
  kind: 'wecom-robot',
  title: { zh: '企业微信群机器人', en: 'WeCom group robot' },
  reaches: 'group',
  secrets: ['webhook'],
  limits: [{ of: 'channel', most: 20, inMs: MINUTE }],
  options: (given) => checkedOptions(schema, given),
  make(id, { webhook, timeoutMs }, { timer }) {
    const url = new URL(webhook);
    return robot(
      id,
      {
        request: (message) => ({
          url,
          body: { msgtype: 'markdown', markdown: { content: contentOf(message) } },
        }),
        answer: ({ errcode, errmsg }) =>
          typeof errcode === 'number' ? { number: errcode, text: errmsg } : undefined,
        codes: {
          // Key unknown; robot taken out of the group.
          fault: [93000, 93004, 93008],
          retry: [-1],
          limited: { 45009: { of: 'channel', ms: MINUTE }, 45033: { of: 'channel', ms: MINUTE } },
        },
        secrets: [url.searchParams.get('key') ?? ''],
      },
      { timer, timeoutMs },
    );
  },
};

/**
 * Template messages of a WeChat service account 公众号模板消息 to its followers, for notices that somebody asked for
 * (developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage). The key is WeChat's own against sending twice.
 */
import { OperationalError, SECOND } from '@village/core';
import { z } from 'zod';
import type { ChannelKind, Heard, Inbound, Receipt } from '../contract.ts';
import { checkedOptions } from '../options.ts';
import { linkOf } from '../prose/marks.ts';
import {
  type CallbackKeys,
  callbackSchema,
  openCallback,
  proveCallback,
  xmlTexts,
} from '../wechat/callback.ts';
import { pageOf, templateChannel, templateOptions } from '../wechat/template-channel.ts';

const schema = z.strictObject({
  ...templateOptions,
  /** Opens a page of a mini program instead of the alert's page; `{code}` in it is the alert's code. */
  miniProgram: z
    .strictObject({ appId: z.string().min(1).max(64), page: z.string().min(1).max(200) })
    .optional(),
  /** Of the account's page 服务器配置 in safe mode 安全模式: tells what became of messages. */
  callback: callbackSchema.optional(),
});
type Options = z.infer<typeof schema>;

/** What became of a message; null for events of other kinds. */
function receiptOf(event: ReadonlyMap<string, string>): Receipt | null {
  if (event.get('Event') !== 'TEMPLATESENDJOBFINISH') return null;
  const id = event.get('MsgID') ?? event.get('MsgId') ?? '';
  const status = event.get('Status') ?? '';
  const seconds = Number(event.get('CreateTime'));
  if (id === '' || !Number.isFinite(seconds))
    throw new OperationalError('not-ours', 'an event without message or time');
  const state = status === 'success' ? 'delivered' : 'failed';
  return { id, ours: null, state, at: seconds * SECOND, code: status };
}

function hear(
  { token, encodingAesKey }: CallbackKeys,
  appId: string,
  { method, query, body }: Inbound,
): Heard {
  const { timestamp = '', nonce = '' } = query;
  const heard = (text: string, receipts: readonly Receipt[]): Heard => ({
    receipts,
    replies: [],
    answer: { status: 200, type: 'text/plain', body: text },
  });
  if (method === 'GET') {
    proveCallback(query['signature'], token, timestamp, nonce);
    return heard(query['echostr'] ?? '', []);
  }
  const encrypted = xmlTexts(Buffer.from(body).toString('utf8')).get('Encrypt') ?? '';
  proveCallback(query['msg_signature'], token, timestamp, nonce, encrypted);
  const receipt = receiptOf(xmlTexts(openCallback(encodingAesKey, appId, encrypted)));
  return heard('success', receipt === null ? [] : [receipt]);
}

export const wechatTemplate: ChannelKind<Options> = {
  kind: 'wechat-template',
  title: { zh: '公众号模板消息', en: 'WeChat template message' },
  reaches: 'openid',
  secrets: ['appSecret', 'callback'],
  // A hundred thousand a day and more, by the number of followers.
  limits: [],
  options: (given) => checkedOptions(schema, given),
  make(id, { miniProgram, callback, ...options }, { timer }) {
    const channel = templateChannel(
      {
        id,
        options,
        path: '/cgi-bin/message/template/send',
        more(message) {
          const link = linkOf(message.url);
          return {
            client_msg_id: message.key,
            ...(link === null ? {} : { url: link }),
            ...(miniProgram === undefined
              ? {}
              : {
                  miniprogram: {
                    appid: miniProgram.appId,
                    pagepath: pageOf(miniProgram.page, message),
                  },
                }),
          };
        },
        secrets: Object.values(callback ?? {}),
      },
      timer,
    );
    return callback === undefined
      ? channel
      : { ...channel, hear: (request) => hear(callback, options.appId, request) };
  },
};

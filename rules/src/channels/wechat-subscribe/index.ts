/**
 * Subscribe messages of a WeChat mini program 小程序订阅消息 (developers.weixin.qq.com, subscribeMessage.send). One tap of a person allows
 * one message, unless the account may be subscribed to for long; how many are left is counted by whoever sends: nobody can ask.
 */
import { z } from 'zod';
import type { ChannelKind } from '../contract.ts';
import { checkedOptions } from '../options.ts';
import { pageOf, templateChannel, templateOptions } from '../wechat/template-channel.ts';

const schema = z.strictObject({
  ...templateOptions,
  /** Page that a tap opens; `{code}` in it is the alert's code. */
  page: z.string().min(1).max(200).optional(),
  state: z.enum(['developer', 'trial', 'formal']).default('formal'),
});
type Options = z.infer<typeof schema>;

export const wechatSubscribe: ChannelKind<Options> = {
  kind: 'wechat-subscribe',
  title: { zh: '小程序订阅消息', en: 'WeChat subscribe message' },
  reaches: 'openid',
  secrets: ['appSecret'],
  // Ten million a day, which no county comes near.
  limits: [],
  options: (given) => checkedOptions(schema, given),
  make: (id, { page, state, ...options }, { timer }) =>
    templateChannel(
      {
        id,
        options,
        path: '/cgi-bin/message/subscribe/send',
        more: (message) => ({
          ...(page === undefined ? {} : { page: pageOf(page, message) }),
          miniprogram_state: state,
          lang: message.language === 'zh' ? 'zh_CN' : 'en_US',
        }),
        secrets: [],
      },
      timer,
    ),
};

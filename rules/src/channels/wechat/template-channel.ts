/** Template messages of service accounts and of mini programs: the same fields and the same way, under two addresses. */
import type { Timer } from '@village/core';
import { z } from 'zod';
import type { Channel, Outcome, Outgoing } from '../contract.ts';
import { Health } from '../health.ts';
import { baseUrl, secret, timeoutMs } from '../options.ts';
import { templateFor, templatesSchema, weixinData } from './templates.ts';
import { WechatApp } from './wechat.ts';

/** What both need to know. */
export const templateOptions = {
  appId: z.string().regex(/^[\w-]{1,64}$/, "must be the app's id"),
  appSecret: secret,
  templates: templatesSchema,
  baseUrl: baseUrl('https://api.weixin.qq.com'),
  timeoutMs,
};
const schema = z.strictObject(templateOptions);
type Options = z.infer<typeof schema>;

/** How WeChat knows a person to one app. */
const OPENID = /^[\w-]{6,64}$/;

/** A page of a mini program, with the code of the alert where it has `{code}`. */
export const pageOf = (page: string, { code }: Outgoing): string =>
  page.replaceAll('{code}', encodeURIComponent(code ?? ''));

export function templateChannel(
  given: {
    readonly id: string;
    readonly options: Options;
    readonly path: string;
    /** What is in the body besides the person, the template and its fields. */
    readonly more: (message: Outgoing) => Readonly<Record<string, unknown>>;
    /** Told nowhere, besides the app's own. */
    readonly secrets: readonly string[];
  },
  timer: Timer,
): Channel {
  const { id, options, path, more, secrets } = given;
  const { templates } = options;
  const app = new WechatApp(options, secrets, timer);
  const health = new Health(timer.now);
  const rejected = (code: string, text: string): Outcome => ({ kind: 'rejected', code, text });
  const send = async (message: Outgoing, signal: AbortSignal): Promise<Outcome> => {
    if (!OPENID.test(message.to)) return rejected('address', 'it is no openid');
    const template = templateFor(templates, message);
    if (template === undefined)
      return rejected('no-template', `no template is for notices of kind ${message.parts.kind}`);
    const filled = weixinData(template, message, timer.now());
    if ('missing' in filled)
      return rejected('field', `the notice has nothing to say in ${filled.missing}`);
    const body = {
      touser: message.to,
      template_id: template.id,
      ...more(message),
      data: filled.data,
    };
    return app.call(path, body, signal, ({ msgid }) => ({
      kind: 'sent',
      id: typeof msgid === 'number' || typeof msgid === 'string' ? String(msgid) : null,
    }));
  };
  return {
    id,
    send: async (message, signal) => health.note(await send(message, signal)),
    health: () => health.told(app.told()),
    close() {
      app.close();
      return Promise.resolve();
    },
  };
}

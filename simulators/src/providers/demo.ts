/**
 * The providers of a demonstration: accounts whose keys follow from a seed, approved templates, people with phones, and the options of
 * the channels that belong to them, as somebody would write them for the server.
 */
import { demoSecret } from '../county/plan.ts';
import { aliyunSms, aliyunSmsAccount } from './aliyun/sms.ts';
import { aliyunVoice, aliyunVoiceAccount } from './aliyun/voice.ts';
import { demoChats } from './demo-chats.ts';
import type { Provider } from './provider.ts';
import { tencentSms, tencentSmsAccount } from './tencent/sms.ts';
import type { World } from './world.ts';

/** A channel as the server is told of it. */
export interface DemoChannel {
  readonly id: string;
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Demo {
  readonly providers: readonly Provider[];
  /** Options with the providers at that address. */
  channels(url: string): DemoChannel[];
  /** Gives the phones their names. */
  people(world: World): void;
}

export const DEMO_PEOPLE = [
  { phone: '13800000001', name: '村管护员 王师傅', wecom: 'wangshifu', openid: 'o-demo-wang-01' },
  { phone: '13800000002', name: '镇值班员 李敏', wecom: 'limin', openid: 'o-demo-limin-2' },
  { phone: '13800000003', name: '县值班员 陈晨', wecom: 'chenchen', openid: 'o-demo-chen-03' },
  { phone: '13800000004', name: '运维公司 周工', wecom: 'zhougong', openid: 'o-demo-zhou-04' },
] as const;

const SIGN = '长兴数字乡村';

/** As they would be sent in for approval: sentences without links, a contact number or refused characters. */
const SMS_TEMPLATES = [
  {
    id: 'SMS_480000001',
    kinds: ['active', 'worse', 'reminder'],
    text: `\${kind}：\${place}\${device}\${what}，\${value}，\${since}起。\${advice}。回复1 \${code}确认`,
  },
  {
    id: 'SMS_480000002',
    kinds: ['clear'],
    text: `\${kind}：\${place}\${device}\${what}，\${since}至\${until}。`,
  },
  { id: 'SMS_480000003', kinds: ['summary', 'digest'], text: `\${kind}：\${summary}` },
  { id: 'SMS_480000004', kinds: ['test'], text: `\${kind}：\${place}` },
] as const;
const CALL_TEMPLATE = {
  id: 'TTS_480000001',
  // Nobody is called for what is over.
  kinds: ['active', 'worse', 'reminder'],
  text: `您好，这里是长兴县数字乡村平台。\${severity}告警，\${place}\${device}，\${what}，\${since}开始。\${advice}。请尽快处理。`,
};

const namesIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/\$\{([a-z]+)\}/g)].map(([, name = '']) => name)),
];

/** The vendor's text has numbers where ours has names. */
function numbered(text: string): string {
  const names = namesIn(text);
  return text.replace(/\$\{([a-z]+)\}/g, (_all, name: string) => `{${names.indexOf(name) + 1}}`);
}

/** `hook` is where the server takes what providers post to a channel, with `{channel}` for its id; null where nothing is posted. */
export function demoProviders(seed: number, hook: string | null): Demo {
  const secret = (name: string): string => demoSecret(seed, `provider-${name}`);
  const hookUrl = (channel: string): string | null =>
    hook === null ? null : `${hook.replaceAll('{channel}', channel)}/${secret(`hook-${channel}`)}`;
  const keys = { accessKeyId: 'DEMOALIYUN', accessKeySecret: secret('aliyun') };
  const aliyun = aliyunSmsAccount({
    ...keys,
    receiptUrl: hookUrl('aliyun-sms'),
    replyUrl: hookUrl('aliyun-sms'),
  });
  aliyun.signatures.set(SIGN, 'approved');
  for (const { id, text } of SMS_TEMPLATES)
    aliyun.templates.set(id, {
      code: id,
      type: 'notice',
      text,
      state: 'approved',
      variables: Object.fromEntries(namesIn(text).map((name) => [name, 35])),
    });
  const voice = aliyunVoiceAccount({ ...keys, receiptUrl: hookUrl('aliyun-voice') });
  voice.templates.set(CALL_TEMPLATE.id, {
    code: CALL_TEMPLATE.id,
    text: CALL_TEMPLATE.text,
    state: 'approved',
    variables: namesIn(CALL_TEMPLATE.text),
  });
  const tencent = tencentSmsAccount({
    secretId: 'DEMOTENCENT',
    secretKey: secret('tencent'),
    sdkAppId: '1400000001',
    callbackUrl: hookUrl('tencent-sms'),
  });
  tencent.signatures.add(SIGN);
  for (const { id, text } of SMS_TEMPLATES)
    tencent.templates.set(id, { id, text: numbered(text), state: 'approved', longest: 20 });
  const chats = demoChats(DEMO_PEOPLE, secret, (channel) =>
    hook === null ? null : hook.replaceAll('{channel}', channel),
  );
  return {
    providers: [aliyunSms(aliyun), aliyunVoice(voice), tencentSms(tencent), ...chats.providers],
    channels(url) {
      const hookSecret = (channel: string) => ({ hookSecret: secret(`hook-${channel}`) });
      const common = { baseUrl: `${url}/`, signName: SIGN, templates: SMS_TEMPLATES };
      const { secretId, secretKey, sdkAppId } = tencent;
      return [
        {
          id: 'aliyun-sms',
          kind: 'aliyun-sms',
          options: { ...common, ...keys, ...hookSecret('aliyun-sms') },
        },
        {
          id: 'tencent-sms',
          kind: 'tencent-sms',
          options: { ...common, secretId, secretKey, sdkAppId, ...hookSecret('tencent-sms') },
        },
        {
          id: 'aliyun-voice',
          kind: 'aliyun-voice',
          options: {
            baseUrl: `${url}/`,
            ...keys,
            templates: [CALL_TEMPLATE],
            ...hookSecret('aliyun-voice'),
          },
        },
        ...chats.channels(url),
      ];
    },
    people(world) {
      for (const { phone, name } of DEMO_PEOPLE) world.phone(phone).name = name;
    },
  };
}

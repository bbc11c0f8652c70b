/** The chats of a demonstration: robots of groups, an app of WeCom, a service account and a mini program of WeChat, and a webhook. */
import { webhookReceivers } from './hook/receiver.ts';
import type { Provider } from './provider.ts';
import { dingtalkRobots } from './robots/dingtalk.ts';
import { feishuRobots } from './robots/feishu.ts';
import { wecomRobots } from './robots/wecom.ts';
import type { CallbackAccount } from './weixin/seal.ts';
import { wechatAccount, wechatApps } from './weixin/wechat.ts';
import { wecomAccount, wecomApps } from './weixin/wecom-app.ts';

/** How the chats know a person. */
export interface ChatPerson {
  readonly name: string;
  readonly wecom: string;
  readonly openid: string;
}

export interface DemoChats {
  readonly providers: readonly Provider[];
  channels(url: string): { id: string; kind: string; options: Readonly<Record<string, unknown>> }[];
}

/** Fields of the two templates, with the labels that WeChat shows and what ours puts into them. */
const SERVICE_TEMPLATE = {
  id: 'TM00000001',
  title: '设备告警通知',
  fields: { thing1: '设备', thing2: '告警', time3: '时间', phrase4: '级别' },
  texts: {
    thing1: `\${place}\${device}`,
    thing2: `\${what}\${value}`,
    time3: `\${since}`,
    phrase4: `\${severity}`,
  },
};
const MINI_TEMPLATE = {
  id: 'SM00000001',
  title: '环境提醒',
  fields: { thing1: '地点', thing2: '内容', phrase3: '状态' },
  texts: { thing1: `\${place}`, thing2: `\${what}`, phrase3: `\${kind}` },
};
const PAGE = 'pages/alert';
/** What a person of the demonstration has allowed; nobody taps there. */
const ALLOWED = 1_000_000;
const SYSTEM = '县应急指挥平台';

type Secret = (name: string) => string;

const channel = (kind: string, options: Readonly<Record<string, unknown>>) => ({
  id: kind,
  kind,
  options,
});

function groups(secret: Secret): DemoChats {
  const robot = { key: secret('wecom-robot'), group: '和平镇环境值班群' };
  const dingtalk = {
    accessToken: secret('dingtalk-token'),
    secret: `SEC${secret('dingtalk')}`,
    group: '运维公司钉钉群',
    keywords: [],
    deniedAddress: false,
  };
  const feishu = {
    hook: secret('feishu-hook'),
    secret: secret('feishu'),
    group: '县治理中心飞书群',
    keywords: [],
    deniedAddress: false,
  };
  return {
    providers: [wecomRobots([robot]), dingtalkRobots([dingtalk]), feishuRobots([feishu])],
    channels: (url) => [
      channel('wecom-robot', { webhook: `${url}/cgi-bin/webhook/send?key=${robot.key}` }),
      channel('dingtalk', {
        webhook: `${url}/robot/send?access_token=${dingtalk.accessToken}`,
        secret: dingtalk.secret,
      }),
      channel('feishu', {
        webhook: `${url}/open-apis/bot/v2/hook/${feishu.hook}`,
        secret: feishu.secret,
      }),
    ],
  };
}

/** Token and key by which events of a channel are sealed; null where none are posted. */
function callbackOf(name: string, secret: Secret, url: string | null): CallbackAccount | null {
  if (url === null) return null;
  const key = `${secret(`${name}-aes`)}${secret(`${name}-more`)}`.replaceAll(/[-_]/g, 'A');
  return { url, token: secret(`${name}-token`), encodingAesKey: key.slice(0, 43) };
}

const told = (callback: CallbackAccount | null): Record<string, unknown> =>
  callback === null
    ? {}
    : { callback: { token: callback.token, encodingAesKey: callback.encodingAesKey } };

function wecom(people: readonly ChatPerson[], secret: Secret, hook: string | null): DemoChats {
  const account = wecomAccount({
    corpId: 'wwdemo00000000001',
    secret: secret('wecom-app'),
    agentId: 1_000_002,
    members: new Map(people.map((person) => [person.wecom, person.name])),
    callback: callbackOf('wecom-app', secret, hook),
  });
  const { corpId, agentId, callback } = account;
  return {
    providers: [wecomApps(account)],
    channels: (url) => [
      channel('wecom-app', {
        baseUrl: url,
        corpId,
        agentId,
        secret: account.secret,
        ...told(callback),
      }),
    ],
  };
}

function wechat(people: readonly ChatPerson[], secret: Secret, hook: string | null): DemoChats {
  const service = wechatAccount({
    kind: 'service',
    appId: 'wxdemo000000service',
    secret: secret('wechat-template'),
    templates: new Map([[SERVICE_TEMPLATE.id, SERVICE_TEMPLATE]]),
    people: new Map(
      people.map(({ openid, name }) => [openid, { name, follows: true, left: new Map() }]),
    ),
    callback: callbackOf('wechat-template', secret, hook),
  });
  const mini = wechatAccount({
    kind: 'mini-program',
    appId: 'wxdemo000000000mini',
    secret: secret('wechat-subscribe'),
    templates: new Map([[MINI_TEMPLATE.id, MINI_TEMPLATE]]),
    people: new Map(
      people.map(({ openid, name }) => [
        openid,
        { name, follows: false, left: new Map([[MINI_TEMPLATE.id, ALLOWED]]) },
      ]),
    ),
    pages: new Set([PAGE]),
  });
  return {
    providers: [wechatApps([service, mini])],
    channels: (url) => [
      channel('wechat-template', {
        baseUrl: url,
        appId: service.appId,
        appSecret: service.secret,
        templates: [{ id: SERVICE_TEMPLATE.id, fields: SERVICE_TEMPLATE.texts }],
        ...told(service.callback),
      }),
      channel('wechat-subscribe', {
        baseUrl: url,
        appId: mini.appId,
        appSecret: mini.secret,
        templates: [{ id: MINI_TEMPLATE.id, fields: MINI_TEMPLATE.texts }],
        page: `${PAGE}?code={code}`,
      }),
    ],
  };
}

function hooks(secret: Secret): DemoChats {
  const receiver = { name: SYSTEM, keys: new Map([['demo', secret('webhook')]]), status: 200 };
  return {
    providers: [webhookReceivers([receiver])],
    channels: (url) => [
      channel('webhook', {
        url: `${url}/hooks/${encodeURIComponent(SYSTEM)}`,
        keys: [{ id: 'demo', secret: secret('webhook') }],
        internalHosts: [new URL(url).hostname],
      }),
    ],
  };
}

/** `secret` makes one from a name; `hook` is where events of a channel are posted, null for nowhere. */
export function demoChats(
  people: readonly ChatPerson[],
  secret: Secret,
  hook: (channel: string) => string | null,
): DemoChats {
  const all = [
    groups(secret),
    wecom(people, secret, hook('wecom-app')),
    wechat(people, secret, hook('wechat-template')),
    hooks(secret),
  ];
  return {
    providers: all.flatMap(({ providers }) => providers),
    channels: (url) => all.flatMap(({ channels }) => channels(url)),
  };
}

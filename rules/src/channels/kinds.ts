/** The kinds of channels, a line each; no other file asks for one by its name. */
import { aliyunSms } from './aliyun-sms/index.ts';
import { aliyunVoice } from './aliyun-voice/index.ts';
import type { AnyChannelKind } from './contract.ts';
import { dingtalk } from './dingtalk/index.ts';
import { email } from './email/index.ts';
import { feishu } from './feishu/index.ts';
import { smppGateway } from './smpp/index.ts';
import { smsModem } from './sms-modem/index.ts';
import { tencentSms } from './tencent-sms/index.ts';
import { webhook } from './webhook/index.ts';
import { wechatSubscribe } from './wechat-subscribe/index.ts';
import { wechatTemplate } from './wechat-template/index.ts';
import { wecomApp } from './wecom-app/index.ts';
import { wecomRobot } from './wecom-robot/index.ts';

export const CHANNEL_KINDS: readonly AnyChannelKind[] = [
  aliyunSms,
  aliyunVoice,
  dingtalk,
  email,
  feishu,
  smppGateway,
  smsModem,
  tencentSms,
  webhook,
  wechatSubscribe,
  wechatTemplate,
  wecomApp,
  wecomRobot,
];

/** The kind of that name; undefined where there is none. */
export const channelKind = (name: string): AnyChannelKind | undefined =>
  CHANNEL_KINDS.find(({ kind }) => kind === name);

/** Fake providers of messages: the vendors' addresses on one port, with phones that show what came. */
export {
  type AliyunSmsAccount,
  type AliyunSmsTemplate,
  aliyunSms,
  aliyunSmsAccount,
} from './aliyun/sms.ts';
export {
  type AliyunVoiceAccount,
  type AliyunVoiceTemplate,
  aliyunVoice,
  aliyunVoiceAccount,
} from './aliyun/voice.ts';
export { DEMO_PEOPLE, type Demo, type DemoChannel, demoProviders } from './demo.ts';
export { FAULT_KINDS, type FaultKind } from './faults.ts';
export { type HookReceiver, webhookReceivers } from './hook/receiver.ts';
export type { Manner } from './postman.ts';
export { bodyObject, bodyText, type Provider, type RequestHead } from './provider.ts';
export { type ProvidersOptions, type RunningProviders, startProviders } from './providers.ts';
export { type DingtalkRobot, dingtalkRobots } from './robots/dingtalk.ts';
export { type FeishuRobot, feishuRobots } from './robots/feishu.ts';
export { type WecomRobot, wecomRobots } from './robots/wecom.ts';
export {
  type TencentSmsAccount,
  type TencentSmsTemplate,
  tencentSms,
  tencentSmsAccount,
} from './tencent/sms.ts';
export { type CallbackAccount, seal } from './weixin/seal.ts';
export {
  type WechatAccount,
  type WechatFields,
  type WechatPerson,
  wechatAccount,
  wechatApps,
} from './weixin/wechat.ts';
export { type WecomAccount, wecomAccount, wecomApps } from './weixin/wecom-app.ts';
export type { Phone, PhoneState, Reaction, Shown, World } from './world.ts';

/** What the page of tokens says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  intro: {
    zh: '其他系统凭令牌调用接口（Authorization: Bearer …），权限与范围同所选角色。不再使用的请及时撤销。',
    en: 'Other systems call the interface with a token (Authorization: Bearer …), with the rights of its role in its area. Revoke what is not used any more.',
  },
  add: { zh: '创建令牌', en: 'Make a token' },
  'add-go': { zh: '创建', en: 'Make it' },
  name: { zh: '用途', en: 'What it is for' },
  'name-hint': { zh: '例如：县气象局数据接入', en: 'e.g. data of the weather bureau' },
  role: { zh: '角色', en: 'Role' },
  'can.clerk': { zh: '只读。', en: 'Reads only.' },
  'can.officer': { zh: '读，并可写入读数。', en: 'Reads, and posts readings.' },
  'can.admin': {
    zh: '可以管理设备和用户：除非必要，请选权限较小的角色。',
    en: 'Manages devices and people: choose a lesser role unless it must.',
  },
  area: { zh: '范围', en: 'Area' },
  'made-by': { zh: '创建', en: 'Made by' },
  'last-used': { zh: '最近使用', en: 'Last used' },
  expires: { zh: '有效期至', en: 'Valid until' },
  'never-ends': { zh: '长期有效', en: 'Without end' },
  ended: { zh: '已过期', en: 'Expired' },
  suspended: {
    zh: '停用：创建人已锁定或不再是管理员',
    en: 'Suspended: its maker is locked or no administrator any more',
  },
  days: { zh: '{n} 天', en: '{n} days' },
  made: {
    zh: '令牌已创建。关闭后不能再查看，请现在就存到调用方的配置里。',
    en: 'The token is made. It can not be seen again: put it into the calling system now.',
  },
  'token-once': { zh: '令牌（只显示这一次）', en: 'Token (shown this once)' },
  try: { zh: '试一试：列出五台设备', en: 'Try it: lists five devices' },
  noted: { zh: '已保存，关闭', en: 'Kept, close' },
  cancel: { zh: '取消', en: 'Cancel' },
  revoke: { zh: '撤销', en: 'Revoke' },
  sure: {
    zh: '撤销令牌“{name}”？使用它的系统立即无法访问，且不能恢复。',
    en: 'Revoke the token “{name}”? Systems that use it are refused at once; this can not be undone.',
  },
  revoked: { zh: '已撤销“{name}”', en: '“{name}” is revoked' },
  search: { zh: '按名称、编号或创建人查找', en: 'Find by name, id or maker' },
  none: { zh: '没有找到令牌', en: 'No token found' },
  'none-hint': { zh: '换一部分名称再试。', en: 'Try another part of the name.' },
  clear: { zh: '显示全部', en: 'Show all' },
  empty: { zh: '还没有令牌', en: 'No tokens yet' },
  'empty-hint': {
    zh: '其他系统要读取或写入数据时，为它创建一个。人员请用自己的账号登录。',
    en: 'Make one for each system that reads or writes data. People sign in with their own accounts.',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);

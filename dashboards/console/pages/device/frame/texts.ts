/** What the panel of a device's messages says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  frame: { zh: '原始报文', en: 'As received' },
  'frame.hint': {
    zh: '指向一个指标，点亮它所在的字节；点按可固定。',
    en: 'Point at a metric to light its bytes; click to keep it lit.',
  },
  'frame.none': { zh: '没有保存这一时刻的报文', en: 'No message of that time is kept' },
  'frame.none-hint': {
    zh: '报文自收到起保存一段时间（一般为 90 天），被引用的保存更久；超过 64 KiB 的报文不保存。',
    en: 'Messages are kept for a time from receipt (90 days as a rule), longer where something quotes them; none of more than 64 KiB.',
  },
  'frame.source': { zh: '发送者', en: 'Sender' },
  'frame.way': { zh: '途径', en: 'Way' },
  'frame.sequence': { zh: '批次号', en: 'Batch number' },
  'frame.at': { zh: '数据时间', en: 'Time of the data' },
  'frame.received': { zh: '接收时间', en: 'Received' },
  'frame.length': { zh: '长度', en: 'Length' },
  'frame.bytes': { zh: '{n} 字节', en: '{n} bytes' },
  'frame.fields': { zh: '字段', en: 'Fields' },
  'frame.place': { zh: '第 {from}–{to} 字节', en: 'bytes {from}–{to}' },
  'frame.one-byte': { zh: '第 {at} 字节', en: 'byte {at}' },
  'frame.gateway': { zh: '网关 {id}', en: 'Gateway {id}' },
  'frame.direct': { zh: '{id}（直连）', en: '{id} (direct)' },
  'frame.posted-by': { zh: '{name}（HTTP 接口）', en: '{name} (HTTP)' },
  'frame.http': { zh: 'HTTP 接口', en: 'HTTP' },
  'frame.topic': { zh: 'MQTT 主题 {topic}', en: 'MQTT topic {topic}' },
  'frame.no-fields': {
    zh: '无法指出各数值所在的字节。',
    en: 'Which bytes gave which value can not be told.',
  },
  'frame.missed': {
    zh: '这些时间收到的报文有缺失：{spans}',
    en: 'Messages received at these times are missing: {spans}',
  },
  'frame.missed-more': { zh: '，另有 {n} 段', en: ', and {n} more' },
  'frame.span': { zh: '{from} 至 {to}', en: '{from} to {to}' },
  'frame.more': {
    zh: '这一时刻还有更多报文，只显示最先收到的 {n} 条。',
    en: 'There are more messages of this time; the {n} received first are shown.',
  },
  'frame.differs': {
    zh: '这条报文中的数值与存储的不同：可能同一时刻后来又收到报文，或发送者附上的报文不是该读数的报文。',
    en: 'This message says other values than were stored: another of the same time came later, or the sender put a message beside a reading that is not its own.',
  },
  'frame.stored': { zh: '存储值 {value}', en: 'stored: {value}' },
  'frame.not-compared': {
    zh: '暂时无法与存储的数值核对。',
    en: 'It can not be compared with what is stored at the moment.',
  },
  'frame.newest': { zh: '回到最新', en: 'Back to the newest' },
  'frame.open': { zh: '报文', en: 'Message' },
  'frame.of': { zh: '{time} 的报文', en: 'Message of {time}' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);

/** What is wrong with a value of the configuration, in Chinese: the schema says it in English. */
import type { z } from 'zod';

const KINDS: Readonly<Record<string, string>> = {
  number: '数字',
  int: '整数',
  string: '文字（必要时加引号）',
  boolean: 'true 或 false',
  object: '一组“键: 值”',
  array: '列表 [ ]',
};

/** Of texts that the schema words itself; what is not known is said in its own. */
const OWN: readonly (readonly [pattern: RegExp, zh: string])[] = [
  [/^must be a duration/, '须为时长，如 90s、15m、26h、7d，且不超出允许范围'],
  [/^must be http/, '须为 http:// 或 https:// 地址'],
  [/^needs the certificate of mqtt\.tls/, '需要 mqtt.tls 中的证书'],
  [/^needed to tell whose/, '须给出，用来判断哪些客户端证书有效'],
];

export function chineseOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `没有这个键：${issue.keys.join('、')}，请检查拼写和缩进`;
    case 'invalid_type':
      return `须为${KINDS[issue.expected] ?? issue.expected}`;
    case 'too_big':
      return `太大或太长，最多 ${issue.maximum}`;
    case 'too_small':
      return `太小或太短，至少 ${issue.minimum}`;
    case 'invalid_value':
      return `须为 ${issue.values.map(String).join('、')} 之一`;
    default:
      return OWN.find(([pattern]) => pattern.test(issue.message))?.[1] ?? issue.message;
  }
}

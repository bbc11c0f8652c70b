/** What a notice says where there is room: a title, named lines and a list. Short messages are made of the same parts elsewhere. */
import { formatCountyTime, type Label, SEVERITY_NAMES } from '@village/core';
import type { NoticeKind, Outgoing } from '../contract.ts';
import { oneLine } from './cut.ts';

export interface Line {
  readonly name: string;
  readonly text: string;
}

/** All on one line each, without control characters. */
export interface Prose {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Of a summary or a digest. */
  readonly list: readonly string[];
}

export const NOTICE_NAMES: Readonly<Record<NoticeKind, Label>> = {
  active: { zh: '告警', en: 'Alert' },
  worse: { zh: '告警加重', en: 'Alert got worse' },
  clear: { zh: '告警解除', en: 'Alert is over' },
  reminder: { zh: '告警无人处理', en: 'Nobody has taken the alert' },
  summary: { zh: '多条告警', en: 'Several alerts' },
  digest: { zh: '告警汇总', en: 'Digest of alerts' },
  test: { zh: '测试，无需处理', en: 'Test, nothing to do' },
};

const names = {
  place: { zh: '地点', en: 'Place' },
  device: { zh: '设备', en: 'Device' },
  what: { zh: '情况', en: 'What' },
  value: { zh: '数值', en: 'Value' },
  since: { zh: '开始', en: 'Since' },
  until: { zh: '结束', en: 'Until' },
  note: { zh: '说明', en: 'Note' },
  advice: { zh: '先做', en: 'First' },
  code: { zh: '编号', en: 'Code' },
} satisfies Record<string, Label>;

/** 2026-03-01 14:05 on the county's clock. */
export const minuteOf = (milliseconds: number): string =>
  formatCountyTime(milliseconds).slice(0, '2026-03-01 14:05'.length);

/** How many more there are than a list shows. */
export const moreOf =
  (language: 'zh' | 'en') =>
  (count: number): string =>
    language === 'zh' ? `另有 ${count} 条` : `and ${count} more`;

export const openOf = (language: 'zh' | 'en'): string =>
  language === 'zh' ? '查看详情' : 'Open the alert';

/** The value with its unit and the limit: `10.4 mg/L（限值 8，DB33/973）`. Empty without a value. */
export function valueText({ parts, language }: Pick<Outgoing, 'parts' | 'language'>): string {
  const { value, limit } = parts;
  if (value === null) return '';
  const measured = `${value.text} ${value.unit}`.trim();
  if (limit === null) return measured;
  const { text, standard } = limit;
  return language === 'zh'
    ? `${measured}（限值 ${text}${standard === null ? '' : `，${standard}`}）`
    : `${measured} (limit ${text}${standard === null ? '' : `, ${standard}`})`;
}

/** What the notice says, in the language of the person. */
export function proseOf(message: Outgoing): Prose {
  const { parts, language, code } = message;
  const { kind, severity } = parts;
  const word = (label: Label): string => oneLine(label[language]);
  const line = (name: Label, text: string): Line[] =>
    text === '' ? [] : [{ name: name[language], text: oneLine(text) }];
  // What is of several alerts, or of none, has no severity of its own.
  const one = kind !== 'test' && kind !== 'digest' && kind !== 'summary';
  const level = one ? SEVERITY_NAMES[severity][language] : '';
  const name = NOTICE_NAMES[kind][language];
  const mark =
    language === 'zh' ? `【${level}${name}】` : `${level === '' ? '' : `[${level}] `}${name}: `;
  return {
    title: oneLine(`${mark}${word(parts.what)}`),
    lines: [
      ...line(names.place, word(parts.place)),
      ...line(names.device, word(parts.device)),
      ...line(names.value, valueText(message)),
      ...line(names.since, minuteOf(parts.since)),
      ...line(names.until, parts.until === null ? '' : minuteOf(parts.until)),
      ...parts.notes.flatMap((note) => line(names.note, word(note))),
      ...(parts.advice === null ? [] : line(names.advice, word(parts.advice))),
      ...line(names.code, code ?? ''),
    ],
    list: parts.lines.map(word),
  };
}

/** The lines as plain text; the list behind them. */
export function plainLines({ lines, list }: Prose, language: 'zh' | 'en'): string[] {
  const colon = language === 'zh' ? '：' : ': ';
  return [...lines.map(({ name, text }) => `${name}${colon}${text}`), ...list];
}

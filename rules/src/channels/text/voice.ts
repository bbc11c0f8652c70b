/** What a call says, for channels that speak a text of our own; variables of a vendor's call template are made by `templateValues`. */
import type { NoticeParts } from '../contract.ts';
import { cut, type Language } from './characters.ts';
import { furtherNotes, phrases } from './phrases.ts';

export interface VoiceOptions {
  readonly language: Language;
  readonly now: number;
  readonly code: string | null;
  /** Most characters. */
  readonly most: number;
}

/** Sentences for the ear, the most important first, said to the last one that fits. */
export function voiceText(parts: NoticeParts, options: VoiceOptions): string {
  const { language, most } = options;
  const all = phrases(parts, { ...options, spoken: true });
  const zh = language === 'zh';
  const of = (text: string, before: string, after = ''): string =>
    text === '' ? '' : `${before}${text}${after}`;
  const kind = parts.kind === 'active' ? `${all.severity}${zh ? '' : ', '}${all.kind}` : all.kind;
  const sentences = zh
    ? [
        `${kind}，${all.place}${all.device}，${all.what}${of(all.value, '，')}`,
        all.advice,
        of(all.until, `${all.since}开始，`, '结束') || of(all.since, '', '开始'),
        of(all.code, '编号'),
        of(all.limit, '限值'),
      ]
    : [
        `${kind}: ${all.place}, ${all.device}: ${all.what}${of(all.value, ', ')}`,
        all.advice,
        of(all.until, `from ${all.since} to `) || of(all.since, 'since '),
        of(all.code, 'number '),
        of(all.limit, 'limit '),
      ];
  const more = [...sentences, all.note, ...furtherNotes(parts, language)].filter(
    (text) => text !== '',
  );
  let text = '';
  for (const sentence of more) {
    const next = text === '' ? sentence : `${text}${zh ? '。' : '. '}${sentence}`;
    if (next.length > most) continue;
    text = next;
  }
  return text === '' ? cut(more[0] ?? '', most) : text;
}

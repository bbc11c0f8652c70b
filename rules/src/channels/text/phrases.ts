/** The parts of a notice as short phrases of allowed characters, which SMS, templates and calls are made of. */
import { type Label, SEVERITY_NAMES } from '@village/core';
import type { NoticeKind, NoticeParts } from '../contract.ts';
import { type Language, plain } from './characters.ts';
import { sayTime, spellTime } from './times.ts';
import { spell, spellValue } from './units.ts';

/** What a phrase is of; empty phrases are of what the notice does not say. */
export const PHRASES = [
  'kind',
  'severity',
  'place',
  'device',
  'what',
  'value',
  'limit',
  'standard',
  'since',
  'until',
  'note',
  'advice',
  'code',
  'summary',
] as const;
export type Phrase = (typeof PHRASES)[number];

export interface PhraseOptions {
  readonly language: Language;
  /** Unix time, ms: a time of the same day is said without its date. */
  readonly now: number;
  readonly code: string | null;
  /** For the ear: times and codes as one speaks them. */
  readonly spoken: boolean;
}

const KINDS: Readonly<Record<NoticeKind, Label>> = {
  active: { zh: '告警', en: 'Alert' },
  worse: { zh: '加重', en: 'Worse' },
  clear: { zh: '已恢复', en: 'Over' },
  reminder: { zh: '无人确认', en: 'Unconfirmed' },
  summary: { zh: '多条告警', en: 'Alerts' },
  digest: { zh: '日报', en: 'Digest' },
  test: { zh: '测试，无需处理', en: 'Test, do nothing' },
};

/** A sentence without the mark at its end, which whoever joins the parts sets. */
const open = (text: string): string => text.replace(/[，。；,.;]+$/u, '');

/** The limit with a unit: the value's, where it is a number alone. */
function limitPhrase({ value, limit }: NoticeParts, language: Language): string {
  if (limit === null) return '';
  const bare = /^[\d.+-]+$/.test(limit.text.trim());
  return open(
    bare && value !== null
      ? spellValue({ text: limit.text.trim(), unit: value.unit }, language)
      : spell(limit.text, language),
  );
}

/** Each phrase in allowed characters, not cut. */
export function phrases(
  parts: NoticeParts,
  options: PhraseOptions,
): Readonly<Record<Phrase, string>> {
  const { language, now, spoken } = options;
  const time = (at: number | null): string => {
    if (at === null) return '';
    return spoken ? sayTime(at, now, language) : spellTime(at, now, language);
  };
  const said = (label: Label | null | undefined): string =>
    open(spell(label?.[language] ?? '', language));
  const code = plain(options.code ?? '', language);
  return {
    kind: KINDS[parts.kind][language],
    severity: SEVERITY_NAMES[parts.severity][language],
    place: said(parts.place),
    device: said(parts.device),
    what: said(parts.what),
    value: parts.value === null ? '' : open(spellValue(parts.value, language)),
    limit: limitPhrase(parts, language),
    standard: open(plain(parts.limit?.standard ?? '', language)),
    since: time(parts.since),
    until: time(parts.until),
    note: said(parts.notes[0]),
    advice: said(parts.advice),
    code: spoken ? [...code].join(' ') : code,
    summary: noticeLines(parts, language).join(language === 'zh' ? '；' : '; '),
  };
}

/** The lines of a summary or digest. */
export const noticeLines = (parts: NoticeParts, language: Language): string[] =>
  parts.lines.map((line) => open(spell(line[language], language)));

/** All notes but the first, which is the phrase `note`. */
export const furtherNotes = (parts: NoticeParts, language: Language): string[] =>
  parts.notes.slice(1).map((note) => open(spell(note[language], language)));

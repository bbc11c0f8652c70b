/**
 * Variables of a template that a vendor has approved. The template's own text is part of the configuration, so that the length of
 * the whole is known before the vendor counts it: each variable within its limit, the whole in one message where it can be.
 */
import type { NoticeParts } from '../contract.ts';
import { cut } from './characters.ts';
import { PHRASES, type Phrase, type PhraseOptions, phrases } from './phrases.ts';
import { SMS_SINGLE } from './sms.ts';

export interface Template {
  /** As it was approved, with its variables as `${place}`. */
  readonly text: string;
  /** Most characters of a variable that `lengths` does not name. Vendors differ and do not all say; 20 is what all take. */
  readonly longest: number;
  readonly lengths: Readonly<Partial<Record<Phrase, number>>>;
}

const VARIABLE = /\$\{([a-z]+)\}/g;

/** Names of the variables, in the order of the text, each once. */
export function variablesOf(text: string): string[] {
  return [...new Set([...text.matchAll(VARIABLE)].map((match) => match[1] ?? ''))];
}

export const isPhrase = (name: string): name is Phrase =>
  (PHRASES as readonly string[]).includes(name);

/** Whatever is first is cut last. */
const WEIGHT: readonly Phrase[] = [
  'code',
  'what',
  'kind',
  'place',
  'advice',
  'value',
  'since',
  'until',
  'severity',
  'device',
  'limit',
  'summary',
  'standard',
  'note',
];
/** What these say is wrong when a part of it is missing. */
const WHOLE: readonly Phrase[] = ['code', 'value', 'limit', 'since', 'until', 'severity', 'kind'];
/** A variable that is cut keeps so many characters where it has them. */
const KEPT = 4;

/** A variable must not be empty: vendors refuse that. */
const nothing = { zh: '无', en: 'none' } as const;

export function fillTemplate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (all, name: string) => values[name] ?? all);
}

/** How long the SMS becomes. A variable that stands twice counts twice. */
const filledLength = (template: Template, sign: string, values: Record<string, string>): number =>
  sign.length + (sign === '' ? 0 : 2) + fillTemplate(template.text, values).length;

/**
 * A value for each variable of the text, none empty and none longer than its limit. What may be cut is cut, the least important
 * first, until the whole is one message of `most` characters with its signature; where that is not enough it is longer.
 * A `value`, `limit` or time that is longer than its limit is left out: half of it would be another one.
 */
export function templateValues(
  parts: NoticeParts,
  template: Template,
  options: PhraseOptions & { readonly sign: string; readonly most?: number },
): Record<string, string> {
  const { language, sign, most = SMS_SINGLE } = options;
  const all = phrases(parts, options);
  const values: Record<string, string> = {};
  const names = variablesOf(template.text).filter(isPhrase);
  for (const name of names) {
    const longest = template.lengths[name] ?? template.longest;
    const text = all[name];
    const fits = text.length <= longest;
    values[name] = (WHOLE.includes(name) && !fits ? '' : cut(text, longest)) || nothing[language];
  }
  for (const name of [...WEIGHT].reverse()) {
    const text = values[name];
    const over = filledLength(template, sign, values) - most;
    if (over <= 0) break;
    if (text === undefined || WHOLE.includes(name)) continue;
    values[name] = cut(text, Math.max(Math.min(KEPT, text.length), text.length - over));
  }
  return values;
}

/**
 * Templates that WeChat has approved, as the configuration tells them: for which notices one is, and what each of its fields says,
 * as text with the parts of a notice as variables: `${place}${what}`. Shared by service accounts and mini programs.
 */
import { formatCountyTime } from '@village/core';
import { z } from 'zod';
import { NOTICE_KINDS, type Outgoing } from '../contract.ts';
import { fillTemplate, isPhrase, phrases, templateValues, variablesOf } from '../text/index.ts';
import { type FieldType, fieldText, fieldType, isFieldText } from './fields.ts';

/** Fields that say a moment, or two. */
const TIMES = [`\${since}`, `\${until}`, `\${since}~\${until}`];
/** What is Chinese and short whatever the notice is. */
const PHRASES = [`\${severity}`, `\${kind}`];

/** What is wrong with the text of a field; undefined when nothing is. */
function wrongText(type: FieldType, text: string): string | undefined {
  const variables = variablesOf(text);
  const unknown = variables.filter((name) => !isPhrase(name));
  if (unknown.length > 0) return `no part of a notice is called ${unknown.join(', ')}`;
  if (variables.length === 0)
    return isFieldText(type, text) ? undefined : `a field of type ${type} can't say that`;
  if (type === 'time' || type === 'date')
    return TIMES.includes(text) ? undefined : `must be one of ${TIMES.join(' ')}`;
  if (type === 'phrase')
    return PHRASES.includes(text) ? undefined : `must be one of ${PHRASES.join(' ')}, or a text`;
  if (type === 'number') return text === `\${value}` ? undefined : `must be \${value}, or a number`;
  return type === 'thing' || type === 'keyword' || type === 'character_string'
    ? undefined
    : `a field of type ${type} must be a fixed text`;
}

const fields = z
  .record(z.string().max(32), z.string().min(1).max(100))
  .superRefine((given, context) => {
    const names = Object.keys(given);
    if (names.length === 0 || names.length > 20)
      context.addIssue({ code: 'custom', message: 'must have 1 to 20 fields' });
    for (const [name, text] of Object.entries(given)) {
      const type = fieldType(name);
      const message =
        type === undefined ? 'must be a type with a number, as thing1' : wrongText(type, text);
      if (message !== undefined) context.addIssue({ code: 'custom', message, path: [name] });
    }
  });

export const templatesSchema = z
  .array(
    z.strictObject({
      id: z.string().regex(/^[\w-]{1,128}$/, "must be the template's id"),
      /** All, where none is named. */
      kinds: z.array(z.enum(NOTICE_KINDS)).min(1).optional(),
      fields,
    }),
  )
  .min(1)
  .max(20);
export type WeixinTemplate = z.infer<typeof templatesSchema>[number];

/** The first that is for such notices. */
export const templateFor = (
  templates: readonly WeixinTemplate[],
  { parts }: Pick<Outgoing, 'parts'>,
): WeixinTemplate | undefined =>
  templates.find(({ kinds }) => kinds === undefined || kinds.includes(parts.kind));

/** 2026年3月1日 14:05 on the county's clock. */
export function weixinTime(at: number): string {
  const [, year = '', month = '', day = '', clock = ''] =
    /^(\d+)-(\d\d)-(\d\d) (\d\d:\d\d)/.exec(formatCountyTime(at)) ?? [];
  return `${year}年${Number(month)}月${Number(day)}日 ${clock}`;
}

function timeText(text: string, { parts }: Outgoing): string {
  const since = weixinTime(parts.since);
  if (text === `\${since}`) return since;
  const until = parts.until === null ? null : weixinTime(parts.until);
  if (text === `\${until}`) return until ?? since;
  return until === null ? since : `${since}~${until}`;
}

/** A word of at most five ideographs; a test is said without the words behind it. */
function phraseText(text: string, message: Outgoing): string {
  const { kind, severity } = phrases(message.parts, {
    language: 'zh',
    now: message.parts.since,
    code: null,
    spoken: false,
  });
  return text === `\${severity}` ? severity : kind.replace(/，.*$/, '');
}

/** What the field says; null where the notice has nothing that it may say. */
function said(type: FieldType, text: string, message: Outgoing, now: number): string | null {
  const { parts, code, language } = message;
  if (variablesOf(text).length === 0) return text;
  if (type === 'time' || type === 'date') return fieldText(type, timeText(text, message));
  if (type === 'phrase') return fieldText(type, phraseText(text, message));
  if (type === 'number') return fieldText(type, parts.value?.text ?? '');
  const ascii = type === 'character_string';
  const template = { text, longest: ascii ? 32 : 20, lengths: {} };
  const values = templateValues(parts, template, {
    language: ascii ? 'en' : language,
    now,
    code,
    spoken: false,
    sign: '',
    most: template.longest,
  });
  return fieldText(type, fillTemplate(text, values));
}

/** The fields as WeChat takes them, or the name of the one that has nothing to say. */
export function weixinData(
  template: WeixinTemplate,
  message: Outgoing,
  now: number,
):
  | { readonly data: Readonly<Record<string, { readonly value: string }>> }
  | { readonly missing: string } {
  const data: Record<string, { value: string }> = {};
  for (const [name, text] of Object.entries(template.fields)) {
    const type = fieldType(name);
    const value = type === undefined ? null : said(type, text, message, now);
    if (value === null) return { missing: name };
    data[name] = { value };
  }
  return { data };
}

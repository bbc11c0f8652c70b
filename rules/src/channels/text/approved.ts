/** Approved templates as a channel's options: which notice is said by which, and with what values. */
import { z } from 'zod';
import { NOTICE_KINDS, type Outgoing } from '../contract.ts';
import { PHRASES } from './phrases.ts';
import { isPhrase, type Template, templateValues, variablesOf } from './template.ts';

/** No vendor takes a longer one. */
const TEXT_MAX = 500;

const template = z.strictObject({
  /** As the vendor names it. */
  id: z.string().min(1).max(40),
  /** What was approved, with our names of its variables: `${place}${device}${what}`. */
  text: z
    .string()
    .min(1)
    .max(TEXT_MAX)
    .refine((text) => variablesOf(text).every(isPhrase), {
      message: `its variables must be of ${PHRASES.join(', ')}`,
    }),
  kinds: z
    .array(z.enum(NOTICE_KINDS))
    .min(1)
    .default([...NOTICE_KINDS]),
  language: z.enum(['zh', 'en']).optional(),
  /** Most characters of a variable; vendors differ and do not all say. */
  longest: z.int().min(4).max(250).default(20),
  lengths: z.partialRecord(z.enum(PHRASES), z.int().min(4).max(250)).default({}),
});

/** The first that is for the notice's kind and language is taken, or else the first for its kind. */
export const approvedTemplates = z.array(template).min(1).max(40);

export type ApprovedTemplate = z.infer<typeof template>;

export function templateFor(
  templates: readonly ApprovedTemplate[],
  { parts, language }: Outgoing,
): ApprovedTemplate | undefined {
  const fitting = templates.filter(({ kinds }) => kinds.includes(parts.kind));
  return (
    fitting.find((one) => one.language === language) ??
    fitting.find((one) => one.language === undefined) ??
    fitting[0]
  );
}

/** The values in order of the template's variables. */
export function approvedValues(
  template: ApprovedTemplate,
  message: Outgoing,
  options: { readonly now: number; readonly sign: string; readonly spoken: boolean; most?: number },
): Record<string, string> {
  const given: Template = {
    text: template.text,
    longest: template.longest,
    lengths: template.lengths as Template['lengths'],
  };
  return templateValues(message.parts, given, {
    ...options,
    language: template.language ?? message.language,
    code: message.code,
  });
}

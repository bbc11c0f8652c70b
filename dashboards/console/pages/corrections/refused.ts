/** Why the server took a correction not, in people's words, and which field it is about. */
import type { ApiError } from '#kit/api/client.ts';
import { explain } from '#kit/ui/notices.tsx';
import { type FieldName, rangeOf, type Saying } from './saying.ts';
import { t, word } from './texts.ts';

export interface Refusal {
  /** Null when it is about the whole. */
  readonly field: FieldName | null;
  readonly text: string;
}

/** What the server calls the parts of a statement, at the begin of what it says. */
const FIELDS = ['from', 'to', 'value', 'target', 'metric', 'reason'] as const;

/** The number in `contradicts correction 12, which waits`. */
const NUMBER = /correction (\d+)/;

/** Why what was said is refused. */
export function refusal(error: ApiError, { kind }: Pick<Saying, 'kind'>): Refusal {
  const { code, message } = error;
  if (code === 'contradicts')
    return { field: null, text: t('contradicts', { id: NUMBER.exec(message)?.[1] ?? '' }) };
  if (code === 'unequal-metrics') return { field: 'target', text: t('refused.unequal-metrics') };
  // The device of the page is there: what is not found is the other one.
  if (error.status === 404 && kind === 'reassign')
    return { field: 'target', text: t('refused.no-target') };
  if (code === 'bad-statement' || code === 'bad-text' || code === 'bad-time') {
    const field = FIELDS.find((name) => message.startsWith(`${name}:`)) ?? null;
    if (field === 'value') return { field, text: t(`range.${rangeOf(kind)}`) };
    if (field === 'target') return { field, text: t('refused.same-device') };
    if (field !== null) return { field, text: t('refused.field') };
  }
  const known = word('refused', code);
  return { field: null, text: known === code ? explain(error) : known };
}

/** Why an approval or an undoing was refused. */
export function whyNot(error: ApiError): string {
  const known = word('refused', error.code);
  return known === error.code ? explain(error) : known;
}

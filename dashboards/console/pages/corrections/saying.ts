/** What is said of readings, from the fields of the form, and what these lack. */
import type { Correction } from '#kit/api/answers.ts';
import type { Gap } from '#kit/chart/series.ts';
import { t } from './texts.ts';

type Kind = Correction['kind'];

export const wantsValue = (kind: Kind): boolean =>
  ['offset', 'factor', 'shift-clock'].includes(kind);

/** As they stand in the form. */
export interface Fields {
  readonly kind: Kind;
  readonly value: string;
  readonly target: string;
  readonly reason: string;
  /** All metrics rather than the one shown. */
  readonly all: boolean;
}

/** What is wrong, by field. */
export type FieldName = 'from' | 'to' | 'value' | 'target' | 'metric' | 'reason';
export type Faults = Readonly<Partial<Record<FieldName, string>>>;

/** What is said of readings. */
export interface Saying {
  readonly kind: Kind;
  readonly device: string;
  readonly metric: string | null;
  readonly from: string;
  readonly to: string;
  readonly value: number | null;
  readonly target: string | null;
}

export const NO_FIELDS: Fields = { kind: 'invalid', value: '', target: '', reason: '', all: false };
const MINUTE_MS = 60_000;

/** A number as people type it: also in the wide characters of a Chinese keyboard. */
export function numberOf(text: string): number {
  const plain = text.normalize('NFKC').replace(/[−–—]/, '-').replace('。', '.').trim();
  return plain === '' ? Number.NaN : Number(plain);
}

/** What the fields say of a span. */
export function sayingOf(fields: Fields, device: string, metric: string, span: Gap): Saying {
  const { kind, all, target } = fields;
  const number = numberOf(fields.value);
  return {
    kind,
    device,
    metric: kind === 'shift-clock' || all ? null : metric,
    from: new Date(span.from).toISOString(),
    to: new Date(span.to).toISOString(),
    value: !wantsValue(kind)
      ? null
      : kind === 'shift-clock'
        ? Math.round(number * MINUTE_MS)
        : number,
    target: kind === 'reassign' ? target.trim() : null,
  };
}

/** What has to be put right before it can be tried. */
export function faultsOf(fields: Fields, device: string, span: Gap | null): Faults {
  const { kind, value, target } = fields;
  const number = numberOf(value);
  const unfit = kind === 'factor' ? number === 0 || number === 1 : wantsValue(kind) && number === 0;
  return {
    ...(span === null ? { from: t('wanted.span') } : {}),
    ...(span !== null && !(span.from < span.to) ? { to: t('wanted.order') } : {}),
    ...(wantsValue(kind) && !Number.isFinite(number) ? { value: t('wanted.number') } : {}),
    ...(unfit ? { value: t(`range.${rangeOf(kind)}`) } : {}),
    ...(kind === 'reassign' && target.trim() === '' ? { target: t('wanted.target') } : {}),
    ...(kind === 'reassign' && target.trim() === device
      ? { target: t('refused.same-device') }
      : {}),
  };
}

/** Which values a kind takes, by the name of a text. */
export const rangeOf = (kind: Saying['kind']): 'factor' | 'offset' | 'shift-clock' =>
  kind === 'factor' || kind === 'shift-clock' ? kind : 'offset';

/** What is being proposed: its fields, what they lack, what it would change, and submitting it. */
import { useEffect, useState } from 'preact/hooks';
import type { Correction, CorrectionPreview } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { Gap } from '#kit/chart/series.ts';
import { asApiError } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { keepDraft, recallDraft } from './draft.ts';
import { rangeOf, refusal } from './refused.ts';
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

const NO_FIELDS: Fields = { kind: 'invalid', value: '', target: '', reason: '', all: false };
const MINUTE_MS = 60_000;

/** A number as people type it: also in the wide characters of a Chinese keyboard. */
export function numberOf(text: string): number {
  const plain = text.normalize('NFKC').replace(/[−–—]/, '-').replace('。', '.').trim();
  return plain === '' ? Number.NaN : Number(plain);
}

function sayingOf(fields: Fields, device: string, metric: string, span: Gap): Saying {
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

export interface Proposal {
  readonly fields: Fields;
  readonly put: (more: Partial<Fields>) => void;
  readonly busy: boolean;
  /** What is wrong with a field, once it was tried. */
  readonly faults: Faults;
  /** What is wrong with the whole. */
  readonly fault: string | null;
  /** What it would change; null until it was tried as it stands. */
  readonly seen: CorrectionPreview | null;
  readonly preview: () => void;
  readonly submit: () => void;
}

interface Draft extends Fields {
  readonly span: Gap | null;
}

/** A draft as this version of the page knows it; undefined for anything else. */
export function draftOf(kept: unknown): Draft | undefined {
  if (typeof kept !== 'object' || kept === null) return undefined;
  const { kind, value, target, reason, all, span } = kept as Partial<Draft>;
  const texts = [value, target, reason].every((one) => typeof one === 'string');
  const known = calls.CORRECTION_KINDS.some((one) => one === kind);
  const timed = span === null || (Number.isFinite(span?.from) && Number.isFinite(span?.to));
  return texts && known && timed && typeof all === 'boolean' ? (kept as Draft) : undefined;
}

/** The draft of a device, if something was begun. */
export const draftFor = (device: string): Draft | undefined => draftOf(recallDraft(device));

/** A proposal about a metric of a device. */
export function useProposal(
  { device, metric, span }: { device: string; metric: string; span: Gap | null },
  made: (one: Correction) => void,
): Proposal {
  const [fields, setFields] = useState<Fields>(() => {
    const { span: _, ...rest } = draftFor(device) ?? { ...NO_FIELDS, span: null };
    return rest;
  });
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState<{ key: string; seen: CorrectionPreview } | null>(null);
  const [told, setTold] = useState<{ key: string; faults: Faults; fault: string | null } | null>(
    null,
  );
  const saying = span === null ? null : sayingOf(fields, device, metric, span);
  const key = JSON.stringify(saying);
  const seen = tried?.key === key ? tried.seen : null;
  const reason = fields.reason.trim();
  useEffect(() => {
    const begun = JSON.stringify(fields) !== JSON.stringify(NO_FIELDS) || span !== null;
    keepDraft(device, begun ? { ...fields, span } : null);
  }, [device, fields, span]);

  const tell = (faults: Faults, fault: string | null = null): void =>
    setTold({ key, faults, fault });
  async function run(work: () => Promise<void>): Promise<void> {
    setBusy(true);
    setTold(null);
    try {
      await work();
    } catch (cause) {
      const { field, text } = refusal(asApiError(cause), fields);
      tell(field === null ? {} : { [field]: text }, field === null ? text : null);
    } finally {
      setBusy(false);
    }
  }
  /** Whether it can be tried; tells what it lacks. */
  function fit(more: Faults = {}): boolean {
    const faults = { ...faultsOf(fields, device, span), ...more };
    if (Object.keys(faults).length === 0) return true;
    tell(faults);
    return false;
  }
  async function tryIt(): Promise<void> {
    if (saying !== null)
      setTried({ key, seen: await client.call(calls.previewCorrection, { body: saying }) });
  }
  const current = told?.key === key ? told : null;
  return {
    fields,
    put: (more) => {
      setFields({ ...fields, ...more });
      if (more.reason !== undefined && told !== null) {
        const { reason: _, ...rest } = told.faults;
        setTold({ ...told, faults: rest });
      }
    },
    busy,
    faults: current?.faults ?? {},
    fault: current?.fault ?? null,
    seen,
    preview: () => {
      if (!busy && fit()) void run(tryIt);
    },
    submit: () => {
      if (busy || saying === null || !fit(reason === '' ? { reason: t('wanted.reason') } : {})) {
        if (!busy && saying === null) fit();
        return;
      }
      void run(async () => {
        // Nobody submits what they have not seen: the first time it is shown.
        if (seen === null) return tryIt();
        made(await client.call(calls.proposeCorrection, { body: { ...saying, reason } }));
        setTried(null);
        setFields({ ...NO_FIELDS, kind: fields.kind });
      });
    },
  };
}

/** What is being proposed: its fields, what it would change, and submitting it. */
import { useState } from 'preact/hooks';
import type { Correction, CorrectionPreview } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { Gap } from '#kit/chart/series.ts';
import { asApiError } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { refusal } from './refused.ts';

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

const NO_FIELDS: Fields = { kind: 'invalid', value: '', target: '', reason: '', all: false };
const MINUTE_MS = 60_000;

function bodyOf(fields: Fields, device: string, metric: string, span: Gap) {
  const { kind, all, target } = fields;
  const number = fields.value.trim() === '' ? Number.NaN : Number(fields.value);
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

export interface Proposal {
  readonly fields: Fields;
  readonly put: (more: Partial<Fields>) => void;
  readonly busy: boolean;
  readonly fault: string | null;
  /** What it would change; null until it was tried as it stands. */
  readonly seen: CorrectionPreview | null;
  /** Whether it can be tried. */
  readonly whole: boolean;
  readonly maySubmit: boolean;
  readonly preview: () => void;
  readonly submit: () => void;
}

/** A proposal about a metric of a device. */
export function useProposal(
  { device, metric, span }: { device: string; metric: string; span: Gap | null },
  made: (one: Correction) => void,
): Proposal {
  const [fields, setFields] = useState(NO_FIELDS);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const [tried, setTried] = useState<{ key: string; seen: CorrectionPreview } | null>(null);
  const body = span === null ? null : bodyOf(fields, device, metric, span);
  const key = JSON.stringify(body);
  const seen = tried?.key === key ? tried.seen : null;
  const whole =
    body !== null &&
    body.from < body.to &&
    (body.value === null || Number.isFinite(body.value)) &&
    body.target !== '';
  const reason = fields.reason.trim();

  async function run(work: () => Promise<void>): Promise<void> {
    setBusy(true);
    setFault(null);
    try {
      await work();
    } catch (cause) {
      setFault(refusal(asApiError(cause)));
    } finally {
      setBusy(false);
    }
  }
  return {
    fields,
    put: (more) => setFields({ ...fields, ...more }),
    busy,
    fault,
    seen,
    whole,
    maySubmit: seen !== null && seen.contradicts === null && reason !== '',
    preview: () =>
      void run(async () => {
        if (body !== null)
          setTried({ key, seen: await client.call(calls.previewCorrection, { body }) });
      }),
    submit: () =>
      void run(async () => {
        if (body === null) return;
        made(await client.call(calls.proposeCorrection, { body: { ...body, reason } }));
        setTried(null);
        setFields({ ...NO_FIELDS, kind: fields.kind });
      }),
  };
}

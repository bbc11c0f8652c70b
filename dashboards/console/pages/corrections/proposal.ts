/** What is being proposed: its fields, what it would change, and submitting it. */
import { useEffect, useState } from 'preact/hooks';
import type { Correction, CorrectionPreview } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { Gap } from '#kit/chart/series.ts';
import { asApiError } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { keepDraft, recallDraft } from './draft.ts';
import { refusal } from './refused.ts';
import { type Faults, type Fields, faultsOf, NO_FIELDS, sayingOf } from './saying.ts';
import { t } from './texts.ts';

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

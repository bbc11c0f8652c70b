/** Proposing a correction of a marked span: kind, value and reason, tried before it is submitted. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Correction, Device, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { Gap } from '#kit/chart/series.ts';
import { fromField, toField } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Preview } from './preview.tsx';
import { type Proposal, useProposal } from './proposal.ts';
import { type FieldName, wantsValue } from './saying.ts';
import { t, word } from './texts.ts';

type Kind = Correction['kind'];

/** Others of its type that a reading may be of, offered at most. */
const OTHERS_MAX = 500;

interface Described {
  readonly id: string;
  readonly 'aria-invalid': boolean;
  readonly 'aria-describedby': string | undefined;
}

/** A field with its name, and below it what is wrong with it. */
function Field({
  name,
  label,
  fault,
  wide = false,
  children,
}: {
  name: FieldName;
  label: string;
  fault: string | undefined;
  wide?: boolean;
  children: (described: Described) => ComponentChildren;
}) {
  const own = `correction-${name}`;
  const id = `${own}-fault`;
  const wrong = fault !== undefined;
  return (
    <div class={wide ? 'field wide' : 'field'}>
      <label htmlFor={own}>{label}</label>
      {children({
        id: own,
        'aria-invalid': wrong,
        'aria-describedby': wrong ? id : undefined,
      })}
      {wrong && (
        <span id={id} class="form-error small">
          {fault}
        </span>
      )}
    </div>
  );
}

function SpanFields({
  span,
  setSpan,
  faults,
}: {
  span: Gap | null;
  setSpan: (span: Gap) => void;
  faults: Proposal['faults'];
}) {
  const border = (name: 'from' | 'to', text: string): void => {
    const at = fromField(text);
    if (!Number.isNaN(at)) setSpan({ ...(span ?? { from: at, to: at }), [name]: at });
  };
  return (
    <>
      {(['from', 'to'] as const).map((name) => (
        <Field key={name} name={name} label={t(name)} fault={faults[name]}>
          {(described) => (
            <input
              type="datetime-local"
              name={name}
              value={span === null ? '' : toField(span[name])}
              onChange={(event) => border(name, event.currentTarget.value)}
              {...described}
            />
          )}
        </Field>
      ))}
    </>
  );
}

/** The device whose readings they really are, chosen from those of its type. */
function TargetField({ device, proposal }: { device: Device; proposal: Proposal }) {
  const { fields, put, faults } = proposal;
  const load = useLoad(`like ${device.id}`, (signal) =>
    client.call(calls.devices, { query: { kind: device.kind, limit: OTHERS_MAX }, signal }),
  );
  const others = (load.data?.items ?? []).filter(
    ({ id, profile }) => id !== device.id && profile === device.profile,
  );
  const chosen = others.find(({ id }) => id === fields.target.trim());
  return (
    <Field name="target" label={t('target')} fault={faults.target}>
      {(described) => (
        <>
          <input
            name="target"
            list="correction-targets"
            autocomplete="off"
            value={fields.target}
            onInput={(event) => put({ target: event.currentTarget.value })}
            {...described}
          />
          <datalist id="correction-targets">
            {others.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </datalist>
          {chosen !== undefined && <span class="muted small">{chosen.name}</span>}
        </>
      )}
    </Field>
  );
}

/** What the number is of. */
function valueLabel(kind: Kind, metric: Metric): string {
  if (kind === 'shift-clock') return t('minutes');
  if (kind === 'factor') return t('factor');
  return metric.unit === '' ? t('addend') : t('addend-in', { unit: word('unit', metric.unit) });
}

/** Kind, and what it needs. */
function KindFields({
  device,
  proposal,
  metric,
}: {
  device: Device;
  proposal: Proposal;
  metric: Metric;
}) {
  const { fields, put, faults } = proposal;
  const { kind } = fields;
  return (
    <>
      <div class="field">
        <label>
          {t('kind')}
          <select
            name="kind"
            value={kind}
            onChange={(event) => put({ kind: event.currentTarget.value as Kind })}
          >
            {calls.CORRECTION_KINDS.map((one) => (
              <option key={one} value={one}>
                {word('kind', one)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {wantsValue(kind) && (
        <Field name="value" label={valueLabel(kind, metric)} fault={faults.value}>
          {(described) => (
            <input
              name="value"
              inputMode={kind === 'factor' ? 'decimal' : 'text'}
              autocomplete="off"
              value={fields.value}
              onInput={(event) => put({ value: event.currentTarget.value })}
              {...described}
            />
          )}
        </Field>
      )}
      {kind === 'reassign' && <TargetField device={device} proposal={proposal} />}
      {kind !== 'shift-clock' && (
        <Field name="metric" label={t('metric-of')} fault={faults.metric}>
          {(described) => (
            <select
              name="metric"
              value={fields.all ? 'all' : 'one'}
              onChange={(event) => put({ all: event.currentTarget.value === 'all' })}
              {...described}
            >
              <option value="one">{t('metric-only', { metric: say(metric.name) })}</option>
              <option value="all">{t('metric-all')}</option>
            </select>
          )}
        </Field>
      )}
    </>
  );
}

/** The form. */
export function CorrectionForm({
  device,
  metric,
  span,
  setSpan,
  made,
}: {
  device: Device;
  metric: Metric;
  span: Gap | null;
  setSpan: (span: Gap) => void;
  made: (one: Correction) => void;
}) {
  const proposal = useProposal({ device: device.id, metric: metric.key, span }, made);
  const { fields, put, busy, faults, fault, seen } = proposal;
  const form = useRef<HTMLFormElement>(null);
  const wrong = Object.keys(faults).join();
  // To what has to be put right.
  useEffect(() => {
    if (wrong !== '') form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrong]);
  return (
    <form
      ref={form}
      class="correction-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        proposal.submit();
      }}
    >
      <SpanFields span={span} setSpan={setSpan} faults={faults} />
      <KindFields device={device} proposal={proposal} metric={metric} />
      <p class="wide muted small">{t(`hint.${fields.kind}`)}</p>
      <Field name="reason" label={t('reason')} fault={faults.reason} wide>
        {(described) => (
          <input
            name="reason"
            maxLength={500}
            autocomplete="off"
            placeholder={t('reason-hint')}
            value={fields.reason}
            onInput={(event) => put({ reason: event.currentTarget.value })}
            {...described}
          />
        )}
      </Field>
      {seen !== null && <Preview seen={seen} device={device} />}
      {fault !== null && (
        <p class="wide form-error" role="alert">
          {fault}
        </p>
      )}
      <p class="wide correction-actions">
        <button type="button" class="button" aria-disabled={busy} onClick={proposal.preview}>
          {busy ? t('busy') : t('preview')}
        </button>
        <button type="submit" class="button primary" aria-disabled={busy}>
          {t('submit')}
        </button>
        <span class="muted small">{seen === null ? t('look-first') : t('look-over')}</span>
      </p>
    </form>
  );
}

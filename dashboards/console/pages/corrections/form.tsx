/** Proposing a correction of a marked span: kind, value and reason, tried before it is submitted. */
import type { Correction, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { Gap } from '#kit/chart/series.ts';
import { fromField, toField } from '#kit/format.ts';
import { say } from '#kit/text/language.ts';
import { type Metrics, Preview } from './preview.tsx';
import { type Proposal, useProposal, wantsValue } from './proposal.ts';
import { t, word } from './texts.ts';

type Kind = Correction['kind'];

function SpanFields({ span, setSpan }: { span: Gap | null; setSpan: (span: Gap) => void }) {
  const border = (name: 'from' | 'to', text: string): void => {
    const at = fromField(text);
    if (!Number.isNaN(at)) setSpan({ ...(span ?? { from: at, to: at }), [name]: at });
  };
  return (
    <>
      {(['from', 'to'] as const).map((name) => (
        <label key={name}>
          {t(name)}
          <input
            type="datetime-local"
            name={name}
            value={span === null ? '' : toField(span[name])}
            onChange={(event) => border(name, event.currentTarget.value)}
          />
        </label>
      ))}
    </>
  );
}

/** Kind, and what it needs. */
function KindFields({ proposal, metric }: { proposal: Proposal; metric: Metric }) {
  const { fields, put } = proposal;
  const { kind } = fields;
  return (
    <>
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
      {wantsValue(kind) && (
        <label>
          {kind === 'shift-clock' ? t('minutes') : t('value')}
          <input
            name="value"
            inputMode="decimal"
            autocomplete="off"
            value={fields.value}
            onInput={(event) => put({ value: event.currentTarget.value })}
          />
        </label>
      )}
      {kind === 'reassign' && (
        <label>
          {t('target')}
          <input
            name="target"
            autocomplete="off"
            value={fields.target}
            onInput={(event) => put({ target: event.currentTarget.value })}
          />
        </label>
      )}
      {kind !== 'shift-clock' && (
        <label>
          {t('metric')}
          <select
            name="metric"
            value={fields.all ? 'all' : 'one'}
            onChange={(event) => put({ all: event.currentTarget.value === 'all' })}
          >
            <option value="one">{t('metric-only', { metric: say(metric.name) })}</option>
            <option value="all">{t('metric-all')}</option>
          </select>
        </label>
      )}
    </>
  );
}

/** The form. */
export function CorrectionForm({
  device,
  metric,
  metrics,
  span,
  setSpan,
  made,
}: {
  device: string;
  metric: Metric;
  metrics: Metrics;
  span: Gap | null;
  setSpan: (span: Gap) => void;
  made: (one: Correction) => void;
}) {
  const proposal = useProposal({ device, metric: metric.key, span }, made);
  const { fields, put, busy, fault, seen } = proposal;
  return (
    <form
      class="correction-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (proposal.maySubmit) proposal.submit();
      }}
    >
      <SpanFields span={span} setSpan={setSpan} />
      <KindFields proposal={proposal} metric={metric} />
      <label class="wide">
        {t('reason')}
        <input
          name="reason"
          maxLength={500}
          placeholder={t('reason-hint')}
          value={fields.reason}
          onInput={(event) => put({ reason: event.currentTarget.value })}
        />
      </label>
      <p class="wide muted small">{t(`hint.${fields.kind}`)}</p>
      {seen !== null && <Preview seen={seen} metrics={metrics} />}
      {fault !== null && (
        <p class="wide form-error" role="alert">
          {fault}
        </p>
      )}
      <p class="wide correction-actions">
        <button
          type="button"
          class="button"
          disabled={busy || !proposal.whole}
          onClick={proposal.preview}
        >
          {busy ? t('busy') : t('preview')}
        </button>
        <button type="submit" class="button primary" disabled={busy || !proposal.maySubmit}>
          {t('submit')}
        </button>
      </p>
    </form>
  );
}

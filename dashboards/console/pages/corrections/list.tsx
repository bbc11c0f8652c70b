/** Corrections one below the other, with what can be done about each. */
import { useState } from 'preact/hooks';
import type { Correction } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatTime } from '#kit/format.ts';
import { asApiError } from '#kit/load.ts';
import { mayUse } from '#kit/session.ts';
import { client, session } from '#kit/state.ts';
import { refusal } from './refused.ts';
import { t, word } from './texts.ts';

/** The value in the words of its kind. */
function worded({ kind, value, target }: Correction): string {
  if (kind === 'shift-clock') return `${(value ?? 0) / 60_000} ${t('minutes')}`;
  if (kind === 'factor') return `× ${value}`;
  if (kind === 'offset') return `${(value ?? 0) > 0 ? '+' : ''}${value}`;
  return target === null ? '' : `→ ${target}`;
}

function Actions({ one, changed }: { one: Correction; changed: () => void }) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const reader = session.value;
  if (reader == null || !['waiting', 'active'].includes(one.state)) return null;
  const mayApprove = mayUse({ right: 'corrections.approve' }, reader);
  const own = one.by === (reader.user as { name?: string }).name;
  const mayPropose = mayUse({ right: 'corrections.propose' }, reader);
  async function run(action: 'approve' | 'undo'): Promise<void> {
    setBusy(true);
    setFault(null);
    const params = { id: String(one.id) };
    try {
      await (action === 'approve'
        ? client.call(calls.approveCorrection, { params })
        : client.call(calls.undoCorrection, { params, body: {} }));
      changed();
    } catch (cause) {
      setFault(refusal(asApiError(cause)));
    } finally {
      setBusy(false);
    }
  }
  return (
    <span class="correction-actions">
      {one.state === 'waiting' && mayApprove && !own && (
        <button
          type="button"
          class="button primary"
          disabled={busy}
          onClick={() => void run('approve')}
        >
          {t('approve')}
        </button>
      )}
      {(mayApprove || (own && mayPropose)) && (
        <button type="button" class="button" disabled={busy} onClick={() => void run('undo')}>
          {one.state === 'waiting' ? t('withdraw') : t('undo')}
        </button>
      )}
      {fault !== null && (
        <span class="form-error" role="alert">
          {fault}
        </span>
      )}
    </span>
  );
}

const SHADE = { waiting: 'tag-late', active: 'tag-on', undone: '', withdrawn: '' } as const;

/** The list. */
export function Corrections({
  items,
  showDevice,
  changed,
}: {
  items: readonly Correction[];
  showDevice: boolean;
  changed: () => void;
}) {
  return (
    <ul class="corrections">
      {items.map((one) => (
        <li key={one.id}>
          <span class="correction-head">
            <b>#{one.id}</b>
            <span class={`tag ${SHADE[one.state]}`}>{t(`state.${one.state}`)}</span>
            <b>
              {word('kind', one.kind)} <span class="number">{worded(one)}</span>
            </b>
            {showDevice && (
              <a class="link" href={`/corrections/devices/${encodeURIComponent(one.device)}`}>
                {one.device}
              </a>
            )}
            <span class="muted">{one.metric ?? t('metric-all')}</span>
          </span>
          <span class="number">
            {formatTime(one.from)} – {formatTime(one.to)}
          </span>
          <span>{one.reason}</span>
          <span class="muted small">
            {[
              t('by', { by: one.by, time: formatTime(one.at) }),
              ...(one.activated === null || !one.secondPerson
                ? []
                : [t('approved-by', { by: one.activated.by, time: formatTime(one.activated.at) })]),
              ...(one.undone === null
                ? []
                : [t('undone-by', { by: one.undone.by, time: formatTime(one.undone.at) })]),
            ].join(' · ')}
          </span>
          <Actions one={one} changed={changed} />
        </li>
      ))}
    </ul>
  );
}

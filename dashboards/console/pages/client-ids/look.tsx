/** One binding: since when, who else tried, and its release once it has been said what it means. */
import { useState } from 'preact/hooks';
import type { ClientIdBinding } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount, formatTime } from '#kit/format.ts';
import { asApiError, useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Modal } from '#kit/ui/modal.tsx';
import { explain, Failure, Skeleton } from '#kit/ui/notices.tsx';
import { t } from './texts.ts';

export const nameOf = (clientId: string): string =>
  clientId === '' ? t('client-id-none') : clientId;

function Facts({ binding }: { binding: ClientIdBinding }) {
  const { id, kind } = binding;
  const load = useLoad(`client id ${id}`, (signal) =>
    client.call(calls.clientId, { params: { id }, signal }),
  );
  const { data } = load;
  if (data === undefined)
    return load.error === undefined ? (
      <Skeleton lines={3} />
    ) : (
      <Failure error={load.error} retry={load.reload} />
    );
  const refusals = data.refusals ?? [];
  return (
    <>
      {data.isBound ? (
        <dl class="facts binding-facts">
          <div>
            <dt>{t('client-id')}</dt>
            <dd>{nameOf(data.clientId ?? '')}</dd>
          </div>
          <div>
            <dt>{t('bound-at')}</dt>
            <dd class="number">{data.boundAt === null ? '–' : formatTime(data.boundAt)}</dd>
          </div>
          <div>
            <dt>{t(`kind.${kind}`)}</dt>
            <dd>{id}</dd>
          </div>
          <div>
            <dt>{t('place')}</dt>
            <dd>{say(binding.area.name)}</dd>
          </div>
        </dl>
      ) : (
        <p>{t('not-bound')}</p>
      )}
      <p>{refusals.length === 0 ? t('refused-none') : t('refused-others')}</p>
      <ul class="binding-refusals">
        {refusals.map(({ topic, count, lastAt }) => (
          <li key={topic ?? ''}>
            <b>{topic === null ? '…' : nameOf(topic)}</b>{' '}
            <span class="muted small number">
              {t('refused-line', { n: formatCount(count), time: formatTime(lastAt) })}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

export function Look({
  binding,
  close,
  released,
}: {
  binding: ClientIdBinding;
  close: () => void;
  released: () => void;
}) {
  const { id, kind, name } = binding;
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  async function release(): Promise<void> {
    setBusy(true);
    setFault(null);
    try {
      await client.call(calls.releaseClientId, { params: { id } });
    } catch (cause) {
      const error = asApiError(cause);
      // Somebody else was first: it is bound no longer, which is what was wanted.
      if (error.status !== 404) {
        setFault(explain(error));
        setBusy(false);
        return;
      }
    }
    released();
    close();
  }
  return (
    <Modal title={name} close={close} held={busy}>
      <Facts binding={binding} />
      <p class="small">{t('release-means')}</p>
      {fault !== null && (
        <p class="form-error" role="alert">
          {fault}
        </p>
      )}
      <p class="dialog-foot">
        {kind === 'device' && (
          <a class="button" href={`/devices/${encodeURIComponent(id)}`}>
            {t('open')}
          </a>
        )}
        <button type="button" class="button" disabled={busy} onClick={close}>
          {t('close')}
        </button>
        <button type="button" class="button primary" disabled={busy} onClick={() => void release()}>
          {t('release')}
        </button>
      </p>
    </Modal>
  );
}

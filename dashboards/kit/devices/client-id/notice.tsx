/** The client id that the credential of a device or gateway is bound to: a fact, and a notice where another one was refused. */
import { useState } from 'preact/hooks';
import type { Device } from '../../api/answers.ts';
import * as calls from '../../api/calls.ts';
import type { ApiError } from '../../api/client.ts';
import { formatTime } from '../../format.ts';
import { asApiError } from '../../load.ts';
import { mayUse } from '../../session.ts';
import { client, session } from '../../state.ts';
import { Icon } from '../../ui/icon.tsx';
import { explain } from '../../ui/notices.tsx';
import { t } from './client-id-texts.ts';
import './client-id.css';

const nameOf = (clientId: string): string => (clientId === '' ? t('client-id-none') : clientId);

/** Nothing where any client id will do, and before the first sign-in. */
export function clientIdFacts({ clientId }: Pick<Device, 'clientId'>): [string, string][] {
  if (clientId === null) return [];
  const since = t('client-id-since', { time: formatTime(clientId.boundAt) });
  return [[t('client-id'), `${nameOf(clientId.clientId)} · ${since}`]];
}

/** Of a device or a gateway. */
export function ClientIdNotice({
  of,
  released,
}: {
  of: Pick<Device, 'id' | 'clientId'> & {
    readonly refusals: readonly { readonly cause: string }[] | null;
  };
  released: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [done, setDone] = useState(false);
  const { id, clientId, refusals } = of;
  const refused = refusals?.some(({ cause }) => cause === 'client-id-bound') === true;
  if (done)
    return (
      <p class="panel" role="status">
        {t('client-id-released')}
      </p>
    );
  if (clientId === null || !refused) return null;
  const holder = session.value;
  const may =
    holder !== null && holder !== undefined && mayUse({ right: 'client-ids.release' }, holder);
  async function release(): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      await client.call(calls.releaseClientId, { params: { id } });
      setDone(true);
      released();
    } catch (cause) {
      setError(asApiError(cause));
    }
    setBusy(false);
  }
  return (
    <div class="panel client-id">
      <Icon name="warning" size={18} />
      <p>
        <strong>{t('client-id-other')}</strong>
        {' · '}
        {t('client-id-hint', { id: nameOf(clientId.clientId) })}
        {error !== null && <span role="alert"> {explain(error)}</span>}
      </p>
      {may && (
        <button type="button" class="button" disabled={busy} onClick={() => void release()}>
          {t('client-id-release')}
        </button>
      )}
    </div>
  );
}

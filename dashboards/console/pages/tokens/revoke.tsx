/** Revoking a token, once it has been said again. */
import { useState } from 'preact/hooks';
import type { Token } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { asApiError } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { Modal } from '#kit/ui/modal.tsx';
import { explain } from '#kit/ui/notices.tsx';
import { t } from './texts.ts';

export function Revoke({
  token,
  close,
  revoked,
}: {
  token: Token;
  close: () => void;
  revoked: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  async function go(): Promise<void> {
    setBusy(true);
    try {
      await client.call(calls.removeToken, { params: { id: token.id } });
    } catch (cause) {
      const error = asApiError(cause);
      // Somebody else was first: it is gone, which is what was wanted.
      if (error.status !== 404) {
        setFault(explain(error));
        setBusy(false);
        return;
      }
    }
    revoked();
    close();
  }
  return (
    <Modal title={t('revoke')} close={close} held={busy}>
      <p>{t('sure', { name: token.name })}</p>
      {fault !== null && (
        <p class="form-error" role="alert">
          {fault}
        </p>
      )}
      <p class="dialog-foot">
        <button type="button" class="button" onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="button primary" disabled={busy} onClick={() => void go()}>
          {t('revoke')}
        </button>
      </p>
    </Modal>
  );
}

/** Making a token; it is shown this once, with a line to try it. */
import { useState } from 'preact/hooks';
import * as calls from '#kit/api/calls.ts';
import { asApiError } from '#kit/load.ts';
import { AreaChoice } from '#kit/places/area-choice.tsx';
import { client, now } from '#kit/state.ts';
import { CopyText } from '#kit/ui/copy.tsx';
import { Modal } from '#kit/ui/modal.tsx';
import { explain } from '#kit/ui/notices.tsx';
import { t } from './texts.ts';

const DAY_MS = 86_400_000;
/** Days that a token may last; 0 is without end. */
const LIVES = [30, 90, 365, 0] as const;

/** A line for a shell that shows whether the token works. */
const tryLine = (token: string): string =>
  `curl -H "Authorization: Bearer ${token}" "${location.origin}/api/v1/devices?limit=5"`;

function Made({ token, close }: { token: string; close: () => void }) {
  return (
    <>
      <p role="status">{t('made')}</p>
      <CopyText label={t('token-once')} text={token} />
      <CopyText label={t('try')} text={tryLine(token)} />
      <p class="dialog-foot">
        <button type="button" class="button primary" onClick={close}>
          {t('noted')}
        </button>
      </p>
    </>
  );
}

export function Add({ close, added }: { close: () => void; added: () => void }) {
  // Nothing gets the whole county because it was not thought of.
  const [area, setArea] = useState('');
  const [role, setRole] = useState<(typeof calls.ROLES)[number]>('clerk');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const [token, setToken] = useState<string | null>(null);
  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const days = Number(given.get('days'));
    const until = new Date(now.value + days * DAY_MS).toISOString();
    setBusy(true);
    setFault(null);
    try {
      const body = {
        ...{ name: String(given.get('name') ?? '').trim(), role, area },
        ...(days === 0 ? {} : { expiresAt: until }),
      };
      const made = await client.call(calls.createToken, { body });
      setToken(made.token);
      added();
    } catch (cause) {
      setFault(explain(asApiError(cause)));
    }
    setBusy(false);
  }
  return (
    <Modal title={t('add')} close={close} held={busy || token !== null}>
      {token !== null ? (
        <Made token={token} close={close} />
      ) : (
        <form onSubmit={(event) => void submit(event)} aria-busy={busy}>
          <fieldset class="dialog-fields" disabled={busy}>
            <label>
              {t('name')}
              <input
                name="name"
                required
                pattern=".*\S.*"
                maxLength={200}
                autocomplete="off"
                placeholder={t('name-hint')}
              />
            </label>
            <label>
              {t('role')}
              <select
                value={role}
                onChange={(event) => setRole(event.currentTarget.value as typeof role)}
              >
                {calls.ROLES.map((one) => (
                  <option key={one} value={one}>
                    {t(`role.${one}`)}
                  </option>
                ))}
              </select>
              <span class="muted small">{t(`can.${role}`)}</span>
            </label>
            <AreaChoice name="area" label={t('area')} chosen={area} choose={setArea} />
            <label>
              {t('expires')}
              <select name="days">
                {LIVES.map((days) => (
                  <option key={days} value={days} selected={days === 365}>
                    {days === 0 ? t('never-ends') : t('days', { n: days })}
                  </option>
                ))}
              </select>
            </label>
          </fieldset>
          {fault !== null && (
            <p class="form-error" role="alert">
              {fault}
            </p>
          )}
          <p class="dialog-foot">
            <button type="button" class="button" onClick={close}>
              {t('cancel')}
            </button>
            <button type="submit" class="button primary" disabled={busy}>
              {t('add-go')}
            </button>
          </p>
        </form>
      )}
    </Modal>
  );
}

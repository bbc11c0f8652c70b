/** Adding a person; the first password is shown this once. */
import { useState } from 'preact/hooks';
import { asApiError } from '#kit/load.ts';
import { CopyText } from '#kit/ui/copy.tsx';
import { Modal } from '#kit/ui/modal.tsx';
import { type Fields, save, whyNot } from './changes.ts';
import { PersonFields } from './fields.tsx';
import { makePassword } from './password.ts';
import { t } from './texts.ts';

/** What is to be handed over: the name to sign in with, and the password. */
export function Handed({
  name,
  password,
  close,
}: {
  name: string;
  password: string;
  close: () => void;
}) {
  return (
    <>
      <p role="status">{t('hand-over', { name })}</p>
      <CopyText label={t('first-password')} text={password} />
      <p class="dialog-foot">
        <button type="button" class="button primary" onClick={close}>
          {t('noted')}
        </button>
      </p>
    </>
  );
}

export function Add({ close, added }: { close: () => void; added: () => void }) {
  const [name, setName] = useState('');
  const [fields, setFields] = useState<Fields>({
    displayName: '',
    role: 'clerk',
    // Nobody gets the whole county because it was not thought of.
    area: '',
  });
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const [password, setPassword] = useState<string | null>(null);
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    const made = makePassword();
    try {
      await save(name, 0, fields, { password: made });
      setPassword(made);
      added();
    } catch (cause) {
      const error = asApiError(cause);
      // A name of another area is told by 404: to the asker it is only taken.
      const taken = ['changed-meanwhile', 'already-exists', 'not-found'].includes(error.code);
      setFault(taken ? t('name-taken') : whyNot(error));
    }
    setBusy(false);
  }
  return (
    <Modal title={t('add')} close={close} held={busy || password !== null}>
      {password !== null ? (
        <Handed name={name} password={password} close={close} />
      ) : (
        <form onSubmit={(event) => void submit(event)} aria-busy={busy}>
          <fieldset class="dialog-fields" disabled={busy}>
            <label>
              {t('name')}
              <input
                value={name}
                required
                pattern="[A-Za-z0-9._\-]{1,64}"
                maxLength={64}
                autocomplete="off"
                autocapitalize="none"
                spellcheck={false}
                onInput={(event) => setName(event.currentTarget.value)}
              />
              <span class="muted small">{t('name-hint')}</span>
            </label>
            <PersonFields
              fields={fields}
              put={(change) => setFields((before) => ({ ...before, ...change }))}
            />
          </fieldset>
          <p class="muted small">{t('password-hint')}</p>
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

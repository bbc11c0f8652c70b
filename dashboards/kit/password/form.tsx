/** Choosing another password for oneself. */
import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import type { User } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import type { ApiError } from '../api/client.ts';
import { asApiError } from '../load.ts';
import type { Session } from '../session.ts';
import { client } from '../state.ts';
import { explain } from '../ui/notices.tsx';
import { t } from './texts.ts';

/** What went wrong, in words of this form where it has some. */
const whyNot = (error: ApiError): string =>
  error.code === 'weak-password'
    ? t('weak')
    : error.code === 'wrong-credentials'
      ? t('old-wrong')
      : explain(error);

/** The form; `done` gets the session that goes on. */
export function PasswordForm({
  done,
}: {
  done: (session: Session & { readonly user: User }) => void;
}) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const text = (name: string): string => String(given.get(name) ?? '');
    if (text('password') !== text('again')) return setFault(t('differ'));
    setBusy(true);
    setFault(null);
    try {
      const body = { old: text('old'), password: text('password') };
      const session = await client.call(calls.changePassword, { body });
      form.reset();
      setBusy(false);
      done(session);
    } catch (cause) {
      setFault(whyNot(asApiError(cause)));
      setBusy(false);
    }
  }
  const field = (name: 'old' | 'password' | 'again') => (
    <label>
      {t(`field.${name}`)}
      <input
        name={name}
        type="password"
        required
        maxLength={128}
        autocomplete={name === 'old' ? 'current-password' : 'new-password'}
      />
    </label>
  );
  return (
    <form onSubmit={(event) => void submit(event)} aria-busy={busy}>
      <fieldset class="dialog-fields" disabled={busy}>
        {field('old')}
        {field('password')}
        {field('again')}
        <p class="muted small">{t('rule')}</p>
        {fault !== null && (
          <p class="form-error" role="alert">
            {fault}
          </p>
        )}
        <button type="submit" class="button primary">
          {t('change')}
        </button>
      </fieldset>
    </form>
  );
}

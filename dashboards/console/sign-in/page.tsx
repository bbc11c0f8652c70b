/** Signing in: as a page, whose address stays so that the one asked for is shown next, and over a page whose session has ended. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { asApiError } from '#kit/load.ts';
import { client, session, sessionEnded } from '#kit/state.ts';
import { explain } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { LanguageSwitch } from '#kit/ui/switches.tsx';
import { t } from './texts.ts';
import './sign-in.css';

/** The form and what can go wrong with it. */
function SignInForm() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | 'need-both' | null>(null);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const name = String(form.get('user') ?? '').trim();
    const password = String(form.get('password') ?? '');
    if (name === '' || password === '') return setError('need-both');
    setBusy(true);
    setError(null);
    try {
      const answer = await client.call(calls.signIn, {
        body: { user: name, password },
      });
      session.value = answer;
      sessionEnded.value = false;
    } catch (cause) {
      setError(asApiError(cause));
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)} aria-busy={busy} noValidate>
      <img src="/icon.svg" alt="" width="44" height="44" />
      <h1>{t('app.name')}</h1>
      <p class="muted">{t('app.tagline')}</p>
      {sessionEnded.value && error === null && (
        <p class="form-note" role="status">
          {t('expired')}
        </p>
      )}
      <label>
        {t('user')}
        <input
          name="user"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
        />
      </label>
      <label>
        {t('password')}
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      {error !== null && (
        <p class="form-error" role="alert">
          {error === 'need-both' ? t('need-both') : explain(error)}
        </p>
      )}
      <button type="submit" class="button primary" disabled={busy}>
        {busy ? t('signing-in') : t('sign-in')}
      </button>
      <p class="muted small">{t('help')}</p>
      <LanguageSwitch />
    </form>
  );
}

export function SignIn() {
  useTitle(t('sign-in'));
  return (
    <main class="sign-in">
      <SignInForm />
    </main>
  );
}

/** Covers the page, and whatever dialog is open on it, until somebody has signed in again. */
export function SignInAgain() {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Closing gives the focus back to the field that somebody was in.
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="sign-in sign-in-again"
      aria-label={t('sign-in')}
      onCancel={(event) => event.preventDefault()}
      onClose={(event) => {
        // A browser lets Escape through when it is pressed twice.
        if (event.currentTarget.isConnected) event.currentTarget.showModal();
      }}
    >
      <SignInForm />
    </dialog>
  );
}

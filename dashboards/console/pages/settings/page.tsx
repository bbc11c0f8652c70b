/** Language, theme and the way out. */
import { useState } from 'preact/hooks';
import { signOut as signOutCall } from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { asApiError } from '#kit/load.ts';
import { PasswordForm } from '#kit/password/form.tsx';
import { client, session, user } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { explain } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { LanguageSwitch, ThemeSwitch } from '#kit/ui/switches.tsx';
import { Told } from '#kit/ui/told.tsx';
import { t } from './texts.ts';
import './settings.css';

/** What each person may set for themselves, and who they are here. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const [error, setError] = useState<ApiError | null>(null);
  const [changed, setChanged] = useState(false);
  const me = user.value;

  async function signOut(): Promise<void> {
    try {
      await client.call(signOutCall, {});
      session.value = null;
    } catch (cause) {
      const failure = asApiError(cause);
      if (failure.status === 401) session.value = null;
      else setError(failure);
    }
  }

  return (
    <div class="page page-narrow">
      <h1>{title}</h1>
      <section class="panel rows">
        <div>
          <span>{t('switch.language')}</span>
          <LanguageSwitch />
        </div>
        <div>
          <span>{t('switch.theme')}</span>
          <ThemeSwitch />
        </div>
      </section>
      <section class="panel">
        <h2>{t('password')}</h2>
        <div class="pad">
          <Told text={changed ? t('password-changed') : null} />
          <PasswordForm
            done={(next) => {
              session.value = next;
              setChanged(true);
            }}
          />
        </div>
      </section>
      {me && (
        <section class="panel rows">
          <div>
            <span>{t('account')}</span>
            <span>
              {me.displayName} · {t(`role.${me.role}`)}
            </span>
          </div>
          <div>
            <span>{t('scope')}</span>
            <span>{say(me.area.name)}</span>
          </div>
          <div>
            <span />
            <button type="button" class="button" onClick={() => void signOut()}>
              <Icon name="signout" />
              {t('sign-out')}
            </button>
          </div>
          {error !== null && (
            <p class="form-error" role="alert">
              {explain(error)}
            </p>
          )}
        </section>
      )}
    </div>
  );
}

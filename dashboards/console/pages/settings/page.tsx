/** Language, theme and the way out. */
import { useState } from 'preact/hooks';
import { anything } from '#kit/api/check.ts';
import type { ApiError } from '#kit/api/client.ts';
import { asApiError } from '#kit/load.ts';
import { client, user } from '#kit/state.ts';
import { say, t } from '#kit/text/language.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { explain, useTitle } from '#kit/ui/parts.tsx';
import { LanguageSwitch, ThemeSwitch } from '../../shell/shell.tsx';

/** What each person may set for themselves, and who they are here. */
export function Settings() {
  useTitle(t('nav.settings'));
  const [error, setError] = useState<ApiError | null>(null);
  const me = user.value;

  async function signOut(): Promise<void> {
    try {
      await client.ask('/session', anything, { method: 'DELETE' });
      user.value = null;
    } catch (cause) {
      const failure = asApiError(cause);
      if (failure.status === 401) user.value = null;
      else setError(failure);
    }
  }

  return (
    <div class="page page-narrow">
      <h1>{t('nav.settings')}</h1>
      <section class="panel rows">
        <div>
          <span>{t('settings.language')}</span>
          <LanguageSwitch />
        </div>
        <div>
          <span>{t('settings.theme')}</span>
          <ThemeSwitch />
        </div>
      </section>
      {me && (
        <section class="panel rows">
          <div>
            <span>{t('settings.account')}</span>
            <span>
              {me.displayName} · {t(`role.${me.role}`)}
            </span>
          </div>
          <div>
            <span>{t('settings.scope')}</span>
            <span>{say(me.area.name)}</span>
          </div>
          <div>
            <span />
            <button type="button" class="button" onClick={() => void signOut()}>
              <Icon name="signout" />
              {t('session.sign-out')}
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

/** Who signs in with a password that somebody else made chooses their own before anything else. */
import { PasswordForm } from '#kit/password/form.tsx';
import { session, user } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { useTitle } from '#kit/ui/page.tsx';
import { t } from './texts.ts';
import './first-password.css';

/** The page; the console itself comes once it is done. */
export function Page({ title }: PageProps) {
  useTitle(title);
  return (
    <main class="first-password">
      <section class="panel pad">
        <h1>{title}</h1>
        <p class="muted">{t('why', { name: user.value?.displayName ?? '' })}</p>
        <PasswordForm
          done={(next) => {
            session.value = next;
          }}
        />
      </section>
    </main>
  );
}

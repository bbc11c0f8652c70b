/** The two pages of this topic. */
import { path } from '#kit/router.ts';
import { t } from './texts.ts';

export function Tabs() {
  return (
    <nav class="segments" aria-label={t('tabs')}>
      {(['/people', '/people/roles'] as const).map((href) => (
        <a key={href} href={href} aria-current={path.value === href ? 'true' : undefined}>
          {t(href === '/people' ? 'tab-people' : 'tab-roles')}
        </a>
      ))}
    </nav>
  );
}

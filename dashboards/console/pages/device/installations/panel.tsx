/** The equipment that stands and stood in a device's place; nothing where it was never replaced and nothing is known of it. */
import type { DeviceHistory } from '#kit/api/answers.ts';
import { formatTime } from '#kit/format.ts';
import { profiles } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { t } from './texts.ts';
import './installations.css';

const time = (at: number | null, none: string): string =>
  at === null ? none : formatTime(at).slice(0, 16);

export function Installations({ history }: { history: DeviceHistory | undefined }) {
  const items = history?.installations ?? [];
  if (items.length < 2 && items.every(({ serial }) => serial === null)) return null;
  return (
    <section class="panel" aria-labelledby="installations-heading">
      <h2 id="installations-heading">{t('installations')}</h2>
      <ul class="installations">
        {items.toReversed().map((one, index) => {
          const profile = profiles.value.get(one.profile);
          return (
            <li key={index}>
              <span class="installation-what">
                <b>{one.serial ?? t('no-serial')}</b>
                <span>{profile === undefined ? one.profile : say(profile.name)}</span>
              </span>
              <span class="number">
                {t('since-until', {
                  since: time(one.since, t('at-first')),
                  until: time(one.until, t('still-here')),
                })}
              </span>
              <span class="muted small">
                {one.reason !== null && `${one.reason} · `}
                {t('by-whom', { by: one.by })}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** What an installation without a first value still lacks: one step after the other, each with the button that does it. */
import type { Counts } from '#kit/api/answers.ts';
import { totalOf } from '#kit/devices/marks.tsx';
import { Icon } from '#kit/ui/icon.tsx';
import { t } from './texts.ts';

interface Step {
  readonly name: 'areas' | 'device' | 'value';
  readonly done: boolean;
  /** Where it is done; null when nothing can be done but wait. */
  readonly href: string | null;
  readonly other?: string;
}

/** Whether nothing has ever been heard here. */
export const isNew = (counts: Counts): boolean => counts.never === totalOf(counts);

export function FirstSteps({
  areas,
  counts,
  device,
}: {
  /** How many areas lie below. */
  areas: number;
  counts: Counts;
  /** One that waits for its first value. */
  device: string | undefined;
}) {
  const total = totalOf(counts);
  const steps: readonly Step[] = [
    { name: 'areas', done: areas > 0, href: '/areas', other: '/import' },
    { name: 'device', done: total > 0, href: '/add-device', other: '/import' },
    {
      name: 'value',
      done: !isNew(counts),
      href: device === undefined ? null : `/devices/${encodeURIComponent(device)}/connect`,
    },
  ];
  const next = steps.find(({ done }) => !done);
  return (
    <section class="panel first-steps" aria-labelledby="first-steps-heading">
      <h2 id="first-steps-heading">{t('first-steps')}</h2>
      <ol>
        {steps.map((step, place) => {
          const { name, done, href, other } = step;
          return (
            <li key={name} class={done ? 'done' : step === next ? 'next' : ''}>
              <span class="step-mark" aria-hidden="true">
                {done ? <Icon name="online" size={20} /> : place + 1}
              </span>
              <div>
                <h3>
                  {t(`first-step.${name}`)}
                  {done && <small class="muted">{t('first-done')}</small>}
                </h3>
                {!done && <p class="muted">{t(`first-hint.${name}`)}</p>}
                {step === next && (
                  <p class="step-buttons">
                    {href !== null && (
                      <a class="button primary" href={href}>
                        {t(`first-do.${name}`)}
                      </a>
                    )}
                    {other !== undefined && (
                      <a class="button" href={other}>
                        {t('first-import')}
                      </a>
                    )}
                  </p>
                )}
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

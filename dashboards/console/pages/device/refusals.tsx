/** What a device said on topics that it may not use: a setting of the device that somebody has to put right. */
import type { Refusal } from '#kit/api/answers.ts';
import { formatTime } from '#kit/format.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { t } from './texts.ts';

const causes = {
  'acl-publish': 'refusal-topic',
  'topic-levels': 'refusal-levels',
  'acl-will': 'refusal-will',
} as const;

export function Refusals({ refusals }: { refusals: readonly Refusal[] | null }) {
  if (refusals === null || refusals.length === 0) return null;
  const count = refusals.reduce((sum, one) => sum + one.count, 0);
  return (
    <details class="panel refusals">
      <summary>
        <Icon name="warning" size={18} />
        <span>{t('refusals', { n: count.toLocaleString() })}</span>
        <Icon name="down" size={16} />
      </summary>
      <p class="muted">{t('refusals-hint')}</p>
      <ul>
        {refusals.map((one) => (
          <li key={`${one.cause} ${one.topic}`}>
            <code>{one.topic ?? t('refusal-more')}</code>
            <span class="muted small">
              {t(causes[one.cause])} · {t('refusal-times', { n: one.count.toLocaleString() })} ·{' '}
              <span class="number">{formatTime(one.lastAt)}</span>
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

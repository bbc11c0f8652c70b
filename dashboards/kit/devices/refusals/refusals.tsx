/** What was not taken of what a device or gateway said: something that somebody has to put right. */
import type { Refusal } from '../../api/answers.ts';
import { formatCount, formatTime } from '../../format.ts';
import { Icon } from '../../ui/icon.tsx';
import { t, word } from './refusals-texts.ts';
import './refusals.css';

/** What it is about: a topic, or a metric and its place in the frame. */
function subjectOf({ topic, metric, place }: Refusal): string {
  if (topic !== null) return topic;
  const about = [metric, place].filter((one) => one !== null);
  return about.length === 0 ? t('refusal-more') : about.join(' · ');
}

export function Refusals({
  refusals,
}: {
  refusals: readonly (Refusal & { readonly device?: string | null })[] | null;
}) {
  if (refusals === null || refusals.length === 0) return null;
  const count = refusals.reduce((sum, one) => sum + one.count, 0);
  return (
    <details class="panel refusals">
      <summary>
        <Icon name="warning" size={18} />
        <span>{t('refusals', { n: formatCount(count) })}</span>
        <Icon name="down" size={16} />
      </summary>
      <p class="muted">{t('refusals-hint')}</p>
      <ul>
        {refusals.map((one) => (
          <li key={`${one.device} ${one.cause} ${one.topic} ${one.metric}`}>
            <code>
              {one.device ? `${one.device} · ` : ''}
              {subjectOf(one)}
            </code>
            <span class="muted small">
              {word('reason', one.cause)} · {t('refusal-times', { n: formatCount(one.count) })} ·{' '}
              <span class="number">{formatTime(one.lastAt)}</span>
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

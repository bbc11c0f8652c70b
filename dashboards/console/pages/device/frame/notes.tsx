/** What must be known beside a message: that others are missing or not shown, and that it says another thing than was stored. */
import type { Frame } from '#kit/api/answers.ts';
import { formatTime } from '#kit/format.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { t } from './texts.ts';

/** Spans that are named. */
const NAMED = 3;

function Note({ text }: { text: string }) {
  return (
    <div class="stale-note" role="note">
      <Icon name="warning" />
      <span>{text}</span>
    </div>
  );
}

/** Times of receipt whose messages are missing. */
export function Missed({
  spans,
}: {
  spans: readonly { readonly from: number; readonly to: number }[];
}) {
  if (spans.length === 0) return null;
  const named = spans
    .slice(0, NAMED)
    .map(({ from, to }) => t('frame.span', { from: formatTime(from), to: formatTime(to) }));
  const text = t('frame.missed', { spans: named.join(' · ') });
  const others = spans.length - named.length;
  return <Note text={others === 0 ? text : `${text}${t('frame.missed-more', { n: others })}`} />;
}

/** More messages of the time than are shown. */
export const More = ({ shown }: { shown: number }) => <Note text={t('frame.more', { n: shown })} />;

/** That a message says another value than was stored, or that it could not be compared. */
export function Differs({ frame: { differs } }: { frame: Frame }) {
  if (differs === null) return <Note text={t('frame.not-compared')} />;
  return differs.length === 0 ? null : <Note text={t('frame.differs')} />;
}

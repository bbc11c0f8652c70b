/** How much of a file has gone, and the way to stop it. */
import { formatBytes } from '../format.ts';
import { t } from './texts.ts';
import './progress.css';

export function Progress({ sent, size, stop }: { sent: number; size: number; stop: () => void }) {
  // What is sent has a head, too.
  const gone = Math.min(sent, size);
  const text =
    gone >= size ? t('sent') : t('sending', { sent: formatBytes(gone), size: formatBytes(size) });
  return (
    <div class="progress">
      <progress max={size} value={gone} aria-label={text} />
      <span class="small">{text}</span>
      <button type="button" class="button" onClick={stop}>
        {t('stop')}
      </button>
    </div>
  );
}

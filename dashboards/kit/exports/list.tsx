/** The reader's files of readings: how far each is, and what can be done with it. */
import type { Export } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { addressOf } from '../api/client.ts';
import { formatBytes, formatCount, formatPercent, formatShort } from '../format.ts';
import { user } from '../state.ts';
import { say } from '../text/language.ts';
import { Icon } from '../ui/icon.tsx';
import { t, word } from './texts.ts';

const isOpen = ({ state }: Export): boolean => state === 'queued' || state === 'running';

/** Whether one of them is still to come. */
export const anyOpen = (items: readonly Export[]): boolean => items.some(isOpen);

function State({ item }: { item: Export }) {
  const { state, progress, rows, bytes, error, expiresAt } = item;
  const size = t(state === 'done' ? 'export-is' : 'export-size', {
    ...{ rows: formatCount(rows), bytes: formatBytes(bytes) },
  });
  return (
    <span class={state === 'failed' ? 'text-offline small' : 'muted small'}>
      {word('making', state)}
      {state === 'running' && ` ${formatPercent(progress, 1)} %`}
      {error !== null && ` · ${word('refused', error.code)}`}
      {state !== 'failed' && ` · ${size}`}
      {state === 'done' &&
        expiresAt !== null &&
        ` · ${t('export-kept', { time: formatShort(expiresAt) })}`}
    </span>
  );
}

function Item({ item, remove }: { item: Export; remove: () => void }) {
  const own = user.value?.area;
  const area = own?.code === item.area ? own.name : null;
  const of =
    item.device ?? (area === null ? t('export-area', { code: item.area ?? '' }) : say(area));
  const span = { from: formatShort(item.from), to: formatShort(item.to) };
  return (
    <li>
      <span class="what">
        <b>
          {of} · {item.format.toUpperCase()}
        </b>
        <span class="small">{t('export-span', span)}</span>
        <State item={item} />
      </span>
      <span class="do">
        {item.state === 'done' && (
          <a
            class="button"
            href={addressOf(calls.exportedFile, { params: { id: item.id } })}
            download
          >
            <Icon name="download" />
            {t('export-now')}
          </a>
        )}
        <button type="button" class="button" onClick={remove}>
          {isOpen(item) ? t('export-cancel') : t('export-remove')}
        </button>
      </span>
      {isOpen(item) && (
        <progress max={1} value={item.progress} aria-label={`${t('export-progress')} ${of}`} />
      )}
    </li>
  );
}

/** The list; nothing when there is none. */
export function ExportList({
  items,
  remove,
}: {
  items: readonly Export[];
  remove: (item: Export) => void;
}) {
  if (items.length === 0) return null;
  return (
    <section class="export-list" aria-labelledby="exports-heading">
      <h3 id="exports-heading">{t('export-mine')}</h3>
      <ul>
        {items.map((item) => (
          <Item key={item.id} item={item} remove={() => remove(item)} />
        ))}
      </ul>
      {items.some(({ state }) => state === 'done') && (
        <p class="muted small">{t('export-resume')}</p>
      )}
    </section>
  );
}

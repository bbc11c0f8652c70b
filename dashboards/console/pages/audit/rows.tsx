/** Entries of the audit log: time, who, what, target and outcome; all the rest when one is opened. */
import type { AuditRow } from '#kit/api/answers.ts';
import { formatTime } from '#kit/format.ts';
import { t, word } from './texts.ts';

/** A value of the details in words. */
function valueText(value: unknown): string {
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no');
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}

function Entry({ row }: { row: AuditRow }) {
  return (
    <li>
      <details>
        <summary>
          <time class="number" dateTime={new Date(row.at).toISOString()}>
            {formatTime(row.at)}
          </time>
          <b>{row.actor}</b>
          <span class="audit-what">
            {word('action', row.action)}
            {row.target !== '' && row.target !== row.actor && (
              <span class="muted"> {row.target}</span>
            )}
          </span>
          <span class={row.outcome === 'done' ? 'tag' : 'tag tag-bad'}>
            {t(`outcome.${row.outcome}`)}
          </span>
        </summary>
        <dl class="facts">
          <div>
            <dt>{t('action')}</dt>
            <dd>{row.action}</dd>
          </div>
          {row.target !== '' && (
            <div>
              <dt>{t('target')}</dt>
              <dd>{row.target}</dd>
            </div>
          )}
          <div>
            <dt>{t('address')}</dt>
            <dd>{row.address === '' ? t('server') : row.address}</dd>
          </div>
          <div>
            <dt>{t('number')}</dt>
            <dd class="number">{row.id}</dd>
          </div>
          {[...row.detail].map(([name, value]) => (
            <div key={name}>
              <dt>{word('detail', name)}</dt>
              <dd>{valueText(value)}</dd>
            </div>
          ))}
        </dl>
      </details>
    </li>
  );
}

export function Entries({ rows }: { rows: readonly AuditRow[] }) {
  return (
    <ol class="audit">
      {rows.map((row) => (
        <Entry key={row.id} row={row} />
      ))}
    </ol>
  );
}

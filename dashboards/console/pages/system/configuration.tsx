/** The configuration as it holds: each key with what it means, its value, and where that comes from. */
import { useState } from 'preact/hooks';
import type { Setting } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { SearchBox } from '#kit/ui/search.tsx';
import { t, word } from './texts.ts';
import './system.css';

/** Whether every word that is looked for stands in the key, its value or one of its descriptions. */
function fits({ key, value, variable, description }: Setting, wanted: string): boolean {
  const text = `${key} ${value} ${variable} ${description.zh} ${description.en}`.toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((part) => text.includes(part));
}

function valueText({ secret, source, value }: Setting): string {
  if (secret) return t(source === 'default' ? 'not-set' : 'hidden');
  return value ?? t('not-set');
}

function Line({ setting }: { setting: Setting }) {
  const { key, source, variable, description } = setting;
  const said = source !== 'default' && !setting.secret;
  const fallback = said ? (setting.default ?? t('not-set')) : null;
  return (
    <li>
      <span>
        <code class="path">{key}</code>
      </span>
      <span class="muted small">{say(description)}</span>
      <span class="setting-value">
        <span class={setting.value === null && !setting.secret ? 'muted' : 'path'}>
          {valueText(setting)}
        </span>{' '}
        <span class={source === 'default' ? 'tag' : 'tag tag-said'}>{word('source', source)}</span>
      </span>
      {(fallback !== null || (variable !== null && variable !== key)) && (
        <span class="muted small">
          {[
            fallback === null ? null : t('default-is', { value: fallback }),
            variable === null || variable === key ? null : t('also-by', { variable }),
          ]
            .filter((one) => one !== null)
            .join(' · ')}
        </span>
      )}
    </li>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const [wanted, setWanted] = useState('');
  const [saidOnly, setSaidOnly] = useState(false);
  const load = useLoad('configuration', (signal) => client.call(calls.configuration, { signal }));
  if (load.data === undefined)
    return load.error === undefined ? (
      <Skeleton />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  const { path, items } = load.data;
  const found = items.filter(
    (one) => (!saidOnly || one.source !== 'default') && fits(one, wanted.trim()),
  );
  return (
    <div class="page">
      <header class="page-head">
        <h1>{t('configuration')}</h1>
        <span class="actions">
          <a class="button" href="/system">
            {title}
          </a>
        </span>
      </header>
      <p class="muted">{t('configuration-intro', { path })}</p>
      <StaleNote error={load.error} retry={load.reload} />
      <search class="settings-filter">
        <SearchBox label={t('search-settings')} value={wanted} change={setWanted} />
        <label class="settings-said">
          <input
            type="checkbox"
            checked={saidOnly}
            onChange={(event) => setSaidOnly(event.currentTarget.checked)}
          />{' '}
          {t('said-only')}
        </label>
        <span class="muted" role="status">
          {t('settings-found', { n: found.length })}
        </span>
      </search>
      {found.length === 0 ? (
        <Empty icon="search" title={t('no-settings')} hint={t('no-settings-hint')} />
      ) : (
        <section class="panel">
          <ul class="lines settings-list">
            {found.map((setting) => (
              <Line key={setting.key} setting={setting} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

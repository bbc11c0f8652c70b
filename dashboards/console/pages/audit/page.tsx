/** The audit log, newest first: searched by words, who, what, outcome and time, page after page, and saved as a table. */
import { useState } from 'preact/hooks';
import type { AuditRow } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { addressOf } from '#kit/api/client.ts';
import { fromField, toField } from '#kit/format.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { go, query, withQuery } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { Filter, SearchField } from '#kit/ui/search.tsx';
import { Entries } from './rows.tsx';
import { ACTIONS, t, word } from './texts.ts';
import './audit.css';

const PAGE = 100;

/** A time of the address; null where it says none. */
function timeOf(name: string): string | null {
  const at = Number(query.value.get(name) ?? Number.NaN);
  return Number.isSafeInteger(at) && Math.abs(at) < 8e15 ? new Date(at).toISOString() : null;
}

const filters = () => ({
  q: query.value.get('q'),
  actor: query.value.get('actor'),
  action: query.value.get('action'),
  outcome: calls.AUDIT_OUTCOMES.find((one) => one === query.value.get('outcome')) ?? null,
  from: timeOf('from'),
  to: timeOf('to'),
});

function TimeField({ name }: { name: 'from' | 'to' }) {
  const at = timeOf(name);
  return (
    <label class="audit-time">
      {t(name)}
      <input
        type="datetime-local"
        value={at === null ? '' : toField(Date.parse(at))}
        onChange={(event) => {
          const { value } = event.currentTarget;
          go(withQuery({ [name]: value === '' ? null : fromField(value) }));
        }}
      />
    </label>
  );
}

function Filters({ filtered }: { filtered: boolean }) {
  return (
    <search class="finders">
      <SearchField label={t('search')} />
      <Filter
        name="action"
        label={t('action')}
        any={t('action-any')}
        options={ACTIONS.map((action) => [action, word('action', action)])}
      />
      <Filter
        name="outcome"
        label={t('outcome')}
        any={t('outcome-any')}
        options={calls.AUDIT_OUTCOMES.map((outcome) => [outcome, t(`outcome.${outcome}`)])}
      />
      <TimeField name="from" />
      <TimeField name="to" />
      {filtered && (
        <a class="button" href="/audit">
          {t('clear')}
        </a>
      )}
    </search>
  );
}

function Found({
  rows,
  complete,
  busy,
  more,
}: {
  rows: readonly AuditRow[];
  complete: boolean;
  busy: boolean;
  more: () => void;
}) {
  return (
    <section class={busy ? 'panel busy' : 'panel'} aria-busy={busy}>
      {rows.length === 0 ? <p class="pad muted">{t('none-so-far')}</p> : <Entries rows={rows} />}
      {!complete && (
        <div class="list-foot">
          <button type="button" class="button" aria-disabled={busy} onClick={more}>
            {t('older')}
          </button>
        </div>
      )}
    </section>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const asked = filters();
  const key = JSON.stringify(asked);
  const [more, setMore] = useState({ key, pages: 1 });
  const pages = more.key === key ? more.pages : 1;
  const load = useLoad(`audit ${key} ${pages}`, (signal) =>
    allPages(
      (cursor) => client.call(calls.audit, { query: { ...asked, limit: PAGE, cursor }, signal }),
      pages,
    ),
  );
  const { data } = load;
  const filtered = Object.values(asked).some((one) => one !== null);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <span class="actions">
          {data !== undefined && data.items.length > 0 && (
            <a class="button" href={addressOf(calls.auditFile, { query: asked })} download>
              <Icon name="download" />
              {t(filtered ? 'save-found' : 'save')}
            </a>
          )}
        </span>
      </header>
      <p class="muted">{t('intro')}</p>
      <Filters filtered={filtered} />
      {data !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {data === undefined ? (
        load.error === undefined ? (
          <Skeleton />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : data.items.length === 0 && data.complete ? (
        <Empty icon="search" title={t('none')} hint={t('none-hint')}>
          <a class="button" href="/audit">
            {t('clear')}
          </a>
        </Empty>
      ) : (
        <Found
          rows={data.items}
          complete={data.complete}
          busy={load.busy}
          more={() => setMore({ key, pages: pages + 1 })}
        />
      )}
    </div>
  );
}

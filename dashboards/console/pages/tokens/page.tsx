/** Tokens of machines: who has one, making one, revoking it. */
import { useState } from 'preact/hooks';
import type { Token } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { query } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { SearchField } from '#kit/ui/search.tsx';
import { Told } from '#kit/ui/told.tsx';
import { Add } from './add.tsx';
import { Revoke } from './revoke.tsx';
import { Tokens } from './rows.tsx';
import { t } from './texts.ts';

const PAGE = 100;

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const [adding, setAdding] = useState(false);
  const [revoked, setRevoked] = useState<Token | null>(null);
  const [told, setTold] = useState<string | null>(null);
  const q = query.value.get('q');
  const [pages, setPages] = useState(1);
  const load = useLoad(`tokens ${q ?? ''} ${pages}`, (signal) =>
    allPages(
      (cursor) => client.call(calls.tokens, { query: { q, limit: PAGE, cursor }, signal }),
      pages,
    ),
  );
  // The newest first: it is the one that somebody has just made.
  const tokens = load.data?.items;
  const any = q !== null || (tokens !== undefined && tokens.length > 0);
  const add = (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {t('add')}
    </button>
  );
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        {any && <span class="actions">{add}</span>}
      </header>
      <p class="muted">{t('intro')}</p>
      {any && (
        <search class="finders">
          <SearchField label={t('search')} />
        </search>
      )}
      <Told text={told} />
      {tokens !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {tokens === undefined ? (
        load.error === undefined ? (
          <Skeleton />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : tokens.length === 0 && q !== null ? (
        <Empty icon="search" title={t('none')} hint={t('none-hint')}>
          <a class="button" href="/tokens">
            {t('clear')}
          </a>
        </Empty>
      ) : tokens.length === 0 ? (
        <Empty icon="lock" title={t('empty')} hint={t('empty-hint')}>
          {add}
        </Empty>
      ) : (
        <section class={load.busy ? 'panel list busy' : 'panel list'} aria-busy={load.busy}>
          <Tokens tokens={tokens} revoke={setRevoked} />
          {load.data?.complete === false && (
            <div class="list-foot">
              <button type="button" class="button" onClick={() => setPages(pages + 1)}>
                {t('list.more')}
              </button>
            </div>
          )}
        </section>
      )}
      {adding && <Add close={() => setAdding(false)} added={load.reload} />}
      {revoked !== null && (
        <Revoke
          token={revoked}
          close={() => setRevoked(null)}
          revoked={() => {
            setTold(t('revoked', { name: revoked.name }));
            load.reload();
          }}
        />
      )}
    </div>
  );
}

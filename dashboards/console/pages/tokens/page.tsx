/** Tokens of machines: who has one, making one, revoking it. */
import { useState } from 'preact/hooks';
import type { Token } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { Told } from '#kit/ui/told.tsx';
import { Add } from './add.tsx';
import { Revoke } from './revoke.tsx';
import { Tokens } from './rows.tsx';
import { t } from './texts.ts';

const PAGE = 500;
const PAGES_MAX = 4;

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const [adding, setAdding] = useState(false);
  const [revoked, setRevoked] = useState<Token | null>(null);
  const [told, setTold] = useState<string | null>(null);
  const load = useLoad('tokens', (signal) =>
    allPages(
      (cursor) => client.call(calls.tokens, { query: { limit: PAGE, cursor }, signal }),
      PAGES_MAX,
    ),
  );
  // The newest first: it is the one that somebody has just made.
  const tokens = load.data?.items.toSorted((a, b) => b.createdAt - a.createdAt);
  const add = (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {t('add')}
    </button>
  );
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        {tokens !== undefined && tokens.length > 0 && <span class="actions">{add}</span>}
      </header>
      <p class="muted">{t('intro')}</p>
      <Told text={told} />
      {tokens !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {tokens === undefined ? (
        load.error === undefined ? (
          <Skeleton />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : tokens.length === 0 ? (
        <Empty icon="lock" title={t('empty')} hint={t('empty-hint')}>
          {add}
        </Empty>
      ) : (
        <section class={load.busy ? 'panel list busy' : 'panel list'} aria-busy={load.busy}>
          <Tokens tokens={tokens} revoke={setRevoked} />
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

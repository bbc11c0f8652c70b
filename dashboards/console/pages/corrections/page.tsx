/** All corrections that the reader may see, by state. */
import { useState } from 'preact/hooks';
import * as calls from '#kit/api/calls.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { query, withQuery } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { Corrections } from './list.tsx';
import { t } from './texts.ts';
import './corrections.css';

const PAGE = 50;

function States({ chosen }: { chosen: string | null }) {
  return (
    <fieldset class="segments">
      <legend class="hidden">{t('state')}</legend>
      {[null, ...calls.CORRECTION_STATES].map((state) => (
        <a
          key={state}
          href={withQuery({ state })}
          aria-current={state === chosen ? 'true' : undefined}
        >
          {t(`state.${state ?? 'all'}`)}
        </a>
      ))}
    </fieldset>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const state = calls.CORRECTION_STATES.find((one) => one === query.value.get('state')) ?? null;
  const by = query.value.get('by');
  const [pages, setPages] = useState(1);
  const load = useLoad(`corrections ${state} ${by} ${pages}`, (signal) =>
    allPages(
      (cursor) =>
        client.call(calls.corrections, { query: { state, by, limit: PAGE, cursor }, signal }),
      pages,
    ),
  );
  const items = load.data?.items;
  if (items === undefined)
    return load.error === undefined ? (
      <Skeleton />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <States chosen={state} />
      </header>
      <p class="muted">{t('intro')}</p>
      <StaleNote error={load.error} retry={load.reload} />
      {items.length === 0 ? (
        <Empty icon="empty" title={t('empty')} hint={t('empty-hint')} />
      ) : (
        <section class="panel">
          <Corrections items={items} showDevice changed={load.reload} />
          {load.data?.complete === false && (
            <div class="list-foot">
              <button type="button" class="button" onClick={() => setPages(pages + 1)}>
                {t('list.more')}
              </button>
            </div>
          )}
        </section>
      )}
    </div>
  );
}

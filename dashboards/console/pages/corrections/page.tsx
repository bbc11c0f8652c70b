/** All corrections that the reader may see: by state, area, person and device. */
import { useState } from 'preact/hooks';
import type { Correction } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { AreaFilter } from '#kit/places/area-filter.tsx';
import { go, query, withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, session, user } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { Told } from '#kit/ui/told.tsx';
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

interface Asked {
  readonly state: string | null;
  readonly by: string | null;
  readonly area: string | null;
  readonly device: string | null;
}

function Filters({ asked, items }: { asked: Asked; items: readonly Correction[] }) {
  const { by, area, device } = asked;
  const me = user.value?.name ?? '';
  const people = [...new Set(items.map((one) => one.by))].sort();
  const filtered = by !== null || area !== null || device !== null;
  return (
    <div class="correction-filters">
      <AreaFilter label={t('area')} any={t('area-all')} />
      <label class="filter">
        {t('person')}
        <input
          list="correction-people"
          autocomplete="off"
          value={by ?? ''}
          onChange={(event) => go(withQuery({ by: event.currentTarget.value.trim() }))}
        />
        <datalist id="correction-people">
          {people.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      {by !== me && (
        <a class="button" href={withQuery({ by: me })}>
          {t('mine')}
        </a>
      )}
      {device !== null && (
        <span class="tag">
          {t('of-one', { name: items.find((one) => one.device === device)?.deviceName ?? device })}
        </span>
      )}
      {filtered && (
        <a class="button" href={withQuery({ by: null, area: null, device: null })}>
          {t('filters-off')}
        </a>
      )}
    </div>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const given = query.value;
  const asked: Asked = {
    state: calls.CORRECTION_STATES.find((one) => one === given.get('state')) ?? null,
    by: given.get('by'),
    area: given.get('area'),
    device: given.get('device'),
  };
  const key = JSON.stringify(asked);
  const [more, setMore] = useState({ key, pages: 1 });
  const pages = more.key === key ? more.pages : 1;
  const [told, setTold] = useState<string | null>(null);
  const load = useLoad(`corrections ${key} ${pages}`, async (signal) => {
    const found = await allPages(
      (cursor) =>
        client.call(calls.corrections, { query: { ...asked, limit: PAGE, cursor }, signal }),
      pages,
    );
    return { ...found, key };
  });
  const items = load.data?.items;
  const changed = (what: string): void => {
    setTold(what);
    load.reload();
  };
  const reader = session.value;
  const proposes = reader != null && mayUse({ right: 'corrections.propose' }, reader);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <States chosen={asked.state} />
      </header>
      <p class="muted">{t('intro')}</p>
      <Filters asked={asked} items={items ?? []} />
      <Told text={told} />
      <StaleNote error={items === undefined ? undefined : load.error} retry={load.reload} />
      {items === undefined ? (
        load.error === undefined ? (
          <Skeleton />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : items.length === 0 ? (
        <Empty
          icon="empty"
          title={t(Object.values(asked).every((one) => one === null) ? 'empty' : 'none-found')}
          {...(proposes ? { hint: t('empty-hint') } : {})}
        >
          {proposes && (
            <a class="button" href="/devices">
              {t('to-devices')}
            </a>
          )}
        </Empty>
      ) : (
        <section
          class={load.data?.key === key ? 'panel' : 'panel busy'}
          aria-label={title}
          aria-busy={load.busy}
        >
          <Corrections items={items} showDevice changed={changed} />
          {load.data?.complete === false && (
            <div class="list-foot">
              <button
                type="button"
                class="button"
                aria-disabled={load.busy}
                onClick={() => setMore({ key, pages: pages + 1 })}
              >
                {t('list.more')}
              </button>
            </div>
          )}
        </section>
      )}
    </div>
  );
}

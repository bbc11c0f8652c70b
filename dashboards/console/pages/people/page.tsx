/** Who may sign in: finding, adding and changing people. */
import { useState } from 'preact/hooks';
import type { Person } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { AreaFilter } from '#kit/places/area-filter.tsx';
import { query } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { Filter, SearchField } from '#kit/ui/search.tsx';
import { Told } from '#kit/ui/told.tsx';
import { Add } from './add.tsx';
import { Edit } from './edit.tsx';
import { People } from './rows.tsx';
import { Tabs } from './tabs.tsx';
import { t } from './texts.ts';
import './people.css';

const PAGE = 100;

/** The filters of the address. */
const filters = () => ({
  q: query.value.get('q'),
  area: query.value.get('area'),
  role: calls.ROLES.find((one) => one === query.value.get('role')) ?? null,
  state: calls.USER_STATES.find((one) => one === query.value.get('state')) ?? null,
});

function Filters() {
  return (
    <search class="finders">
      <SearchField label={t('search')} />
      <AreaFilter label={t('area')} any={t('area-any')} />
      <Filter
        name="role"
        label={t('role')}
        any={t('role-any')}
        options={calls.ROLES.map((role) => [role, t(`role.${role}`)])}
      />
      <Filter
        name="state"
        label={t('state')}
        any={t('state-any')}
        options={[
          ['open', t('can-sign-in')],
          ['locked', t('locked')],
        ]}
      />
    </search>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const asked = filters();
  const key = JSON.stringify(asked);
  const [pages, setPages] = useState(1);
  const [adding, setAdding] = useState(false);
  const [edited, setEdited] = useState<Person | null>(null);
  const [told, setTold] = useState<string | null>(null);
  const load = useLoad(`people ${key} ${pages}`, (signal) =>
    allPages(
      (cursor) => client.call(calls.users, { query: { ...asked, limit: PAGE, cursor }, signal }),
      pages,
    ),
  );
  const people = load.data?.items;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <Tabs />
        <span class="actions">
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            {t('add')}
          </button>
        </span>
      </header>
      <Filters />
      <Told text={told} />
      {people !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {people === undefined ? (
        load.error === undefined ? (
          <Skeleton />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : people.length === 0 ? (
        <Empty icon="search" title={t('none')} hint={t('none-hint')}>
          <a class="button" href="/people">
            {t('clear')}
          </a>
        </Empty>
      ) : (
        <section class={load.busy ? 'panel list busy' : 'panel list'} aria-busy={load.busy}>
          <People people={people} edit={setEdited} />
          {load.data?.complete === false && (
            <div class="list-foot">
              <button type="button" class="button" onClick={() => setPages(pages + 1)}>
                {t('list.more')}
              </button>
            </div>
          )}
        </section>
      )}
      {people?.length === 1 && Object.values(asked).every((one) => one === null) && (
        <p class="muted">{t('only-you')}</p>
      )}
      {adding && <Add close={() => setAdding(false)} added={load.reload} />}
      {edited !== null && (
        <Edit
          person={edited}
          close={() => setEdited(null)}
          changed={(what) => {
            setTold(what === '' ? null : what);
            load.reload();
          }}
        />
      )}
    </div>
  );
}

/** Credentials that are bound to a client id: found by id, name or client id, looked at and released one by one. */
import { useState } from 'preact/hooks';
import type { ClientIdBinding } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount, formatTime } from '#kit/format.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { query } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, narrow, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { SearchField } from '#kit/ui/search.tsx';
import { Told } from '#kit/ui/told.tsx';
import { Look, nameOf } from './look.tsx';
import { t } from './texts.ts';
import './client-ids.css';

const PAGE = 100;

interface RowsProps {
  readonly items: readonly ClientIdBinding[];
  readonly look: (binding: ClientIdBinding) => void;
}

function LookButton({ binding, look }: { binding: ClientIdBinding; look: RowsProps['look'] }) {
  return (
    <button type="button" class="button" onClick={() => look(binding)}>
      {t('look')}
      <span class="hidden"> {binding.name}</span>
    </button>
  );
}

function Cards({ items, look }: RowsProps) {
  return (
    <ul class="cards">
      {items.map((binding) => (
        <li key={binding.id}>
          <div class="card binding-card">
            <span class="card-head">
              <b>{binding.name}</b>
              <span class="muted small">{t(`kind.${binding.kind}`)}</span>
            </span>
            <span class="muted small">
              {binding.id} · {say(binding.area.name)}
            </span>
            <span>{nameOf(binding.clientId)}</span>
            <span class="card-line">
              <span class="muted small number">
                {formatTime(binding.boundAt)}
                {binding.refused > 0 && (
                  <span class="text-offline">
                    {' · '}
                    {t('refused-times', { n: formatCount(binding.refused) })}
                  </span>
                )}
              </span>
              <LookButton binding={binding} look={look} />
            </span>
          </div>
        </li>
      ))}
    </ul>
  );
}

function Rows({ items, look }: RowsProps) {
  if (narrow.value) return <Cards items={items} look={look} />;
  return (
    <table class="dense bindings">
      <thead>
        <tr>
          <th scope="col">{t('holder')}</th>
          <th scope="col">{t('place')}</th>
          <th scope="col">{t('client-id')}</th>
          <th scope="col">{t('bound-at')}</th>
          <th scope="col" class="right">
            {t('refused')}
          </th>
          <th scope="col">
            <span class="hidden">{t('look')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((binding) => (
          <tr key={binding.id}>
            <th scope="row">
              {binding.name}{' '}
              <span class="muted small">
                {t(`kind.${binding.kind}`)} · {binding.id}
              </span>
            </th>
            <td>{say(binding.area.name)}</td>
            <td>{nameOf(binding.clientId)}</td>
            <td class="number">{formatTime(binding.boundAt)}</td>
            <td class={`right number ${binding.refused === 0 ? 'zero' : 'text-offline'}`}>
              {formatCount(binding.refused)}
            </td>
            <td class="right">
              <LookButton binding={binding} look={look} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Nothing is bound: since any client id will do, since nothing fits what was typed, or not yet. */
function None({ binds, q }: { binds: boolean; q: string | null }) {
  if (!binds)
    return (
      <Empty title={t('any-id')} hint={t('any-hint')}>
        {session.value != null && mayUse({ right: 'system.read' }, session.value) && (
          <a class="button" href="/system/configuration">
            {t('any-go')}
          </a>
        )}
      </Empty>
    );
  if (q !== null)
    return (
      <Empty icon="search" title={t('none-found')}>
        <a class="button" href="/client-ids">
          {t('clear-search')}
        </a>
      </Empty>
    );
  return (
    <Empty title={t('none-yet')} hint={t('none-yet-hint')}>
      <a class="button" href="/add-device">
        {t('none-yet-go')}
      </a>
    </Empty>
  );
}

function useBindings() {
  const q = query.value.get('q') || null;
  const [more, setMore] = useState({ q, pages: 1 });
  const pages = more.q === q ? more.pages : 1;
  const load = useLoad(`client ids ${q} ${pages}`, async (signal) => {
    let told = { total: 0, binds: true };
    const list = await allPages(async (cursor) => {
      const answer = await client.call(calls.clientIds, {
        query: { q, limit: PAGE, cursor },
        signal,
      });
      told = answer;
      return answer;
    }, pages);
    return { ...list, total: told.total, binds: told.binds };
  });
  return { q, load, more: () => setMore({ q, pages: pages + 1 }) };
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const { q, load, more } = useBindings();
  const [looked, setLooked] = useState<ClientIdBinding | null>(null);
  const [told, setTold] = useState<string | null>(null);
  const { data } = load;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        {data?.binds && <span class="muted">{t('total', { n: formatCount(data.total) })}</span>}
      </header>
      <p class="muted">{t('intro')}</p>
      {(data === undefined || data.binds) && (
        <search class="finders">
          <SearchField label={t('search')} />
        </search>
      )}
      <Told text={told} />
      {data !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {data === undefined ? (
        load.error === undefined ? (
          <Skeleton />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : data.items.length === 0 ? (
        <None binds={data.binds} q={q} />
      ) : (
        <section class={load.busy ? 'panel list busy' : 'panel list'} aria-busy={load.busy}>
          <Rows items={data.items} look={setLooked} />
          {!data.complete && (
            <div class="list-foot">
              <button type="button" class="button" aria-disabled={load.busy} onClick={more}>
                {t('list.more')}
              </button>
            </div>
          )}
        </section>
      )}
      {looked !== null && (
        <Look
          binding={looked}
          close={() => setLooked(null)}
          released={() => {
            setTold(t('released', { name: looked.name }));
            load.reload();
          }}
        />
      )}
    </div>
  );
}

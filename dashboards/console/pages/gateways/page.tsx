/** Gateways, found by name and state: whether each is there, what waits in it, its devices, and what was refused. */
import { useState } from 'preact/hooks';
import type { Gateway } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { StateMark } from '#kit/devices/marks.tsx';
import { formatCount, formatSpan, formatTime } from '#kit/format.ts';
import { FormDialog } from '#kit/forms/dialog.tsx';
import { Field, textOf } from '#kit/forms/form.tsx';
import { Reason } from '#kit/forms/reason.tsx';
import { useLoad } from '#kit/load.ts';
import { AreaChoice } from '#kit/places/area-choice.tsx';
import { mayUse } from '#kit/session.ts';
import { client, now, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Age, useTitle } from '#kit/ui/page.tsx';
import { Filter, SearchField } from '#kit/ui/search.tsx';
import { filters, heardAt, standingOf, useGateways } from './data.ts';
import { Reinstate, Retire } from './retire.tsx';
import { t } from './texts.ts';
import './gateways.css';

const EVERY_MS = 15_000;

function Change({ gateway, changed }: { gateway: Gateway; changed: () => void }) {
  const { id } = gateway;
  const [turn, setTurn] = useState(0);
  const [area, setArea] = useState(gateway.area.code);
  const load = useLoad(turn === 0 ? null : `gateway ${id} ${turn}`, async (signal) => ({
    turn,
    ...(await client.call(calls.gatewayRegistration, { params: { id }, signal })),
  }));
  const known = load.data?.turn === turn ? load.data : undefined;
  return (
    <FormDialog
      label={t('change')}
      heading={t('change.heading', { id })}
      hint={t('change.hint')}
      go={t('change.go')}
      waiting={load}
      opened={() => {
        setArea(gateway.area.code);
        setTurn(turn + 1);
      }}
      send={async (form) => {
        if (known === undefined) return null;
        const body = { version: known.version, name: textOf(form, 'name'), area };
        return client.call(calls.changeGateway, { params: { id }, body });
      }}
      done={changed}
    >
      {known === undefined
        ? null
        : ({ faults }) => (
            <>
              <Field name="name" label={t('device.name')} faults={faults}>
                {(control) => (
                  <input {...control} required maxLength={100} defaultValue={known.name} />
                )}
              </Field>
              <AreaChoice name="area" label={t('area')} chosen={area} choose={setArea} />
            </>
          )}
    </FormDialog>
  );
}

function Waiting({ gateway: { waiting, oldestAt } }: { gateway: Gateway }) {
  if (waiting === null) return <>–</>;
  const { live, backfill } = waiting;
  return (
    <>
      {t('waiting.counts', { live: formatCount(live), backfill: formatCount(backfill) })}
      {oldestAt !== null && live + backfill > 0 && (
        <span class="small muted gateway-oldest">
          {t('waiting.oldest', { span: formatSpan(now.value - oldestAt) })}
        </span>
      )}
    </>
  );
}

function Facts({ gateway }: { gateway: Gateway }) {
  const { devices, devicesOnline, refused, software } = gateway;
  return (
    <dl class="facts">
      <div>
        <dt>{t('heard')}</dt>
        <dd>
          <Age at={heardAt(gateway)} />
        </dd>
      </div>
      <div>
        <dt>{t('devices')}</dt>
        <dd class="number">
          {formatCount(devicesOnline)} / {formatCount(devices)}
        </dd>
      </div>
      <div>
        <dt>{t('waiting')}</dt>
        <dd class="number">
          <Waiting gateway={gateway} />
        </dd>
      </div>
      <div>
        <dt>{t('refused')}</dt>
        <dd class="number">
          {refused === 0 ? (
            '0'
          ) : (
            <a class="link" href="/quarantine">
              {formatCount(refused)}
            </a>
          )}
        </dd>
      </div>
      <div>
        <dt>{t('software')}</dt>
        <dd>{software ?? '–'}</dd>
      </div>
    </dl>
  );
}

function Card({ gateway, changed }: { gateway: Gateway; changed: () => void }) {
  const { id, name, area, retiredAt } = gateway;
  return (
    <li class="panel gateway-card">
      <div class="panel-head">
        <h2>{name}</h2>
        {retiredAt === null ? (
          <StateMark state={standingOf(gateway)} />
        ) : (
          <span class="tag">{t('state.retired')}</span>
        )}
      </div>
      <p class="muted small gateway-place">
        {id} · {say(area.name)}
      </p>
      {retiredAt === null ? (
        <>
          <Facts gateway={gateway} />
          <p class="gateway-actions">
            <a class="button" href={`/gateways/${encodeURIComponent(id)}/connect`}>
              {t('connect')}
            </a>
            <Change gateway={gateway} changed={changed} />
            <Retire gateway={gateway} changed={changed} />
          </p>
        </>
      ) : (
        <>
          <p class="gateway-retired small">
            {t('retired.at', { time: formatTime(retiredAt) })} <Reason of={gateway} />
          </p>
          <p class="gateway-actions">
            <Reinstate gateway={gateway} changed={changed} />
          </p>
        </>
      )}
    </li>
  );
}

function None() {
  const { q, state } = filters();
  if (q === null && state === null)
    return (
      <Empty title={t('empty')} hint={t('empty.hint')}>
        <a class="button primary" href="/gateways/new">
          {t('add')}
        </a>
      </Empty>
    );
  return (
    <Empty icon="search" title={state === 'retired' ? t('none-retired') : t('none')}>
      <a class="button" href="/gateways">
        {t('clear')}
      </a>
    </Empty>
  );
}

function Filters() {
  return (
    <search class="finders">
      <SearchField label={t('search')} />
      <Filter
        name="state"
        label={t('device.state')}
        any={t('state-any')}
        options={calls.GATEWAY_STATES.map((state) => [state, t(`state.${state}`)])}
      />
    </search>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const key = JSON.stringify(filters());
  const [more, setMore] = useState({ key, pages: 1 });
  const pages = more.key === key ? more.pages : 1;
  const load = useGateways(pages, EVERY_MS);
  const { data } = load;
  const holder = session.value;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        {data !== undefined && (
          <span class="muted">{t('total', { n: formatCount(data.total) })}</span>
        )}
        <span class="actions">
          {holder != null && mayUse({ right: 'client-ids.release' }, holder) && (
            <a class="button" href="/client-ids">
              {t('client-ids')}
            </a>
          )}
          <a class="button primary" href="/gateways/new">
            {t('add')}
          </a>
        </span>
      </header>
      <Filters />
      {data !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={8} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : data.items.length === 0 ? (
        <None />
      ) : (
        <>
          <ul class={load.busy ? 'gateway-cards busy' : 'gateway-cards'} aria-busy={load.busy}>
            {data.items.map((gateway) => (
              <Card key={gateway.id} gateway={gateway} changed={load.reload} />
            ))}
          </ul>
          {!data.complete && (
            <p class="gateway-more">
              <span class="muted">
                {t('shown', {
                  shown: formatCount(data.items.length),
                  total: formatCount(data.total),
                })}
              </span>
              <button
                type="button"
                class="button"
                aria-disabled={load.busy}
                onClick={() => setMore({ key, pages: pages + 1 })}
              >
                {t('list.more')}
              </button>
            </p>
          )}
        </>
      )}
    </div>
  );
}

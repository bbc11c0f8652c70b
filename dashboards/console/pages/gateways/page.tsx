/** Every gateway: whether it is there, what waits in it, its devices, and what was refused. */
import { useState } from 'preact/hooks';
import type { Gateway } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { StateMark } from '#kit/devices/marks.tsx';
import { formatCount } from '#kit/format.ts';
import { FormDialog } from '#kit/forms/dialog.tsx';
import { Field, textOf } from '#kit/forms/form.tsx';
import { useLoad } from '#kit/load.ts';
import { AreaChoice } from '#kit/places/area-choice.tsx';
import { mayUse } from '#kit/session.ts';
import { client, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Age, useTitle } from '#kit/ui/page.tsx';
import { heardAt, standingOf, useGateways } from './data.ts';
import { Retire } from './retire.tsx';
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
  const now = load.data?.turn === turn ? load.data : undefined;
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
        if (now === undefined) return null;
        const body = { version: now.version, name: textOf(form, 'name'), area };
        return client.call(calls.changeGateway, { params: { id }, body });
      }}
      done={changed}
    >
      {now === undefined
        ? null
        : ({ faults }) => (
            <>
              <Field name="name" label={t('device.name')} faults={faults}>
                {(control) => (
                  <input {...control} required maxLength={100} defaultValue={now.name} />
                )}
              </Field>
              <AreaChoice name="area" label={t('area')} chosen={area} choose={setArea} />
            </>
          )}
    </FormDialog>
  );
}

function Card({ gateway, changed }: { gateway: Gateway; changed: () => void }) {
  const { id, name, area, waiting, devices, devicesOnline, refused, software } = gateway;
  return (
    <li class="panel gateway-card">
      <div class="panel-head">
        <h2>{name}</h2>
        <StateMark state={standingOf(gateway)} />
      </div>
      <p class="muted small gateway-place">
        {id} · {say(area.name)}
      </p>
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
            {waiting === null
              ? '–'
              : t('waiting.counts', {
                  live: formatCount(waiting.live),
                  backfill: formatCount(waiting.backfill),
                })}
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
      <p class="gateway-actions">
        <a class="button" href={`/gateways/${encodeURIComponent(id)}/connect`}>
          {t('connect')}
        </a>
        <Change gateway={gateway} changed={changed} />
        <Retire gateway={gateway} changed={changed} />
      </p>
    </li>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const load = useGateways(EVERY_MS);
  const { data } = load;
  const holder = session.value;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
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
      {data !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={8} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : data.length === 0 ? (
        <Empty title={t('empty')} hint={t('empty.hint')}>
          <a class="button primary" href="/gateways/new">
            {t('add')}
          </a>
        </Empty>
      ) : (
        <ul class="gateway-cards">
          {data.map((gateway) => (
            <Card key={gateway.id} gateway={gateway} changed={load.reload} />
          ))}
        </ul>
      )}
    </div>
  );
}

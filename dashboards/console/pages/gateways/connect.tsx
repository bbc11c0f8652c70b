/** What connects a gateway: its secret shown once, its file, and whether it is there by now. */
import * as calls from '#kit/api/calls.ts';
import { GatewayWays } from '#kit/connect/ways.tsx';
import { formatTime } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Failure, Skeleton } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { heardAt, useGateway } from './data.ts';
import { t } from './texts.ts';
import './gateways.css';

const EVERY_MS = 3_000;

function Wait({ id }: { id: string }) {
  const gateway = useGateway(id, EVERY_MS).data ?? null;
  const heard = gateway === null ? null : heardAt(gateway);
  const here = gateway?.online === true && heard !== null;
  return (
    <section class={here ? 'panel gateway-wait gateway-here' : 'panel gateway-wait'} role="status">
      {here ? (
        <>
          <p>
            <Icon name="online" /> {t('connect.here', { time: formatTime(heard) })}
          </p>
          <p>
            <a class="button" href="/gateways">
              {t('connect.list')}
            </a>
          </p>
        </>
      ) : (
        <p>
          <Icon name="pulse" /> {t('connect.waiting')}
        </p>
      )}
    </section>
  );
}

/** The page. */
export function Page({ id }: { id: string }) {
  const load = useLoad(`connect gateway ${id}`, (signal) =>
    client.call(calls.gatewayRegistration, { params: { id }, signal }),
  );
  useTitle(t('connect.title'));
  if (load.data === undefined)
    return load.error === undefined ? (
      <Skeleton lines={10} />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  const { name, retiredAt } = load.data;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{t('connect.title')}</h1>
        <span class="muted">
          {name} · {id}
        </span>
      </header>
      {retiredAt === null ? (
        <>
          <p class="muted">{t('connect.intro')}</p>
          <Wait id={id} />
          <GatewayWays id={id} registration={load.data} renewed={load.reload} />
        </>
      ) : (
        <>
          <p>{t('connect.retired')}</p>
          <p>
            <a class="button" href="/gateways?state=retired">
              {t('connect.list')}
            </a>
          </p>
        </>
      )}
    </div>
  );
}

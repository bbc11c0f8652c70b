/** How the platform itself is: gateways, store and broker counters, backup. For county administrators. */
import { useRef } from 'preact/hooks';
import type { System } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { ClientIdNotice, clientIdFacts } from '#kit/devices/client-id/notice.tsx';
import { ClockNotice, clockFacts } from '#kit/devices/clock.tsx';
import { StateMark } from '#kit/devices/marks.tsx';
import { Refusals } from '#kit/devices/refusals/refusals.tsx';
import { formatBytes, formatCount, formatSpan } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { mayUse } from '#kit/session.ts';
import { client, session } from '#kit/state.ts';
import type { PlainKey } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Age, useTitle } from '#kit/ui/page.tsx';
import { Backup, Backups } from './backups.tsx';
import { Certificates } from './certificates.tsx';
import { Machine } from './machine.tsx';
import { t, type texts, word } from './texts.ts';
import { Jobs, Readers } from './work.tsx';
import './system.css';

const REFRESH_MS = 5_000;

interface Counter {
  readonly name: string;
  readonly text: PlainKey<typeof texts>;
  readonly bytes?: true;
  /** Anything but zero wants attention. */
  readonly fault?: true;
}

const storeCounters: readonly Counter[] = [
  { name: 'readings', text: 'readings' },
  { name: 'rowsPending', text: 'rows-pending' },
  { name: 'rowsHot', text: 'rows-in-memory' },
  { name: 'rowsSealed', text: 'rows-archived' },
  { name: 'logBytes', text: 'log-bytes', bytes: true },
  { name: 'archiveBytes', text: 'archive-bytes', bytes: true },
  { name: 'quarantined', text: 'quarantined' },
  { name: 'commitFailures', text: 'commit-failures', fault: true },
  { name: 'sealFailures', text: 'flush-failures', fault: true },
  { name: 'filesUnreadable', text: 'files-unreadable', fault: true },
];

const brokerCounters: readonly Counter[] = [
  { name: 'connections', text: 'connections' },
  { name: 'messages', text: 'messages' },
  { name: 'acknowledged', text: 'acknowledged' },
  { name: 'inFlight', text: 'in-flight' },
];

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value);

/** The sum of an object's numbers; 0 for anything else. */
function sumOf(value: unknown): number {
  return typeof value === 'object' && value !== null
    ? Object.values(value)
        .filter(isNumber)
        .reduce((sum, one) => sum + one, 0)
    : 0;
}

function Counters({
  values,
  counters,
  more = [],
}: {
  values: ReadonlyMap<string, unknown>;
  counters: readonly Counter[];
  more?: readonly (readonly [string, string])[];
}) {
  return (
    <dl class="counters">
      {counters.map(({ name, text, bytes, fault }) => {
        const value = values.get(name);
        if (!isNumber(value)) return null;
        return (
          <div key={name} class={fault === true && value > 0 ? 'text-offline' : ''}>
            <dt class="muted">{t(text)}</dt>
            <dd class="number">{bytes === true ? formatBytes(value) : formatCount(value)}</dd>
          </div>
        );
      })}
      {more.map(([name, value]) => (
        <div key={name}>
          <dt class="muted">{name}</dt>
          <dd class="number">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const sumUp = (counts: ReadonlyMap<string, number> | null | undefined): number =>
  [...(counts?.values() ?? [])].reduce((sum, one) => sum + one, 0);

type GatewayRow = System['gateways'][number];

function GatewayCard({ gateway, reload }: { gateway: GatewayRow; reload: () => void }) {
  const missing = gateway.sequences
    .flatMap((one) => one.gaps)
    .reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const dropped = sumUp(gateway.dropped);
  const refusedDropped = sumUp(gateway.refusedLane?.dropped);
  return (
    <li class="gateway">
      <span class="card-head">
        <span>
          <b>{gateway.name}</b> <span class="small muted">{gateway.id}</span>
        </span>
        <StateMark
          state={
            gateway.online
              ? 'online'
              : gateway.at === null && gateway.heardAt === null
                ? 'never'
                : 'offline'
          }
        />
      </span>
      <dl class="counters">
        <div>
          <dt class="muted">{t('at')}</dt>
          <dd>
            <Age at={gateway.at} />
          </dd>
        </div>
        <div>
          <dt class="muted">{t('heard')}</dt>
          <dd>
            <Age at={gateway.heardAt} />
          </dd>
        </div>
        <div>
          <dt class="muted">{t('waiting')}</dt>
          <dd class="number">
            {gateway.waiting === null
              ? '–'
              : t('waiting-value', {
                  live: formatCount(gateway.waiting.live),
                  backfill: formatCount(gateway.waiting.backfill),
                })}
          </dd>
        </div>
        <div class={dropped > 0 ? 'text-offline' : ''}>
          <dt class="muted">{t('dropped')}</dt>
          <dd class="number">{gateway.at === null ? '–' : formatCount(dropped)}</dd>
        </div>
        <div class={missing > 0 ? 'text-late' : ''}>
          <dt class="muted">{t('missing')}</dt>
          <dd class="number">{formatCount(missing)}</dd>
        </div>
        {gateway.refusedLane !== null && (
          <>
            <div>
              <dt class="muted">{t('refused-waiting')}</dt>
              <dd class="number">{formatCount(gateway.refusedLane.waiting)}</dd>
            </div>
            <div class={refusedDropped > 0 ? 'text-offline' : ''}>
              <dt class="muted">{t('refused-dropped')}</dt>
              <dd class="number">{formatCount(refusedDropped)}</dd>
            </div>
          </>
        )}
      </dl>
      {gateway.at === null && gateway.heardAt !== null && (
        <p class="small muted">{t('no-status')}</p>
      )}
      {[...clockFacts(gateway.clock, true), ...clientIdFacts(gateway)].map(([name, fact]) => (
        <dl key={name} class="counters wide">
          <div>
            <dt class="muted">{name}</dt>
            <dd>{fact}</dd>
          </div>
        </dl>
      ))}
      <ClockNotice clock={gateway.clock} ofGateway />
      <ClientIdNotice of={gateway} released={reload} />
      <Refusals refusals={gateway.refusals} />
    </li>
  );
}

/** When an answer came, by the clock of whoever looks; the same as long as the answer is. */
function useSeenAt(): (data: System) => number {
  const seen = useRef<{ data: System; at: number } | null>(null);
  return (data) => {
    if (seen.current?.data !== data) seen.current = { data, at: Date.now() };
    return seen.current.at;
  };
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const load = useLoad('system', (signal) => client.call(calls.system, { signal }), REFRESH_MS);
  const seenAt = useSeenAt();
  const data = load.data;
  if (data === undefined)
    return load.error === undefined ? (
      <Skeleton />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  const mayAdd = session.value != null && mayUse({ right: 'devices.import' }, session.value);
  const commit = data.store.get('commitSeconds');
  const p99 =
    typeof commit === 'object' && commit !== null && 'p99' in commit && isNumber(commit.p99)
      ? formatSpan(commit.p99 * 1000)
      : null;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <Backup last={data.backup} reload={load.reload}>
          <a class="button" href="/system/configuration">
            {t('configuration')}
          </a>
        </Backup>
      </header>
      <StaleNote error={load.error} retry={load.reload} />
      {data.clockFault !== null && (
        <p class="panel pad clock-fault text-offline" role="alert">
          <Icon name="warning" size={18} />
          <span>
            <strong>{word('clock-fault', data.clockFault)}</strong> {t('clock-hint')}
          </span>
        </p>
      )}
      <section class="panel" aria-labelledby="gateways-heading">
        <h2 id="gateways-heading">{t('gateways')}</h2>
        {data.gateways.length === 0 ? (
          <p class="pad">
            <span class="muted">{t('no-gateways')}</span>{' '}
            {mayAdd && (
              <a class="link" href="/gateways/new">
                {t('add-gateway')}
              </a>
            )}
          </p>
        ) : (
          <ul class="gateways">
            {data.gateways.map((gateway) => (
              <GatewayCard key={gateway.id} gateway={gateway} reload={load.reload} />
            ))}
          </ul>
        )}
      </section>
      <section class="panel" aria-labelledby="store-heading">
        <h2 id="store-heading">{t('store')}</h2>
        <Counters
          values={data.store}
          counters={storeCounters}
          more={p99 === null ? [] : [[t('commit-p99'), p99]]}
        />
      </section>
      <section class="panel" aria-labelledby="broker-heading">
        <h2 id="broker-heading">{t('broker')}</h2>
        <Counters
          values={data.broker}
          counters={brokerCounters}
          more={[[t('refused'), formatCount(sumOf(data.broker.get('refused')))]]}
        />
      </section>
      <Readers store={data.store} />
      <Jobs />
      <Machine data={data} seenAt={seenAt(data)} />
      <Backups last={data.backup} />
      <Certificates certificates={data.certificates} />
    </div>
  );
}

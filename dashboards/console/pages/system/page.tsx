/** How the platform itself is: gateways, store and broker counters, backup. For county administrators. */
import { useState } from 'preact/hooks';
import type { System } from '#kit/api/answers.ts';
import * as answers from '#kit/api/answers.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatBytes, formatCount } from '#kit/format.ts';
import { asApiError, useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { type PlainKey, t } from '#kit/text/language.ts';
import { Age, explain, Failure, Skeleton, StaleNote, StateMark, useTitle } from '#kit/ui/parts.tsx';

const REFRESH_MS = 5_000;

interface Counter {
  readonly name: string;
  readonly text: Extract<PlainKey, `system.${string}`>;
  readonly bytes?: true;
  /** Anything but zero wants attention. */
  readonly fault?: true;
}

const storeCounters: readonly Counter[] = [
  { name: 'readings', text: 'system.readings' },
  { name: 'rowsPending', text: 'system.rows-pending' },
  { name: 'rowsHot', text: 'system.rows-hot' },
  { name: 'rowsSealed', text: 'system.rows-sealed' },
  { name: 'logBytes', text: 'system.log-bytes', bytes: true },
  { name: 'archiveBytes', text: 'system.archive-bytes', bytes: true },
  { name: 'quarantined', text: 'system.quarantined' },
  { name: 'commitFailures', text: 'system.commit-failures', fault: true },
  { name: 'sealFailures', text: 'system.seal-failures', fault: true },
  { name: 'filesUnreadable', text: 'system.files-unreadable', fault: true },
];

const brokerCounters: readonly Counter[] = [
  { name: 'connections', text: 'system.connections' },
  { name: 'messages', text: 'system.messages' },
  { name: 'acknowledged', text: 'system.acknowledged' },
  { name: 'inFlight', text: 'system.in-flight' },
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

type GatewayRow = System['gateways'][number];

function GatewayCard({ gateway }: { gateway: GatewayRow }) {
  const missing = gateway.sequences
    .flatMap((one) => one.gaps)
    .reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const dropped = [...(gateway.dropped?.values() ?? [])].reduce((sum, one) => sum + one, 0);
  return (
    <li class="gateway">
      <span class="card-head">
        <b>{gateway.id}</b>
        <StateMark state={gateway.online ? 'online' : 'offline'} />
      </span>
      <dl class="counters">
        <div>
          <dt class="muted">{t('system.at')}</dt>
          <dd>
            <Age at={gateway.at} />
          </dd>
        </div>
        <div>
          <dt class="muted">{t('system.waiting')}</dt>
          <dd class="number">
            {gateway.waiting === null
              ? '–'
              : t('system.waiting-value', {
                  live: formatCount(gateway.waiting.live),
                  backfill: formatCount(gateway.waiting.backfill),
                })}
          </dd>
        </div>
        <div class={dropped > 0 ? 'text-offline' : ''}>
          <dt class="muted">{t('system.dropped')}</dt>
          <dd class="number">{formatCount(dropped)}</dd>
        </div>
        <div class={missing > 0 ? 'text-late' : ''}>
          <dt class="muted">{t('system.missing')}</dt>
          <dd class="number">{formatCount(missing)}</dd>
        </div>
      </dl>
    </li>
  );
}

function Backup() {
  const [state, setState] = useState<{
    busy: boolean;
    folder: string | null;
    error: ApiError | null;
  }>({ busy: false, folder: null, error: null });
  async function start(): Promise<void> {
    setState({ busy: true, folder: null, error: null });
    try {
      const { folder } = await client.ask('/system/backup', answers.backup, { method: 'POST' });
      setState({ busy: false, folder, error: null });
    } catch (cause) {
      setState({ busy: false, folder: null, error: asApiError(cause) });
    }
  }
  return (
    <span class="actions">
      <span role="status" class="small muted">
        {state.folder !== null && t('system.backed-up', { folder: state.folder })}
      </span>
      {state.error !== null && (
        <span class="form-error" role="alert">
          {explain(state.error)}
        </span>
      )}
      <button type="button" class="button" disabled={state.busy} onClick={() => void start()}>
        {state.busy ? t('system.backing-up') : t('system.backup')}
      </button>
    </span>
  );
}

/** The page. */
export function SystemPage() {
  useTitle(t('nav.system'));
  const load = useLoad(
    'system',
    (signal) => client.ask('/system', answers.system, { signal }),
    REFRESH_MS,
  );
  const data = load.data;
  if (data === undefined)
    return load.error === undefined ? (
      <Skeleton />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  const commit = data.store.get('commitSeconds');
  const p99 =
    typeof commit === 'object' && commit !== null && 'p99' in commit && isNumber(commit.p99)
      ? `${(commit.p99 * 1000).toFixed(1)} ms`
      : null;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{t('nav.system')}</h1>
        <Backup />
      </header>
      <StaleNote error={load.error} retry={load.reload} />
      <section class="panel" aria-labelledby="gateways-heading">
        <h2 id="gateways-heading">{t('system.gateways')}</h2>
        {data.gateways.length === 0 ? (
          <p class="muted pad">{t('system.no-gateways')}</p>
        ) : (
          <ul class="gateways">
            {data.gateways.map((gateway) => (
              <GatewayCard key={gateway.id} gateway={gateway} />
            ))}
          </ul>
        )}
      </section>
      <section class="panel" aria-labelledby="store-heading">
        <h2 id="store-heading">{t('system.store')}</h2>
        <Counters
          values={data.store}
          counters={storeCounters}
          more={p99 === null ? [] : [[t('system.commit-p99'), p99]]}
        />
      </section>
      <section class="panel" aria-labelledby="broker-heading">
        <h2 id="broker-heading">{t('system.broker')}</h2>
        <Counters
          values={data.broker}
          counters={brokerCounters}
          more={[[t('system.refused'), formatCount(sumOf(data.broker.get('refused')))]]}
        />
      </section>
    </div>
  );
}

/** Finding devices: search, filters, sorting, page after page, and the list as CSV. All of it stands in the address. */

import { CSV_MARK, csvCell } from '@village/core/csv';
import { useState } from 'preact/hooks';
import { type Device, type DevicePage, STATES } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { mergeLatest } from '#kit/devices/merge.ts';
import { NoDevices } from '#kit/devices/none.tsx';
import { COLUMNS, type Column, DeviceRows, placeOf } from '#kit/devices/rows.tsx';
import { ExportDialog } from '#kit/exports/dialog.tsx';
import { formatCount, formatTime } from '#kit/format.ts';
import { allPages, asApiError, useLive, useLoad } from '#kit/load.ts';
import { AreaFilter } from '#kit/places/area-filter.tsx';
import { query, withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, narrow, now, profiles, recall, remember, session, user } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Empty, explain, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Menu, useTitle } from '#kit/ui/page.tsx';
import { Filter, SearchField } from '#kit/ui/search.tsx';
import { t, word } from './texts.ts';

const PAGE = 50;
const EXPORT_PAGE = 500;
const EXPORT_PAGES_MAX = 200;

/** The list's filters as the address has them, in the words of `GET /devices`. */
function filters(): Record<string, string | null> {
  const get = (name: string): string | null => query.value.get(name);
  return {
    area: get('area'),
    state: get('state'),
    kind: get('kind'),
    q: get('q'),
    sort: get('sort') ?? 'name',
  };
}

const ask = (
  more: { limit?: number; cursor?: string | null },
  signal?: AbortSignal,
): Promise<DevicePage> =>
  client.call(calls.devices, {
    query: { ...filters(), ...more },
    ...(signal === undefined ? {} : { signal }),
  });

function FilterBar() {
  const kinds = [...new Set([...profiles.value.values()].map((profile) => profile.kind))].sort();
  const own = user.value?.area;
  return (
    <search class="finders">
      <SearchField label={t('search')} jump={{ id: 'device-search', title: t('search-key') }} />
      <AreaFilter label={t('area')} any={own === undefined ? t('area-any') : say(own.name)} />
      <Filter
        name="state"
        label={t('device.state')}
        any={t('state-any')}
        options={STATES.map((state) => [state, t(`state.${state}`)])}
      />
      <Filter
        name="kind"
        label={t('device.kind')}
        any={t('kind-any')}
        options={kinds.map((kind) => [kind, word('kind', kind)])}
      />
      {narrow.value && (
        <Filter
          name="sort"
          label={t('sort')}
          any={null}
          options={[
            ['name', t('sort-name')],
            ['-lastSeenAt', t('sort-seen')],
            ['state', t('sort-state')],
          ]}
        />
      )}
    </search>
  );
}

/** Which columns this machine's user has chosen. */
function useColumns(): [readonly Column[], (column: Column, on: boolean) => void] {
  const [columns, setColumns] = useState<readonly Column[]>(() => {
    const kept = recall('columns')?.split(',');
    return kept === undefined
      ? ['kind', 'place', 'values', 'last-seen']
      : COLUMNS.filter((column) => kept.includes(column));
  });
  return [
    columns,
    (column, on) => {
      const next = COLUMNS.filter((one) => (one === column ? on : columns.includes(one)));
      remember('columns', next.join(','));
      setColumns(next);
    },
  ];
}

function ColumnMenu({
  columns,
  set,
}: {
  columns: readonly Column[];
  set: (column: Column, on: boolean) => void;
}) {
  return (
    <Menu
      label={
        <>
          <Icon name="columns" />
          {t('columns')}
        </>
      }
    >
      <div class="menu-body">
        {COLUMNS.map((column) => (
          <label key={column}>
            <input
              type="checkbox"
              checked={columns.includes(column)}
              onChange={(event) => set(column, event.currentTarget.checked)}
            />
            {t(`device.${column}`)}
          </label>
        ))}
      </div>
    </Menu>
  );
}

/** The list as a file that spreadsheets open rightly: BOM for Excel, no text that runs as a formula. */
function listAsCsv(devices: readonly Device[]): Blob {
  const head = (
    ['id', 'name', 'kind', 'profile', 'place', 'gateway', 'state', 'last-seen'] as const
  ).map((name) => (name === 'id' ? t('device.id') : t(`device.${name}`)));
  const rows = devices.map((device) => [
    device.id,
    device.name,
    word('kind', device.kind),
    device.profile,
    placeOf(device, user.value?.area.code ?? ''),
    device.gateway ?? t('device.direct'),
    t(`state.${device.state}`),
    device.lastSeenAt === null ? '' : formatTime(device.lastSeenAt),
  ]);
  const text = [head, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n');
  return new Blob([CSV_MARK, text, '\r\n'], { type: 'text/csv' });
}

function ExportButtons() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const own = user.value?.area;
  const area = query.value.get('area') ?? own?.code ?? null;

  async function exportList(): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      const { items } = await allPages(
        (cursor) => ask({ limit: EXPORT_PAGE, cursor }),
        EXPORT_PAGES_MAX,
      );
      const url = URL.createObjectURL(listAsCsv(items));
      const link = document.createElement('a');
      link.href = url;
      link.download = 'devices.csv';
      link.click();
      URL.revokeObjectURL(url);
    } catch (cause) {
      setError(asApiError(cause));
    }
    setBusy(false);
  }
  // Whole hours, so that the link does not change with every tick.
  const hour = Math.floor(now.value / 3_600_000) * 3_600_000;
  return (
    <>
      {error !== null && (
        <span class="form-error" role="alert">
          {explain(error)}
        </span>
      )}
      <button type="button" class="button" disabled={busy} onClick={() => void exportList()}>
        <Icon name="download" />
        {busy ? t('exporting') : t('export-list')}
      </button>
      {area !== null && (
        <ExportDialog
          label={t('export-readings')}
          exported={{
            ...{ name: own?.code === area ? say(own.name) : `${t('area')} ${area}`, of: { area } },
            ...{ from: hour - 82_800_000, to: hour + 3_600_000 },
          }}
        />
      )}
    </>
  );
}

function More({ page, add }: { page: DevicePage; add: (next: DevicePage) => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  async function more(): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      add(await ask({ limit: PAGE, cursor: page.next }));
    } catch (cause) {
      setError(asApiError(cause));
    }
    setBusy(false);
  }
  return (
    <div class="list-foot">
      <span class="muted">
        {t('shown', {
          shown: formatCount(page.items.length),
          total: formatCount(page.total),
        })}
      </span>
      {page.next !== null && (
        <button type="button" class="button" disabled={busy} onClick={() => void more()}>
          {busy ? t('loading-more') : t('list.more')}
        </button>
      )}
      {error !== null && (
        <span class="form-error" role="alert">
          {explain(error)}
        </span>
      )}
    </div>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const [columns, setColumn] = useColumns();
  const key = JSON.stringify(filters());
  const load = useLoad(`devices ${key}`, (signal) => ask({ limit: PAGE }, signal));
  useLive(
    { area: query.value.get('area') ?? user.value?.area.code ?? '' },
    {
      latest: (changes) =>
        load.patch((page) => ({ ...page, items: [...mergeLatest(page.items, changes)] })),
      corrected: (devices) => {
        if (load.data?.items.some(({ id }) => devices.has(id))) load.reload();
      },
      recovered: load.reload,
    },
  );
  const page = load.data;
  const holder = session.value;
  const mayAdd = holder != null && mayUse({ right: 'devices.import' }, holder);
  const inArea = query.value.get('area');
  const addHref = inArea === null ? '/add-device' : `/add-device?area=${inArea}`;
  const filtered = ['area', 'state', 'kind', 'q'].some((name) => query.value.has(name));
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        {page !== undefined && (
          <span class="muted">{t('total', { n: formatCount(page.total) })}</span>
        )}
        <span class="actions">
          {mayAdd && (
            <a class="button primary" href={addHref}>
              {t('devices.add')}
            </a>
          )}
          {!narrow.value && <ColumnMenu columns={columns} set={setColumn} />}
          <ExportButtons />
        </span>
      </header>
      <FilterBar />
      {page !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {page === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={12} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : page.items.length === 0 ? (
        filtered ? (
          <Empty icon="search" title={t('none')} hint={t('none-hint')}>
            <a class="button" href="/devices">
              {t('clear')}
            </a>
          </Empty>
        ) : (
          <NoDevices area={inArea} />
        )
      ) : (
        <section class={load.busy ? 'panel list busy' : 'panel list'} aria-busy={load.busy}>
          <DeviceRows
            devices={page.items}
            label={title}
            below={user.value?.area.code ?? ''}
            columns={columns}
            sorting={{
              by: query.value.get('sort') ?? 'name',
              href: (by) => withQuery({ sort: by }),
            }}
          />
          <More
            page={page}
            add={(next) =>
              load.patch((before) => ({ ...next, items: [...before.items, ...next.items] }))
            }
          />
        </section>
      )}
    </div>
  );
}

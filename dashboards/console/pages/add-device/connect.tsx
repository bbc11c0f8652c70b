/** What connects a device: its secret shown once, lines to copy, and the wait for its first value. */
import { useRef, useState } from 'preact/hooks';
import type { Device } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { DeviceWays } from '#kit/connect/ways.tsx';
import { formatSpan, formatTime } from '#kit/format.ts';
import { useLive, useLoad } from '#kit/load.ts';
import { client, profiles } from '#kit/state.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Failure, Skeleton } from '#kit/ui/notices.tsx';
import { Crumbs, useTitle } from '#kit/ui/page.tsx';
import { t } from './texts.ts';
import './add-device.css';

/** The sample carries a time, which must not become old. */
const ANEW_MS = 60_000;

/** A form for another one of its kind and place. */
const alike = ({ area, profile }: Device): URLSearchParams =>
  new URLSearchParams({ area: area.code, profile });

/** Says when the first value has come, or the next one of a device that was heard before. */
function Wait({ device }: { device: Device }) {
  const [came, setCame] = useState<number | null>(null);
  const before = useRef(device.lastSeenAt);
  const look = (at: number | null): void => {
    if (at !== null && at > (before.current ?? 0)) setCame(at);
  };
  useLive(
    { device: device.id },
    {
      latest: (items) => look(items.find((item) => item.device === device.id)?.lastSeenAt ?? null),
      recovered: () => {
        client
          .call(calls.device, { params: { id: device.id } })
          .then(({ lastSeenAt }) => look(lastSeenAt))
          .catch(() => {
            // The stream goes on: the next value tells as well.
          });
      },
    },
  );
  const every = (profiles.value.get(device.profile)?.reportEvery ?? 0) * 1000;
  return (
    <section class={came === null ? 'panel wait' : 'panel wait wait-done'} role="status">
      {came === null ? (
        <>
          <p>
            <Icon name="pulse" />{' '}
            {before.current === null
              ? t('waiting')
              : t('waiting.again', { time: formatTime(before.current) })}
          </p>
          {every > 0 && (
            <p class="muted small">{t('waiting.hint', { every: formatSpan(every) })}</p>
          )}
        </>
      ) : (
        <>
          <p>
            <Icon name="online" /> {t('came', { time: formatTime(came) })}
          </p>
          <p class="wait-next">
            <a class="button primary" href={`/devices/${encodeURIComponent(device.id)}`}>
              {t('came.open')}
            </a>
          </p>
        </>
      )}
    </section>
  );
}

/** The page. */
export function Page({ id }: { id: string }) {
  const load = useLoad(
    `connect ${id}`,
    async (signal) => {
      const given = { params: { id }, signal };
      const [device, registration] = await Promise.all([
        client.call(calls.device, given),
        client.call(calls.deviceRegistration, given),
      ]);
      return { device, registration };
    },
    ANEW_MS,
  );
  useTitle(t('connect'));
  if (load.data === undefined)
    return load.error === undefined ? (
      <Skeleton lines={10} />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  const { device, registration } = load.data;
  const above = { href: `/devices/${encodeURIComponent(id)}`, name: device.name };
  const places = [...device.path.filter(({ code }) => code !== device.area.code), device.area];
  return (
    <div class="page">
      <Crumbs places={places} above={above} last={t('connect')} />
      <header class="page-head">
        <h1>{t('connect')}</h1>
        <span class="muted">
          {device.name} · {device.id}
        </span>
        <span class="actions">
          <a class="button" href={`/add-device?${alike(device)}`}>
            {t('next')}
          </a>
        </span>
      </header>
      <p class="muted">{t('connect.intro')}</p>
      {device.retiredAt === null && <Wait key={device.id} device={device} />}
      {device.retiredAt === null && (
        <DeviceWays device={device} registration={registration} renewed={load.reload} />
      )}
    </div>
  );
}

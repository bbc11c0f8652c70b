/** The machine below: its clock beside this one, and the disks that are written to. */
import type { System } from '#kit/api/answers.ts';
import { formatBytes, formatLength, formatPercent, formatTime } from '#kit/format.ts';
import { t, word } from './texts.ts';

/** What the way of an answer may take, and what people's clocks are off without harm. */
const AGREE_MS = 60_000;

function Clock({ now, seenAt }: { now: number; seenAt: number }) {
  const off = now - seenAt;
  return (
    <li>
      <b>{t('server-clock')}</b>
      <span class="number">{formatTime(now)}</span>
      <span class={Math.abs(off) > AGREE_MS ? 'text-late' : 'muted'}>
        {Math.abs(off) <= AGREE_MS
          ? t('clocks-agree')
          : t(off > 0 ? 'server-ahead' : 'server-behind', { span: formatLength(Math.abs(off)) })}
      </span>
    </li>
  );
}

function Disk({ disk }: { disk: System['disks'][number] }) {
  const { purpose, folder, totalBytes, freeBytes, reserveBytes } = disk;
  const used = totalBytes - freeBytes;
  const state =
    freeBytes < reserveBytes
      ? 'disk-full'
      : freeBytes < 2 * reserveBytes || freeBytes < totalBytes / 20
        ? 'disk-low'
        : null;
  return (
    <li>
      <span>
        <b>{word('disk', purpose)}</b>
      </span>
      <span class="muted small path">{folder}</span>
      <span class={state === null ? 'number' : 'number text-offline'}>
        {t('disk-free', { free: formatBytes(freeBytes), total: formatBytes(totalBytes) })}
        {state !== null && ` · ${t(state)}`}
      </span>
      <span
        class="room-bar"
        role="img"
        aria-label={t('disk-used', { percent: formatPercent(used, totalBytes) })}
      >
        <span style={{ inlineSize: `${(100 * used) / Math.max(1, totalBytes)}%` }} />
      </span>
    </li>
  );
}

/** `seenAt`: by the clock of whoever looks, when the answer came. */
export function Machine({ data, seenAt }: { data: System; seenAt: number }) {
  return (
    <section class="panel" aria-labelledby="machine-heading">
      <h2 id="machine-heading">{t('machine')}</h2>
      <ul class="lines">
        <Clock now={data.now} seenAt={seenAt} />
        {data.disks.map((disk) => (
          <Disk key={disk.purpose} disk={disk} />
        ))}
      </ul>
    </section>
  );
}

/** What was expected of a device and what came, hour by hour, with its silences by their real times. */
import { useState } from 'preact/hooks';
import type { Completeness } from '#kit/api/answers.ts';
import type { Gap } from '#kit/chart/series.ts';
import { formatCount, formatLength, formatPercent, formatShort, formatTime } from '#kit/format.ts';
import type { Load } from '#kit/load.ts';
import { narrow, now } from '#kit/state.ts';
import { Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Scroll } from '#kit/ui/page.tsx';
import { type Cell, cellKind, cells } from './cells.ts';
import { t } from './texts.ts';

/** The range moves on with the clock between two answers. */
const CUT_MS = 120_000;
const GAPS_SHOWN = 12;
/** A silence that ends no longer ago than this goes on: answers are asked for once a minute. */
const ONGOING_MS = 90_000;
const KINDS = ['full', 'backfilled', 'partial', 'missing', 'unexpected'] as const;

function Strip({ list }: { list: readonly Cell[] }) {
  const width = 100 / Math.max(1, list.length);
  const first = list[0];
  const last = list.at(-1);
  return (
    <>
      <svg class="strip" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        {list.map((cell, index) => (
          <rect
            key={cell.from}
            class={`cell-${cellKind(cell)}`}
            x={index * width}
            width={Math.max(width * 0.88, width - 0.4)}
            height="10"
          >
            <title>
              {t('cell', {
                time: formatShort(cell.from),
                expected: cell.expected,
                received: cell.received,
                backfilled: cell.backfilled,
              })}
            </title>
          </rect>
        ))}
      </svg>
      {first !== undefined && last !== undefined && (
        <p class="strip-ends small muted number">
          <span>{formatShort(first.from)}</span>
          <span>{formatShort(last.to)}</span>
        </p>
      )}
    </>
  );
}

/** The strip for those who can't see or hover it. */
function CellTable({ list }: { list: readonly Cell[] }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="unfold" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('by-hour')}</summary>
      {open && (
        <Scroll label={t('by-hour')}>
          <table class="dense">
            <thead>
              <tr>
                <th scope="col">{t('time')}</th>
                <th scope="col">{t('device.state')}</th>
                {(['expected', 'arrived', 'backfilled-n'] as const).map((name) => (
                  <th scope="col" key={name} class="right">
                    {t(name)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {list.toReversed().map((cell) => (
                <tr key={cell.from}>
                  <td class="number">
                    {formatShort(cell.from)} – {formatShort(cell.to).slice(6)}
                  </td>
                  <td>{t(cellKind(cell))}</td>
                  <td class="right number">{formatCount(cell.expected)}</td>
                  <td class="right number">{formatCount(cell.received)}</td>
                  <td class="right number">{formatCount(cell.backfilled)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </details>
  );
}

function GapList({ data, range }: { data: Completeness; range: Gap }) {
  const [shown, setShown] = useState(GAPS_SHOWN);
  const newest = data.gaps.toReversed();
  const ongoing = now.value - ONGOING_MS;
  return (
    <>
      <ol class="gap-list" aria-label={t('gaps')}>
        {newest.slice(0, shown).map((gap) => (
          <li key={gap.from}>
            <b class="number">
              {
                // It began before the time shown, nobody here knows when.
                gap.from <= range.from + CUT_MS
                  ? t('at-least', { length: formatLength(gap.to - gap.from) })
                  : formatLength(gap.to - gap.from)
              }
            </b>
            <span class="number muted">
              <time dateTime={new Date(gap.from).toISOString()} title={formatTime(gap.from)}>
                {formatShort(gap.from)}
              </time>
              {' – '}
              {gap.to >= ongoing ? (
                <span class="text-offline">{t('gap-goes-on')}</span>
              ) : (
                <time dateTime={new Date(gap.to).toISOString()} title={formatTime(gap.to)}>
                  {formatShort(gap.to)}
                </time>
              )}
            </span>
          </li>
        ))}
      </ol>
      {data.gapCount > shown &&
        (shown < newest.length ? (
          <button type="button" class="button" onClick={() => setShown(shown + 10 * GAPS_SHOWN)}>
            {t('more-gaps', { n: formatCount(data.gapCount - shown) })}
          </button>
        ) : (
          <p class="muted">{t('more-gaps', { n: formatCount(data.gapCount - shown) })}</p>
        ))}
    </>
  );
}

function Gaps({ data, range }: { data: Completeness; range: Gap }) {
  const lost =
    data.gateway?.sequences
      .flatMap((sequence) => sequence.gaps)
      .reduce((sum, [from, to]) => sum + to - from + 1, 0) ?? 0;
  const missing = data.expected - data.received;
  return (
    <div class="gaps">
      <h3>
        {t('gaps')}
        {data.gapCount > 0 && <span class="muted number">{formatCount(data.gapCount)}</span>}
      </h3>
      {data.gapCount > 0 ? (
        <GapList data={data} range={range} />
      ) : (
        <p class="muted">
          {missing > 0 ? t('single-losses', { n: formatCount(missing) }) : t('no-gaps')}
        </p>
      )}
      {lost > 0 && (
        <p class="text-late">
          {t('lost-batches', { id: data.gateway?.id ?? '', n: formatCount(lost) })}
        </p>
      )}
    </div>
  );
}

function Summary({ data, range }: { data: Completeness; range: Gap }) {
  if (data.since === null && data.expected === 0) return <p>{t('completeness-never')}</p>;
  return (
    <p class="completeness">
      {data.expected > 0 && (
        <span class="figure">
          <b class="number">{formatPercent(data.received, data.expected)}</b>
          <span class="unit">%</span>
        </span>
      )}
      {data.expected === 0
        ? t('completeness-none')
        : t('completeness-text', {
            expected: formatCount(data.expected),
            received: formatCount(data.received),
            backfilled: formatCount(data.hours.reduce((sum, hour) => sum + hour.backfilled, 0)),
          })}
      {data.since !== null && data.since > range.from && (
        <span class="muted"> {t('since', { time: formatTime(data.since) })}</span>
      )}
    </p>
  );
}

/** The panel; its picture spans the time of the chart above. Nothing is expected of hours before the device was first heard. */
export function CompletenessPanel({ load, range }: { load: Load<Completeness>; range: Gap }) {
  const data = load.data;
  const hours = data?.hours ?? [];
  const list = cells(hours, narrow.value ? 60 : 120);
  const kinds = new Set(list.map(cellKind));
  return (
    <section class="panel" aria-labelledby="completeness-heading">
      <h2 id="completeness-heading">{t('completeness')}</h2>
      {data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={3} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : (
        <div class="pad">
          <StaleNote error={load.error} retry={load.reload} />
          <Summary data={data} range={range} />
          {data.expected > 0 && (
            <>
              <Strip list={list} />
              <p class="legend small muted">
                {KINDS.filter((kind) => kinds.has(kind)).map((kind) => (
                  <span key={kind}>
                    <i class={`key cell-${kind}`} />
                    {t(kind)}
                  </span>
                ))}
              </p>
              <CellTable list={list} />
              <Gaps data={data} range={range} />
            </>
          )}
        </div>
      )}
    </section>
  );
}

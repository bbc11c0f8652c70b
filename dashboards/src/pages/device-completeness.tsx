/** What was expected of a device and what came, hour by hour, with the gaps by name. */
import type { Completeness } from '../api/answers.ts';
import { formatCount, formatPercent, formatShort, formatSpan } from '../format.ts';
import type { Load } from '../load.ts';
import { narrow } from '../state.ts';
import { t } from '../text/language.ts';
import { Failure, Skeleton } from '../ui/parts.tsx';
import { cellKind, cells } from './cells.ts';

const GAPS_SHOWN = 20;
const KINDS = ['full', 'backfilled', 'partial', 'missing'] as const;

function Strip({ hours }: { hours: Completeness['hours'] }) {
  const list = cells(hours, narrow.value ? 60 : 120);
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
            width={width * 0.88}
            height="10"
          >
            <title>
              {t('device.cell', {
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

function Gaps({ data }: { data: Completeness }) {
  const lost =
    data.gateway?.sequences
      .flatMap((sequence) => sequence.gaps)
      .reduce((sum, [from, to]) => sum + to - from + 1, 0) ?? 0;
  return (
    <div class="gaps">
      <h3>{t('device.gaps')}</h3>
      {data.gaps.length === 0 ? (
        <p class="muted">{t('device.no-gaps')}</p>
      ) : (
        <ul>
          {data.gaps
            .slice(-GAPS_SHOWN)
            .toReversed()
            .map((gap) => (
              <li key={gap.from}>
                <span class="number">
                  {formatShort(gap.from)} – {formatShort(gap.to)}
                </span>
                <span class="muted">{formatSpan(gap.to - gap.from)}</span>
              </li>
            ))}
          {data.gaps.length > GAPS_SHOWN && (
            <li class="muted">{t('device.more-gaps', { n: data.gaps.length - GAPS_SHOWN })}</li>
          )}
        </ul>
      )}
      {lost > 0 && (
        <p class="text-late">
          {t('device.lost-batches', { id: data.gateway?.id ?? '', n: formatCount(lost) })}
        </p>
      )}
    </div>
  );
}

/** The panel. */
export function CompletenessPanel({ load }: { load: Load<Completeness> }) {
  const data = load.data;
  return (
    <section class="panel" aria-labelledby="completeness-heading">
      <h2 id="completeness-heading">{t('device.completeness')}</h2>
      {data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={3} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : (
        <div class="pad">
          <p>
            {data.expected === 0
              ? t('device.completeness-none')
              : t('device.completeness-text', {
                  expected: formatCount(data.expected),
                  received: formatCount(data.received),
                  percent: formatPercent(data.received, data.expected),
                  backfilled: formatCount(
                    data.hours.reduce((sum, hour) => sum + hour.backfilled, 0),
                  ),
                })}
          </p>
          <Strip hours={data.hours} />
          <p class="legend small muted">
            {KINDS.map((kind) => (
              <span key={kind}>
                <i class={`key cell-${kind}`} />
                {t(`device.${kind}`)}
              </span>
            ))}
          </p>
          <Gaps data={data} />
        </div>
      )}
    </section>
  );
}

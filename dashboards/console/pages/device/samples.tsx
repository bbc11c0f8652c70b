/** The chart's points as a table. */
import { useState } from 'preact/hooks';
import type { Metric } from '#kit/api/answers.ts';
import type { Series } from '#kit/chart/series.ts';
import { formatMetric, formatTime } from '#kit/format.ts';
import { say } from '#kit/text/language.ts';
import { Scroll } from '#kit/ui/page.tsx';
import { MessageLink, messageHead } from './frame/link.tsx';
import { t, word } from './texts.ts';

const TABLE_STEP = 100;

/** Newest first, more on request. */
export function SampleTable({
  series,
  metric,
  framed,
}: {
  series: Series;
  metric: Metric;
  /** Each row opens to the message it came in. */
  framed: boolean;
}) {
  const [shown, setShown] = useState(TABLE_STEP);
  const rows = series.samples.toReversed();
  const buckets = series.everyMs !== null;
  const heads = buckets
    ? (['time', 'value', 'minimum', 'maximum'] as const)
    : (['time', 'value', 'quality', 'lane', 'received'] as const);
  const figure = (value: number | null): string =>
    value === null ? '–' : formatMetric(metric, value);
  return (
    <Scroll label={say(metric.name)}>
      <table class="dense">
        <thead>
          <tr>
            {heads.map((name) => (
              <th scope="col" key={name}>
                {t(name)}
                {name === 'value' && metric.unit !== '' && (
                  <span class="unit">{word('unit', metric.unit)}</span>
                )}
              </th>
            ))}
            {framed && !buckets && <th scope="col">{messageHead()}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((sample) => (
            <tr key={sample.at}>
              <td class="number">{formatTime(sample.at)}</td>
              <td class="number">{figure(sample.value)}</td>
              {buckets ? (
                <>
                  <td class="number">{figure(sample.min)}</td>
                  <td class="number">{figure(sample.max)}</td>
                </>
              ) : (
                <>
                  <td class={sample.quality === 'good' ? 'muted' : 'text-offline'}>
                    {word('quality', sample.quality)}
                  </td>
                  <td class="muted">{word('lane', sample.lane)}</td>
                  <td class="muted number">
                    {sample.receivedAt === null ? '–' : formatTime(sample.receivedAt)}
                  </td>
                  {framed && (
                    <td>
                      <MessageLink at={sample.at} />
                    </td>
                  )}
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <button type="button" class="button" onClick={() => setShown(shown + TABLE_STEP)}>
          {t('list.more')}
        </button>
      )}
    </Scroll>
  );
}

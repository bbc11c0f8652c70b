/** What the bytes of a message say: metrics with their values, and details of events, each lit on demand. */
import type { Frame, Metric } from '#kit/api/answers.ts';
import { formatExact, formatMetric } from '#kit/format.ts';
import { profiles } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { saidIn } from './bytes.ts';
import type { Lighting } from './lighting.ts';
import { t, word } from './texts.ts';

type Range = Pick<Frame['fields'][number], 'from' | 'to'>;

/** Bytes are counted from one, as people count. */
const placeOf = ({ from, to }: Range): string =>
  to - from === 1 ? t('frame.one-byte', { at: to }) : t('frame.place', { from: from + 1, to });

/** A detail among what can be lit; no metric has a blank in its key. */
export const detailKey = ({ event, detail }: Frame['details'][number]): string =>
  `${event} ${detail}`;

interface Item {
  readonly key: string;
  readonly name: string;
  readonly value: string;
  readonly unit: string;
  /** What was stored instead. */
  readonly stored: string | undefined;
  readonly ranges: readonly Range[];
}

function metricItems({ fields, differs }: Frame, metrics: readonly Metric[]): Item[] {
  return [...Map.groupBy(fields, ({ metric }) => metric)].map(([key, ranges]) => {
    const metric = metrics.find((one) => one.key === key);
    const stored = differs?.find((one) => one.metric === key)?.stored;
    const show = (value: number): string => formatMetric(metric, value, formatExact);
    return {
      key,
      name: metric === undefined ? key : say(metric.name),
      value: show(ranges[0]?.value ?? 0),
      unit: metric?.unit ?? '',
      stored: stored === undefined ? undefined : show(stored),
      ranges,
    };
  });
}

function detailItems({ details }: Frame, bytes: Uint8Array, profile: string): Item[] {
  const events = profiles.value.get(profile)?.events;
  return details.map((one) => {
    const event = events?.find(({ type }) => type === one.event);
    const name = event === undefined ? one.event : say(event.name);
    return {
      key: detailKey(one),
      name: `${name} · ${one.detail}`,
      value: saidIn(bytes.subarray(one.from, one.to)),
      unit: '',
      stored: undefined,
      ranges: [one],
    };
  });
}

export function Fields({
  frame,
  bytes,
  profile,
  metrics,
  light,
}: {
  frame: Frame;
  bytes: Uint8Array;
  profile: string;
  metrics: readonly Metric[];
  light: Lighting;
}) {
  const items = [...metricItems(frame, metrics), ...detailItems(frame, bytes, profile)];
  if (items.length === 0) return <p class="muted">{t('frame.no-fields')}</p>;
  return (
    <ul class="frame-fields" aria-label={t('frame.fields')}>
      {items.map(({ key, name, value, unit, stored, ranges }) => (
        <li key={key}>
          <button
            type="button"
            aria-pressed={light.kept === key}
            class={light.lit === key ? 'lit' : ''}
            onMouseEnter={() => light.point(key)}
            onMouseLeave={() => light.point(null)}
            onFocus={() => light.point(key)}
            onBlur={() => light.point(null)}
            onClick={() => light.keep(key)}
          >
            <span>{name}</span>
            <span class="number">
              {value}
              {unit !== '' && <span class="unit">{word('unit', unit)}</span>}
            </span>
            <span class="muted small number">{ranges.map(placeOf).join(' + ')}</span>
            {stored !== undefined && (
              <span class="small frame-differs">{t('frame.stored', { value: stored })}</span>
            )}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Corrections one below the other: what each says, of what, by whom, and what can be done about it. */
import type { Correction, Metric } from '#kit/api/answers.ts';
import { formatExact, formatLength, formatSpan, formatTime } from '#kit/format.ts';
import { withQuery } from '#kit/router.ts';
import { metricOf, profiles, user } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Actions } from './actions.tsx';
import { t, word } from './texts.ts';

const HOUR = 3_600_000;

/** The value in the words of its kind. */
function worded(one: Correction, metric: Metric | undefined): string {
  const { kind, target, targetName } = one;
  const value = one.value ?? 0;
  if (kind === 'shift-clock')
    return t(value > 0 ? 'shift-later' : 'shift-earlier', {
      length:
        Math.abs(value) < 60_000 ? formatSpan(Math.abs(value)) : formatLength(Math.abs(value)),
    });
  if (kind === 'factor') return `× ${formatExact(value)}`;
  if (kind === 'offset') {
    const unit = metric === undefined || metric.unit === '' ? '' : ` ${word('unit', metric.unit)}`;
    return `${value > 0 ? '+' : '−'}${formatExact(Math.abs(value))}${unit}`;
  }
  return target === null ? '' : `→ ${targetName ?? target}`;
}

/** 2026-11-18 04:03–12:41; seconds where there are some. */
export function rangeWorded(from: number, to: number): string {
  const [a, b] = [formatTime(from), formatTime(to)];
  const cut = (text: string): string =>
    from % 60_000 === 0 && to % 60_000 === 0 ? text.slice(0, -3) : text;
  return a.slice(0, 10) === b.slice(0, 10)
    ? `${cut(a)}–${cut(b).slice(11)}`
    : `${cut(a)} – ${cut(b)}`;
}

/** The chart on which it is seen, with some time around it. */
function chartHref({ device, metric, from, to }: Correction): string {
  const around = Math.max(HOUR, (to - from) / 2);
  const asked = new URLSearchParams({
    ...(metric === null ? {} : { metric }),
    from: new Date(from - around).toISOString(),
    to: new Date(to + around).toISOString(),
  });
  return `/corrections/devices/${encodeURIComponent(device)}?${asked}`;
}

const person = (name: string): string => (name === user.value?.name ? t('me') : name);

/** Who did what and when, in order. */
function Story({ one, linked }: { one: Correction; linked: boolean }) {
  const { activated, undone } = one;
  const by = person(one.by);
  const time = (at: number): string => formatTime(at).slice(0, 16);
  const ended =
    one.state === 'undone' ? 'undone-by' : one.by === undone?.by ? 'withdrawn-by' : 'rejected-by';
  return (
    <span class="muted small correction-story">
      <span>
        {linked ? (
          <a class="link" href={withQuery({ by: one.by })}>
            {by}
          </a>
        ) : (
          by
        )}{' '}
        {t('proposed', { time: time(one.at) })}
      </span>
      {activated !== null && one.secondPerson && (
        <span>{t('approved-by', { by: person(activated.by), time: time(activated.at) })}</span>
      )}
      {undone !== null && (
        <span>
          {t(ended, { by: person(undone.by), time: time(undone.at) })}
          {undone.why !== null && t('because', { why: undone.why })}
        </span>
      )}
    </span>
  );
}

const SHADE = { waiting: 'tag-late', active: 'tag-on', undone: '', withdrawn: '' } as const;

/** One of them. */
function Item({
  one,
  showDevice,
  changed,
}: {
  one: Correction;
  showDevice: boolean;
  changed: (told: string) => void;
}) {
  const metric = metricOf(one.profile ?? '', one.metric ?? '');
  const known = profiles.value.get(one.profile ?? '')?.name;
  const rejected = one.state === 'withdrawn' && one.undone !== null && one.undone.by !== one.by;
  return (
    <li>
      <span class="correction-head">
        <b class="number">#{one.id}</b>
        <span class={`tag ${SHADE[one.state]}`}>
          {rejected ? t('rejected') : t(`state.${one.state}`)}
        </span>
        <b>
          {word('kind', one.kind)} <span class="number">{worded(one, metric)}</span>
        </b>
        <span>
          {one.metric === null
            ? t('metric-all')
            : metric === undefined
              ? one.metric
              : say(metric.name)}
        </span>
      </span>
      {showDevice && (
        <span>
          <a class="link correction-of" href={withQuery({ device: one.device })}>
            {one.deviceName ?? one.device}
          </a>
          {known !== undefined && <span class="muted small"> {say(known)}</span>}
        </span>
      )}
      <span class="number">
        <a class="link" href={chartHref(one)}>
          {rangeWorded(one.from, one.to)}
        </a>
      </span>
      <span>{one.reason}</span>
      <Story one={one} linked={showDevice} />
      <Actions one={one} changed={changed} />
    </li>
  );
}

/** The list. `changed` hears in a sentence what has become of one. */
export function Corrections({
  items,
  showDevice,
  changed,
}: {
  items: readonly Correction[];
  showDevice: boolean;
  changed: (told: string) => void;
}) {
  return (
    <ul class="corrections">
      {items.map((one) => (
        <Item key={one.id} one={one} showDevice={showDevice} changed={changed} />
      ))}
    </ul>
  );
}

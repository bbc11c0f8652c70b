/** How devices are: their states, the counts of them, and the figures they report. */
import type { DeviceState } from '@village/core';
import { type Counts, type Metric, type Profile, STATES, type Value } from '../api/answers.ts';
import { formatCount, formatMetric } from '../format.ts';
import { now } from '../state.ts';
import { t, word } from '../text/language.ts';
import { Icon } from '../ui/icon.tsx';

/** A device's state: icon, word and colour say the same thing. */
export function StateMark({ state }: { state: DeviceState }) {
  return (
    <span class={`state state-${state}`}>
      <Icon name={state} />
      {t(`state.${state}`)}
    </span>
  );
}

/** All devices of some counts. */
export function totalOf(counts: Counts): number {
  return STATES.reduce((sum, state) => sum + counts[state], 0);
}

/** The states of an area's devices as one bar; the figures stand beside it, so it is decoration. */
export function CountsBar({ counts }: { counts: Counts }) {
  const total = totalOf(counts);
  let at = 0;
  return (
    <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="bar-track" width="100" height="6" />
      {total > 0 &&
        STATES.map((state) => {
          const width = (counts[state] / total) * 100;
          const x = at;
          at += width;
          return width === 0 ? null : (
            <rect key={state} class={`fill-${state}`} x={x} width={width} height="6" />
          );
        })}
    </svg>
  );
}

/**
 * A value with its unit, and in words what is wrong with it if something is; greyed when it is older than its device may be
 * silent.
 */
export function Figure({
  metric,
  value,
  profile,
}: {
  metric: Metric | undefined;
  value: Value;
  profile: Profile | undefined;
}) {
  const stale = now.value - value.at > (profile?.silentAfter ?? 86_400) * 1000;
  return (
    <span class={stale ? 'figure stale' : 'figure'}>
      <b class="number">{formatMetric(metric, value.value)}</b>
      {metric?.unit ? <span class="unit">{word('unit', metric.unit)}</span> : null}
      {value.quality !== 'good' && (
        <span class="quality">
          <Icon name="warning" size={12} />
          {word('quality', value.quality)}
        </span>
      )}
      {value.received !== null && <span class="small muted">{word('quality', 'corrected')}</span>}
    </span>
  );
}

/** The four counts as links to the lists behind them. */
export function CountTiles({ counts, area }: { counts: Counts; area: string }) {
  return (
    <>
      {STATES.map((state) => (
        <a key={state} class="tile" href={`/devices?area=${area}&state=${state}`}>
          <span class={`state state-${state}`}>
            <Icon name={state} />
            {t(`state.${state}`)}
          </span>
          <b class="big number">{formatCount(counts[state])}</b>
        </a>
      ))}
    </>
  );
}

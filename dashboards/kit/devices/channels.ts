/** Which of the channels that a model file lists a device has: a list is for all devices of the model. Pure. */
import type { Metric } from '../api/answers.ts';

/**
 * Metrics without those of channels from which nothing was ever heard. While no channel of a metric was heard, the first that
 * is listed stands for all.
 */
export function heardChannels(
  metrics: readonly Metric[],
  values: { has(key: string): boolean },
): Metric[] {
  const heard = new Set(
    metrics.flatMap(({ key, channel }) => (channel && values.has(key) ? [channel.base] : [])),
  );
  const first = new Set<string>();
  return metrics.filter(({ key, channel }) => {
    if (channel === null) return true;
    if (heard.has(channel.base)) return values.has(key);
    if (first.has(channel.base)) return false;
    first.add(channel.base);
    return true;
  });
}

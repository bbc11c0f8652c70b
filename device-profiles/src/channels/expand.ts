/**
 * A metric that is marked with a kind of channel becomes a metric for each channel: `count` with the channels `inbound` and
 * `outbound` becomes `count-inbound` and `count-outbound`. All behind this sees ordinary metrics.
 */
import { type Label, quantity } from '@village/core';
import type { Protocol } from '../protocols/protocol.ts';
import type { MetricFile, ProfileFile, QualityRuleFile } from '../schema/file.ts';
import { type ChannelKindFile, type ChannelOf, wordsOf } from './schema.ts';

export interface Expanded {
  readonly file: ProfileFile;
  /** For each metric, where the one that it was made of stands in the file as written. */
  readonly writtenAt: readonly number[];
}

/** The kind of that name in the file; undefined when there is none. */
export function kindOf(file: ProfileFile, name: string | undefined): ChannelKindFile | undefined {
  return name !== undefined && Object.hasOwn(file.channels, name) ? file.channels[name] : undefined;
}

/** The file with its marked metrics and quality rules written out for each channel. */
export function expandChannels(file: ProfileFile, protocol: Protocol): Expanded {
  if (Object.keys(file.channels).length === 0)
    return { file, writtenAt: file.metrics.map((_, i) => i) };
  const writtenAt: number[] = [];
  const metrics = file.metrics.flatMap((metric, i): MetricFile[] => {
    const made = metricsOf(file, metric, protocol);
    writtenAt.push(...made.map(() => i));
    return made;
  });
  const quality = file.quality.flatMap((rule) => rulesOf(rule, metrics));
  const whole = { ...file, metrics, quality };
  return { file: protocol.expand?.(whole) ?? whole, writtenAt };
}

function metricsOf(file: ProfileFile, metric: MetricFile, protocol: Protocol): MetricFile[] {
  const { channel: kind, key: base } = metric;
  const channels = kindOf(file, kind);
  if (kind === undefined || channels === undefined) return [metric];
  return Object.entries(channels.known).map(([key, { name }]) => {
    const of: ChannelOf = {
      kind,
      key,
      name,
      base,
      says: wordsOf(channels, key),
      written: metric.from,
    };
    return {
      ...metric,
      key: key === channels.plain ? base : `${base}-${key}`,
      name: nameIn(metric, name),
      from: protocol.inChannel?.(metric.from, of) ?? metric.from,
      of,
    };
  });
}

function nameIn(metric: MetricFile, channel: Label): Label {
  const of = metric.name ?? quantity(metric.quantity);
  return {
    zh: `${of?.zh ?? metric.key}（${channel.zh}）`,
    en: `${of?.en ?? metric.key} (${channel.en})`,
  };
}

/**
 * A rule that speaks of marked metrics holds in each channel by itself: what one says of its state marks its own figures. What
 * is of no channel, or of another kind, is marked by any of them.
 */
function rulesOf(rule: QualityRuleFile, metrics: readonly MetricFile[]): QualityRuleFile[] {
  const madeOf = (key: string): readonly MetricFile[] => {
    const made = metrics.filter(({ of }) => of?.base === key);
    return made.length > 0 ? made : metrics.filter((metric) => metric.key === key);
  };
  const kind = Object.keys(rule.when)
    .map((key) => madeOf(key)[0]?.of?.kind)
    .find((one) => one !== undefined);
  const keys = (channel: string | undefined) => (key: string) => {
    const made = madeOf(key);
    if (made.length === 0) return [key];
    return made
      .filter(({ of }) => of === undefined || of.kind !== kind || of.key === channel)
      .map((metric) => metric.key);
  };
  const channels =
    kind === undefined
      ? [undefined]
      : [...new Set(metrics.flatMap(({ of }) => (of?.kind === kind ? [of.key] : [])))];
  return channels.map((channel) => ({
    ...rule,
    when: Object.fromEntries(
      Object.entries(rule.when).flatMap(([key, wanted]) =>
        keys(channel)(key).map((one) => [one, wanted]),
      ),
    ),
    metrics: [...new Set(rule.metrics.flatMap(keys(channel)))],
  }));
}

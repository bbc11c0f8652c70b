/** What somebody asks to have as a file: of which devices, and about how large it is. */
import { OperationalError } from '@village/core';
import { type Caller, list, span } from '@village/platform';
import type { DeviceEntry, Directory } from '@village/registry';
import type { ExportQuery, ExportWords, TimeSeriesStore } from '@village/store/time-series';
import { devicesFor } from '../../http/query.ts';
import type { Needs } from '../needs.ts';
import type { Part } from './parts.ts';
import type { Sampled, Sampling } from './sample.ts';
import type { Format } from './write.ts';

/** The question as routes get it. */
export interface ExportAsked {
  readonly format: Format;
  readonly device?: string;
  readonly area?: string;
  readonly metric?: string;
  readonly from: string;
  readonly to: string;
  readonly view?: 'received' | 'corrected';
  readonly mark?: 'none' | 'bom';
}

/** The same, with everything that it means. */
export interface ExportPlan {
  readonly asked: ExportAsked;
  readonly query: Pick<ExportQuery, 'devices' | 'from' | 'to'> &
    Pick<ExportQuery, 'metrics' | 'words'>;
  readonly profiles: readonly string[];
  /** About how many rows a part has. */
  readonly rows: (part: Part) => number;
  /** Of the whole, both about. */
  readonly estimate: { readonly rows: number; readonly bytes: number };
  /** Code or id that the audit log names. */
  readonly target: string;
}

/** Bytes of a row where no sample says more, as measured on stations with Chinese names. */
const ROW_BYTES = {
  csv: { received: 120, corrected: 165 },
  parquet: { received: 4, corrected: 6 },
} as const;

/** Makes some of what is asked for, so that its size is told as it is; null where that says nothing. */
export type Sample = (
  caller: Caller,
  asked: ExportAsked,
  sampling: Pick<Sampling, 'query' | 'weigh' | 'signal'>,
) => Promise<Sampled | null>;

/** What devices and their metrics are called. */
function wordsOf(
  entries: readonly DeviceEntry[],
  { directory, profiles }: { directory: Directory; profiles: Needs['profiles'] },
): ExportWords {
  const named = new Map(entries.map(({ device }) => [device.id, device.name]));
  return {
    device: (id) => named.get(id),
    profile: (id) => directory.known(id)?.profile.id,
    metric: (profile, key) => {
      const metric = profiles.get(profile)?.metrics.find((one) => one.key === key);
      return metric === undefined ? undefined : { ...metric.name, unit: metric.unit };
    },
  };
}

/** How many rows of the file one report of each device makes, by what it has ever told. */
function metricsOf(
  entries: readonly DeviceEntry[],
  latest: TimeSeriesStore['latest'],
  metrics: readonly string[] | undefined,
): ReadonlyMap<string, number> {
  return new Map(
    entries.map(({ device: { id } }) => [
      id,
      latest(id).filter(({ metric }) => metrics?.includes(metric) ?? true).length,
    ]),
  );
}

/**
 * Without a `sample` rows and bytes are what the books know, up to a few times as many as there are.
 * @throws format-not-offered, not-found, bad-time, bad-request when it is not for the caller, or no question; busy
 */
export async function planOf(
  {
    directory,
    fair,
    store,
    clock,
    profiles: types,
    sample,
  }: Pick<Needs, 'directory' | 'fair' | 'store' | 'clock' | 'profiles'> & {
    readonly sample?: Sample;
  },
  caller: Caller,
  asked: ExportAsked,
  signal: AbortSignal,
): Promise<ExportPlan> {
  if (asked.format === 'parquet' && store.joinParquet === undefined)
    throw new OperationalError('format-not-offered', 'the archive exports CSV alone');
  const entries = devicesFor(directory, caller, asked);
  const devices = entries.map(({ device }) => device.id);
  const { from, to } = span(asked);
  const metrics = list(asked.metric);
  const counts = metricsOf(entries, store.latest, metrics);
  const weighed = (part: Part): number => {
    let sum = 0;
    // Devices that tell as much are taken to be of a kind, and so to report alike.
    for (const [count, ids] of Map.groupBy(part.devices, (id) => counts.get(id) ?? 0)) {
      if (count === 0) continue;
      const spans = ids.map((device) => ({ device, from: part.from, to: part.to }));
      sum += count * fair.weigh({ of: 'spans', spans });
    }
    return sum;
  };
  const guess = weighed({ devices, from, to });
  const query = {
    ...{ devices, from, to, words: wordsOf(entries, { directory, profiles: types }) },
    ...(metrics === undefined ? {} : { metrics }),
  };
  const sampled =
    guess === 0 ? null : await sample?.(caller, asked, { query, weigh: weighed, signal });
  // What an archive without books is taken to hold may be far from what it does.
  const counted = await store.countReadings?.(
    {
      devices,
      from,
      to: Math.min(to, clock()),
      ...(metrics === undefined ? {} : { metrics }),
    },
    signal,
  );
  const all = Math.ceil(counted ?? guess * (sampled?.rows ?? 1));
  const scale = guess === 0 ? 0 : all / guess;
  const rows = (part: Part): number => Math.ceil(scale * weighed(part));
  const known = ROW_BYTES[asked.format][asked.view ?? 'corrected'];
  const { bytes: ofRow, head } = sampled ?? { bytes: known, head: 0 };
  const bytes = all === 0 ? 0 : Math.ceil(head + all * ofRow);
  return {
    asked,
    query,
    profiles: [...new Set(entries.map(({ profile }) => profile.id))],
    rows,
    estimate: { rows: all, bytes },
    target: asked.device ?? asked.area ?? caller.area,
  };
}

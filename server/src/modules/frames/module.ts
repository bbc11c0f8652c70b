/** The module of frames: what devices said, as it was received, opened to the bytes of each value. */
import * as api from '@village/api';
import { formatTime, OperationalError, Slices } from '@village/core';
import {
  type LocatedDetail,
  type LocatedField,
  locate,
  locateEvents,
} from '@village/device-profiles';
import { locateEvent, locateReading } from '@village/device-profiles/mqtt';
import {
  type AnyRoute,
  answer,
  defineModule,
  instant,
  metricGroup,
  nightly,
  route,
  Turns,
  type TurnsOptions,
} from '@village/platform';
import type { FrameCounters, ReceivedFrame } from '@village/store/time-series';
import { missingHeaders } from '../../http/incomplete.ts';
import { deviceFor } from '../../http/query.ts';
import type { Needs } from '../needs.ts';
import { readDecoding } from './decoding.ts';

/** Messages of one device and one time that are shown. */
const SHOWN_MAX = 20;
/** An answer is some MB when a station says much, and its blocks are unpacked for it. */
const TURNS: Omit<TurnsOptions, 'timer'> = {
  running: 2,
  runningOfOne: 1,
  waiting: 500,
  waitingOfOne: 100,
  waitMs: 30_000,
  refusal: { code: 'busy', message: 'many frames are being read: ask for a few at a time' },
};

interface Opened {
  readonly fields: readonly LocatedField[];
  readonly details: readonly LocatedDetail[];
}

/** Which bytes gave what, by the profile of then; nothing when that can't be told any more. */
async function open(
  { profileRevisions, log }: Pick<Needs, 'profileRevisions' | 'log'>,
  { payload, decoding, device, at, receivedAt }: ReceivedFrame,
): Promise<Opened> {
  try {
    const { profile, revision, form, framing, options } = readDecoding(decoding);
    const rules = await profileRevisions.profileAt(profile, revision, receivedAt);
    if (form === 'row') {
      // What the type does not measure was kept aside, and gave no reading.
      const fields = locateReading(payload).filter(({ metric }) => rules.metricIndex.has(metric));
      return { fields, details: locateEvent(payload) };
    }
    return {
      fields: locate(rules, payload, framing, options),
      details: locateEvents(rules, payload, framing, options),
    };
  } catch (error) {
    if (!(error instanceof OperationalError) || error.retry) throw error;
    log.warn({ err: error, device, at }, 'a frame could not be opened');
    return { fields: [], details: [] };
  }
}

/** What was stored of a time, as it was received; null when it can't be asked for now. */
async function storedAt(
  { readings }: Pick<Needs, 'readings'>,
  device: string,
  at: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>> | null> {
  try {
    const query = { device, from: at, to: at + 1, limit: 1 };
    return (await readings.received.range(query, signal))[0]?.values ?? {};
  } catch (error) {
    // The frames are there whatever the archive does.
    if (!(error instanceof OperationalError) || !error.retry || signal.aborted) throw error;
    return null;
  }
}

/** Metrics that a frame says another value of than was stored. */
function differences(
  fields: readonly LocatedField[],
  stored: Readonly<Record<string, number>> | null,
): api.frames.FrameDifference[] | null {
  if (stored === null) return null;
  const said = new Map(fields.map(({ metric, value }) => [metric, value]));
  return [...said].flatMap(([metric, value]) => {
    const kept = Object.hasOwn(stored, metric) ? stored[metric] : undefined;
    return kept === undefined || kept === value ? [] : [{ metric, stored: kept }];
  });
}

/** The frames of a device at a time, each opened in a turn of its own, so that others get theirs. */
async function framesAt(needs: Needs, device: string, at: number, signal: AbortSignal) {
  const { frames, more, missing } = await needs.store.frames.find(
    device,
    at,
    at + 1,
    SHOWN_MAX,
    signal,
  );
  const stored = frames.length === 0 ? {} : await storedAt(needs, device, at, signal);
  const items: api.frames.Frame[] = [];
  const slices = new Slices();
  for (const frame of frames) {
    const { fields, details } = await open(needs, frame);
    items.push({
      at: formatTime(frame.at),
      receivedAt: formatTime(frame.receivedAt),
      source: frame.source,
      way: frame.way,
      sequence: frame.sequence,
      payload: Buffer.from(frame.payload).toString('base64'),
      fields: [...fields],
      details: [...details],
      differs: differences(fields, stored),
    });
    if (slices.over) await slices.next();
  }
  const spans = missing.map(({ from, to }) => ({ from: formatTime(from), to: formatTime(to) }));
  return answer(200, { items, more, missing: spans }, missingHeaders(missing));
}

function listRoute(needs: Needs, turns: Turns): AnyRoute {
  return route(api.frames.list, ({ caller, query, signal }) => {
    deviceFor(needs.directory, caller, query.device);
    const at = instant(query.at, 'at');
    return turns.run(caller.actor, () => framesAt(needs, query.device, at, signal), signal);
  });
}

type Count = readonly [name: string, help: string, value: (now: FrameCounters) => number];

const COUNTERS: readonly Count[] = [
  ['frames_kept_total', 'Frames made durable', (now) => now.kept],
  [
    'frames_too_large_total',
    'Frames larger than 64 KiB, which are not kept',
    (now) => now.tooLarge,
  ],
  [
    'frames_over_budget_total',
    'Frames that were more of a device than is kept in a day; its readings are stored',
    (now) => now.overBudget,
  ],
  [
    'frames_write_failures_total',
    'Files of frames that failed and are tried again',
    (now) => now.writeFailures,
  ],
  [
    'frames_blocks_damaged_total',
    'Blocks of frames whose checksum failed',
    (now) => now.blocksDamaged,
  ],
];

const GAUGES: readonly Count[] = [
  ['frames_waiting', 'Frames that are not in a file yet', (now) => now.waiting],
  ['frames_files', 'Files of frames', (now) => now.files],
  ['frames_bytes', 'Size of the files of frames', (now) => now.bytes],
  [
    'frames_missed_spans',
    'Spans of receive time whose frames were given up',
    (now) => now.missedSpans,
  ],
  ['frames_files_damaged', 'Files of frames set aside', (now) => now.filesDamaged],
];

export const framesModule = defineModule<Needs>({
  name: 'frames',
  title: { zh: '原始报文', en: 'Frames' },
  start: (needs) => {
    const { store, config, ages, log, timer } = needs;
    const turns = new Turns({ ...TURNS, timer });
    const metric =
      (kind: 'counter' | 'gauge') =>
      ([name, help, value]: Count) => ({
        kind,
        name,
        help,
        value,
      });
    return {
      routes: [listRoute(needs, turns)],
      jobs: [
        {
          kind: 'frames',
          title: { zh: '清理过期的原始报文', en: 'Delete frames that are too old' },
          schedule: nightly(),
          run: async () => {
            const { framesRetention: retention } = config.store;
            const { files } = await store.frames.retain(ages.before(retention));
            log.info({ files }, 'old frames deleted');
          },
        },
      ],
      metrics: [
        metricGroup(
          () => store.frames.counters(),
          [...COUNTERS.map(metric('counter')), ...GAUGES.map(metric('gauge'))],
        ),
        metricGroup(
          () => turns,
          [
            {
              kind: 'gauge',
              name: 'frames_questions_waiting',
              help: 'Questions for frames that wait for their turn',
              value: ({ waiting }) => waiting,
            },
            {
              kind: 'counter',
              name: 'frames_questions_refused_total',
              help: 'Questions for frames that were sent away or gave up',
              value: ({ refused }) => refused,
            },
          ],
        ),
      ],
    };
  },
});

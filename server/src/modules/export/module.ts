/** The module of exports: readings as a file. Texts in it that begin like a formula get a quote before them. */
import { randomUUID } from 'node:crypto';
import { file } from '@village/api';
import { CSV_MARK, MINUTE, OperationalError, SECOND } from '@village/core';
import {
  answer,
  type Call,
  defineModule,
  metricGroup,
  problem,
  route,
  Turns,
} from '@village/platform';
import { wantedOf } from '../../http/byte-range.ts';
import { incompleteHeaders } from '../../http/incomplete.ts';
import { byCause } from '../../http/metrics.ts';
import type { Needs } from '../needs.ts';
import { type ExportPlan, planOf, type Sample } from './asked.ts';
import { ExportBooks } from './books.ts';
import { download, headersOf } from './download.ts';
import { ExportFolder } from './folder.ts';
import { ExportJobs, exportView } from './jobs.ts';
import { Pace } from './pace.ts';
import { sampleOf } from './sample.ts';
import { type Writing, writeExport } from './write.ts';

const MEGABYTE = 1024 * 1024;
/** A file that is made while its asker waits has at most so many bytes. */
const DIRECT_BYTES_MAX = 64 * MEGABYTE;
/** Estimates may be wrong by so much before a file is refused for them. */
const DOUBT = 4;
/** Such files that lie here, being made or sent: in all, and of one person, whose slow line is not to keep out the others. */
const FILES_MAX = 8;
const FILES_OF_ONE_MAX = 2;
/** Free disk without which no sample is made. */
const SAMPLE_ROOM = 16 * MEGABYTE;

type Made = Pick<Writing, 'path' | 'bytesMax' | 'signal' | 'turn' | 'progress'>;

/** What routes work with. */
interface Parts {
  readonly needs: Needs;
  readonly folder: ExportFolder;
  readonly turns: Turns;
  readonly write: (plan: ExportPlan, made: Made) => Promise<{ rows: number; bytes: number }>;
  readonly jobs: ExportJobs;
  readonly sample: Sample;
}

export const exportModule = defineModule<Needs>({
  name: 'export',
  title: { zh: '数据导出', en: 'Export' },
  rights: {
    'export.read': {
      title: { zh: '导出数据', en: 'Export readings' },
      roles: ['clerk', 'officer', 'admin'],
    },
  },
  start: (needs) => {
    const parts = partsOf(needs);
    const { jobs, folder, turns } = parts;
    return {
      routes: [
        route(file.exportReadings, direct(parts)),
        route(file.estimate, (call) => estimate(parts, call)),
        route(file.start, async (call) => answer(201, exportView(await jobs.start(call)))),
        route(file.list, ({ caller }) => ({ items: jobs.list(caller).map(exportView) })),
        route(file.get, ({ caller, params }) => exportView(jobs.get(caller, params.id))),
        route(file.remove, async ({ caller, params }) => {
          await jobs.remove(jobs.get(caller, params.id));
          return answer(204, null);
        }),
        route(file.fetchFile, (call) => fetchFile(parts, call)),
      ],
      ticks: [{ kind: 'export-expiry', everyMs: MINUTE, run: () => jobs.expire() }],
      metrics: [
        metricGroup(
          () => ({ ended: jobs.counters(), folder, refused: turns.refused }),
          [
            {
              kind: 'counter',
              name: 'exports_total',
              help: 'Exports in the background by how they ended',
              labels: ['end'],
              value: (now) => byCause(now.ended, 'end'),
            },
            {
              kind: 'counter',
              name: 'exports_refused_total',
              help: 'Parts of exports that had no turn in time',
              value: (now) => now.refused,
            },
            {
              kind: 'gauge',
              name: 'export_files',
              help: 'Exported files that are made or lie there',
              value: (now) => now.folder.files,
            },
            {
              kind: 'gauge',
              name: 'export_bytes',
              help: 'Bytes that these take or are expected to take',
              value: (now) => now.folder.bytes,
            },
          ],
        ),
      ],
      close: () => jobs.close(),
    };
  },
});

function partsOf(needs: Needs): Parts {
  const { store, readings, config, timer } = needs;
  const folder = new ExportFolder({
    path: config.exports.folder,
    bytesMax: config.exports.megabytes * MEGABYTE,
    // The log stops at its reserve: exports stop well before.
    keptFree: 2 * store.diskReserveBytes,
  });
  const workshop = {
    timer,
    pace: new Pace(timer, config.exports.megabytesPerSecond * MEGABYTE),
    joinParquet: store.joinParquet,
  };
  // One part at a time: it takes all of the machine that it can get.
  const turns = new Turns({
    ...{ timer, running: 1, runningOfOne: 1, waiting: 100, waitingOfOne: 10, waitMs: MINUTE },
    refusal: { code: 'busy', message: 'other exports are being made' },
  });
  const write: Parts['write'] = ({ asked, query, rows }, made) =>
    writeExport(workshop, {
      ...{ format: asked.format, query, rows, queries: readings[asked.view ?? 'corrected'] },
      ...{ mark: asked.format === 'csv' && asked.mark === 'bom' ? CSV_MARK : '' },
      ...made,
    });
  const samples = new Turns({
    ...{ timer, running: 1, runningOfOne: 1, waiting: 50, waitingOfOne: 5, waitMs: 20 * SECOND },
    refusal: { code: 'busy', message: 'the sizes of other exports are being looked at' },
  });
  const sample: Sample = async ({ actor }, { format, view }, { query, weigh, signal }) => {
    if ((await folder.free()) < SAMPLE_ROOM) return null;
    const queries = readings[view ?? 'corrected'];
    const of = { folder: config.exports.folder, format, queries, query, weigh, signal };
    return samples.run(actor, () => sampleOf(of), signal);
  };
  const jobs = new ExportJobs({
    ...needs,
    ...{ folder, write, sample, keepMs: config.exports.keep },
    books: new ExportBooks(config.exports.folder),
    turn: (who, work, signal) => turns.run(who, work, signal, null),
  });
  return { needs, folder, turns, write, jobs, sample };
}

/** Makes a small file while its asker waits. */
function direct({ needs, folder, turns, write }: Parts) {
  const { store, relational, timer } = needs;
  const files = new Map<string, string>();
  return async (call: Call<typeof file.exportReadings>) => {
    const { caller, query, signal } = call;
    const plan = await planOf(needs, caller, query, signal);
    const { from, to } = plan.query;
    if (plan.estimate.bytes > DIRECT_BYTES_MAX * DOUBT) throw notAtOnce();
    const own = [...files.values()].filter((who) => who === caller.actor);
    if (files.size >= FILES_MAX || own.length >= FILES_OF_ONE_MAX)
      throw new OperationalError('busy', 'other exports are being made or sent', { retry: true });
    const name = `${randomUUID()}.${query.format}`;
    files.set(name, caller.actor);
    const room = await folder
      .room(name, Math.min(DIRECT_BYTES_MAX, plan.estimate.bytes))
      .catch((error: unknown) => {
        files.delete(name);
        throw error;
      });
    const drop = async (): Promise<void> => {
      files.delete(name);
      await room.leave();
    };
    let bytes: number;
    try {
      const made = await write(plan, {
        ...{ path: room.path, bytesMax: DIRECT_BYTES_MAX, signal },
        turn: (work) => turns.run(caller.actor, work, signal),
        progress: (done) => room.grown(done.bytes),
      });
      ({ bytes } = made);
      await relational.audit.append(call.audited('export', plan.target, { rows: made.rows }));
    } catch (error) {
      await drop();
      throw error;
    }
    return answer(200, download(call, room.path, { timer, after: drop }), {
      ...headersOf(query.format, 'readings', bytes),
      ...incompleteHeaders(store, { of: plan.profiles, from, to }),
    });
  };
}

async function estimate(
  { needs, folder, jobs, sample }: Parts,
  { caller, query, signal }: Call<typeof file.estimate>,
): Promise<file.ExportEstimate> {
  const { estimate } = await planOf({ ...needs, sample }, caller, query, signal);
  const refusal = await Promise.resolve()
    .then(() => jobs.checkPlace(caller))
    .then(() => folder.check(estimate.bytes))
    .then(
      () => null,
      (error: unknown) => {
        if (error instanceof OperationalError && error.code !== 'query-failed')
          return { code: error.code, message: error.message };
        throw error;
      },
    );
  return { ...estimate, direct: estimate.bytes <= DIRECT_BYTES_MAX, refusal };
}

/** Sends what was made in the background. */
function fetchFile({ needs, jobs }: Parts, call: Call<typeof file.fetchFile>) {
  const { store, timer } = needs;
  const { caller, params, conditions } = call;
  const job = jobs.fetched(caller, params.id);
  const { bytes, asked, profiles, from, to } = job;
  const etag = `"${job.id}"`;
  const wanted = wantedOf(conditions, { size: bytes, tag: etag });
  const same = { etag, 'accept-ranges': 'bytes' };
  if (wanted === 'unchanged') return answer(304, null, same);
  if (wanted === 'unsatisfiable')
    return problem(416, 'no-such-range', `the file has ${bytes} bytes`, {
      ...same,
      'content-range': `bytes */${bytes}`,
    });
  const range = wanted === 'whole' ? undefined : wanted;
  const sent = range === undefined ? bytes : range.last - range.first + 1;
  const stream = download(call, job.room.path, {
    ...{ timer, ...(range === undefined ? {} : { range }) },
    after: () => {
      job.streams.delete(stream);
    },
  });
  job.streams.add(stream);
  return answer(range === undefined ? 200 : 206, stream, {
    ...headersOf(asked.format, 'readings', sent),
    ...same,
    ...(range === undefined
      ? {}
      : { 'content-range': `bytes ${range.first}-${range.last}/${bytes}` }),
    ...incompleteHeaders(store, { of: profiles, from, to }),
  });
}

const notAtOnce = (): OperationalError =>
  new OperationalError(
    'export-too-large',
    `a file of more than ${DIRECT_BYTES_MAX / MEGABYTE} MB is not made while somebody waits: POST /exports has it made`,
  );

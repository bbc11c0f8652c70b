/**
 * Files that are made in the background, each for its asker alone. What was done is there again after a restart; what was being
 * made has failed then, and says so.
 */
import { randomUUID } from 'node:crypto';
import type { ReadStream } from 'node:fs';
import type { file } from '@village/api';
import { formatTime, OperationalError, SECOND, type Timer } from '@village/core';
import { type Call, type Caller, notFound } from '@village/platform';
import type { AuditEntry } from '@village/store/relational';
import { detailOf } from '../../http/problem.ts';
import type { Needs } from '../needs.ts';
import { type ExportAsked, type ExportPlan, planOf, type Sample } from './asked.ts';
import type { Book, ExportBooks } from './books.ts';
import type { ExportFolder, Room } from './folder.ts';
import type { Writing } from './write.ts';

/** Files that lie here or are being made: of one asker, and in all. */
const OF_ONE_MAX = 4;
const ALL_MAX = 64;
/** How often is looked whether the asker still may have what is made, ms. */
const RIGHTS_EVERY_MS = 5 * SECOND;
/** What fails for the moment is tried again so often, after so long. */
const TRIES = 6;
const PAUSE_MS = 5 * SECOND;

export interface ExportJob {
  readonly id: string;
  readonly asker: { readonly actor: string; readonly role: string; readonly area: string };
  readonly asked: ExportAsked;
  /** All that is in it. */
  readonly devices: readonly string[];
  readonly profiles: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly askedAt: number;
  readonly room: Pick<Room, 'path' | 'leave'>;
  readonly gone: AbortController;
  /** Downloads of it that go on. */
  readonly streams: Set<ReadStream>;
  state: (typeof file.STATES)[number];
  progress: number;
  rows: number;
  bytes: number;
  /** When it ended, of the timer that only goes on. */
  endedAt: number | null;
  expiresAt: number | null;
  error: { readonly code: string; readonly message: string } | null;
}

export interface JobsOptions
  extends Pick<
    Needs,
    'directory' | 'relational' | 'failed' | 'fair' | 'store' | 'clock' | 'profiles'
  > {
  readonly timer: Timer;
  readonly folder: ExportFolder;
  readonly books: ExportBooks;
  readonly keepMs: number;
  readonly sample: Sample;
  /** Runs the work when it is the asker's turn, however long that takes. */
  readonly turn: <T>(who: string, work: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly write: (
    plan: ExportPlan,
    writing: Pick<Writing, 'path' | 'bytesMax' | 'signal' | 'turn' | 'progress'>,
  ) => Promise<{ rows: number; bytes: number }>;
}

export class ExportJobs {
  readonly #options: JobsOptions;
  /** Oldest first. */
  readonly #jobs = new Map<string, ExportJob>();
  readonly #running = new Set<Promise<void>>();
  readonly #ended = { done: 0, failed: 0, removed: 0 };

  constructor(options: JobsOptions) {
    this.#options = options;
    const kept = new Set<string>();
    const changed = new Set<string>();
    for (const book of options.books.read()) {
      const job = this.#found(book);
      if (this.#isOver(job)) continue;
      this.#jobs.set(job.id, job);
      if (job.state !== book.state) changed.add(job.id);
      kept.add(`${job.id}.json`);
      if (job.state === 'done') kept.add(`${job.id}.${job.asked.format}`);
    }
    options.folder.sweep(kept);
    // Written down as they are now: else each start would keep them for their time anew.
    for (const job of this.#jobs.values())
      if (changed.has(job.id)) {
        const written = this.#writeDown(job).finally(() => this.#running.delete(written));
        this.#running.add(written);
      }
  }

  /** A job from before the start. */
  #found(book: Book): ExportJob {
    const { timer, folder, keepMs } = this.#options;
    const { id, asker, asked, devices, profiles, from, to, askedAt, rows, bytes } = book;
    const name = `${id}.${asked.format}`;
    const room = book.state === 'done' ? folder.found(name, bytes) : null;
    const open = book.state === 'queued' || book.state === 'running';
    const lost = book.state === 'done' && room === null;
    if (open || lost) this.#ended.failed++;
    // Of the time that it is kept, what is left by the clock: more than all of it can't be.
    const now = timer.now();
    const expiresAt = Math.min(now + keepMs, open ? now + keepMs : (book.expiresAt ?? 0));
    return {
      ...{ id, asker, asked, devices, profiles, from, to, askedAt, rows, bytes },
      ...{ room: room ?? folder.none(name), gone: new AbortController(), streams: new Set() },
      state: open || lost ? 'failed' : book.state,
      progress: room === null ? 0 : 1,
      endedAt: timer.elapsed() - (keepMs - Math.max(0, expiresAt - now)),
      expiresAt,
      error: open ? RESTARTED : lost ? LOST : book.error,
    };
  }

  counters(): Readonly<Record<string, number>> {
    return this.#ended;
  }

  /** @throws too-many-exports, busy */
  checkPlace(caller: Caller): void {
    if (this.#of(caller).length >= OF_ONE_MAX)
      throw new OperationalError(
        'too-many-exports',
        `${OF_ONE_MAX} of your exports lie here already: remove one first`,
      );
    if (this.#jobs.size >= ALL_MAX)
      throw new OperationalError('busy', 'too many exports lie here', { retry: true });
  }

  /** Begins a file. @throws too-many-exports, busy, export-too-large, no-room, and what a bad question throws */
  async start(call: Call<typeof file.start>): Promise<ExportJob> {
    const { caller, body } = call;
    this.checkPlace(caller);
    const { timer, folder } = this.#options;
    const plan = await planOf(this.#options, caller, body, call.signal);
    const id = randomUUID();
    const room = await folder.room(`${id}.${body.format}`, plan.estimate.bytes);
    try {
      // Others may have come while the disk was asked.
      this.checkPlace(caller);
    } catch (error) {
      await room.leave();
      throw error;
    }
    const { actor, role, area } = caller;
    const { asked, query, profiles } = plan;
    const { devices, from, to } = query;
    const job: ExportJob = {
      ...{ id, asked, devices, profiles, from, to, room },
      ...{ asker: { actor, role, area }, askedAt: timer.now() },
      ...{ gone: new AbortController(), streams: new Set(), state: 'queued', progress: 0 },
      ...{ rows: plan.estimate.rows, bytes: plan.estimate.bytes },
      ...{ endedAt: null, expiresAt: null, error: null },
    };
    this.#jobs.set(id, job);
    const entry = call.audited('export', plan.target);
    const running = this.#make(job, { plan, room, entry, mayStill: call.mayStill }).finally(() =>
      this.#running.delete(running),
    );
    this.#running.add(running);
    return job;
  }

  async #make(
    job: ExportJob,
    {
      plan,
      room,
      entry,
      mayStill,
    }: { plan: ExportPlan; room: Room; entry: AuditEntry; mayStill: () => Promise<boolean> },
  ): Promise<void> {
    const { timer, folder, relational, write, failed } = this.#options;
    const { gone } = job;
    await this.#writeDown(job);
    let looked = timer.elapsed();
    try {
      const { rows, bytes } = await write(plan, {
        ...{ path: room.path, bytesMax: folder.bytesMax, signal: gone.signal },
        turn: (work) => this.#inTurn(job, work),
        progress: async ({ rows: done, bytes }) => {
          job.progress = Math.min(1, done / Math.max(1, plan.estimate.rows));
          await room.grown(bytes);
          if (timer.elapsed() - looked < RIGHTS_EVERY_MS) return;
          looked = timer.elapsed();
          if (!((await mayStill()) && this.#sees(job))) throw rightsEnded();
        },
      });
      if (!((await mayStill()) && this.#sees(job))) throw rightsEnded();
      room.settle(bytes);
      await relational.audit.append({ ...entry, detail: { rows } });
      Object.assign(job, { rows, bytes, progress: 1 });
      await this.#end(job, 'done');
    } catch (error) {
      await room.leave().catch((cause: unknown) => failed('export', cause));
      if (gone.signal.aborted) return;
      const known = error instanceof OperationalError;
      if (!known) failed('export', error);
      job.error = known
        ? { code: error.code, message: detailOf(error) }
        : { code: 'internal', message: 'the log says why' };
      await this.#end(job, 'failed');
    }
  }

  /** Keeps what is known of it over a restart. */
  async #writeDown(job: ExportJob): Promise<void> {
    const { books, failed } = this.#options;
    const { id, asker, asked, devices, profiles, from, to, askedAt, state, rows, bytes } = job;
    const { expiresAt, error } = job;
    try {
      await books.write({
        ...{ version: 1, id, asker, asked, devices: [...devices], profiles: [...profiles] },
        ...{ from, to, askedAt, state, rows, bytes, expiresAt, error },
      });
      // It may have been taken away meanwhile.
      if (!this.#jobs.has(id)) await books.remove(id);
    } catch (cause) {
      // Then a restart forgets it, as a full disk has it.
      failed('export', cause);
    }
  }

  async #end(job: ExportJob, state: 'done' | 'failed'): Promise<void> {
    const { timer, keepMs } = this.#options;
    job.state = state;
    job.endedAt = timer.elapsed();
    // As people are told; by the clock nothing is taken away.
    const endedAt = timer.now();
    job.expiresAt = endedAt + keepMs;
    this.#ended[state]++;
    await this.#writeDown(job);
  }

  /** A part of a long work: what passes is waited for. */
  async #inTurn<T>(job: ExportJob, work: () => Promise<T>): Promise<T> {
    const { turn, timer } = this.#options;
    const { signal } = job.gone;
    const begun = (): Promise<T> => {
      job.state = 'running';
      return work();
    };
    for (let tries = 1; ; tries++) {
      try {
        return await turn(job.asker.actor, begun, signal);
      } catch (error) {
        const passes = error instanceof OperationalError && error.retry;
        if (!passes || tries === TRIES || signal.aborted) throw error;
        await timer.sleep(PAUSE_MS, signal);
      }
    }
  }

  /** The caller's own. What was asked for with another role or area is nobody's any more, and goes. */
  #of({ actor, role, area }: Caller): ExportJob[] {
    const own: ExportJob[] = [];
    for (const job of [...this.#jobs.values()]) {
      const { asker } = job;
      if (asker.actor !== actor) continue;
      if (asker.role === role && asker.area === area && !this.#isOver(job)) own.push(job);
      else
        this.#drop(job, 'it is nobody’s any more').catch((error: unknown) =>
          this.#options.failed('export', error),
        );
    }
    return own;
  }

  #isOver({ endedAt }: ExportJob): boolean {
    const { timer, keepMs } = this.#options;
    return endedAt !== null && timer.elapsed() - endedAt >= keepMs;
  }

  /** Whether all that is in a file still lies in its asker's area. */
  #sees({ asker, devices }: ExportJob): boolean {
    const { directory } = this.#options;
    return devices.every((id) => directory.entry(asker.area, id) !== undefined);
  }

  /** Files of the caller, newest first. */
  list(caller: Caller): ExportJob[] {
    return this.#of(caller).reverse();
  }

  /** @throws not-found when it is not the caller's, or not any more */
  get(caller: Caller, id: string): ExportJob {
    return this.#of(caller).find((job) => job.id === id) ?? notFound('export');
  }

  /** The same, to be fetched. @throws not-found, not-done */
  fetched(caller: Caller, id: string): ExportJob {
    const job = this.get(caller, id);
    if (job.state !== 'done')
      throw new OperationalError('not-done', `the export is ${job.state}, so there is no file`);
    return this.#sees(job) ? job : notFound('export');
  }

  async remove(job: ExportJob): Promise<void> {
    this.#ended.removed++;
    await this.#drop(job, 'the export was removed');
  }

  async #drop(job: ExportJob, why: string): Promise<void> {
    this.#jobs.delete(job.id);
    job.gone.abort(new OperationalError('query-aborted', why));
    // Their disk is free when nobody reads it any more.
    for (const stream of job.streams) stream.destroy(new Error(why));
    await this.#options.books.remove(job.id);
    await job.room.leave();
  }

  /** Takes away what has lain here for its time, also where nobody asks any more. */
  async expire(): Promise<void> {
    for (const job of [...this.#jobs.values()])
      if (this.#isOver(job)) await this.#drop(job, 'the time of the export is over');
  }

  /** Ends what is being made or sent. What is done stays for the next start, which tells of the rest. */
  async close(): Promise<void> {
    const why = 'the server stops';
    for (const { gone, streams } of this.#jobs.values()) {
      gone.abort(new OperationalError('query-aborted', why));
      for (const stream of streams) stream.destroy(new Error(why));
    }
    await Promise.all(this.#running);
  }
}

const RESTARTED = {
  code: 'server-restarted',
  message: 'the server was restarted while the file was made: ask for it again',
} as const;
const LOST = {
  code: 'file-lost',
  message: 'the file was not there any more when the server started: ask for it again',
} as const;

const rightsEnded = (): OperationalError =>
  new OperationalError('rights-ended', 'who asked for it may not have it any more, or signed out');

/** A job as the interface tells it. */
export function exportView({ id, asked, askedAt, asker, ...job }: ExportJob): file.Export {
  const { format, device, area, metric, view } = asked;
  return {
    id,
    state: job.state,
    format,
    device: device ?? null,
    area: device === undefined ? (area ?? asker.area) : null,
    metric: metric ?? null,
    from: formatTime(job.from),
    to: formatTime(job.to),
    view: view ?? 'corrected',
    askedAt: formatTime(askedAt),
    progress: job.progress,
    rows: job.rows,
    bytes: job.bytes,
    expiresAt: job.expiresAt === null ? null : formatTime(job.expiresAt),
    error: job.error,
  };
}

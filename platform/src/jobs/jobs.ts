/** Runs the jobs of this process's modules when they are due, and what ticks beside them. A failure is counted and told, and ends nothing. */
import { randomUUID } from 'node:crypto';
import { MINUTE, OperationalError, SECOND } from '@village/core';
import type { RelationalAccess, SqlEngine } from '@village/store/relational';
import type { Job, Platform, Tick } from '../module.ts';
import { JobRows, type JobState } from './job-table.ts';

/** How long a job is held without a sign of life. */
const LEASE_MS = MINUTE;
/** Other processes and clocks that are set are noticed this soon. */
const LOOK_MS = 2 * SECOND;
/** How often a running job holds on and says how far it is. */
const RENEW_MS = 5 * SECOND;

export interface JobsOptions extends Pick<Platform, 'timer' | 'failed'> {
  readonly relational: RelationalAccess & { readonly engine: SqlEngine };
  readonly jobs: readonly Job[];
  readonly ticks?: readonly Tick[];
  /** The process's name in leases. */
  readonly owner?: string;
  readonly leaseMs?: number;
}

/** What a run holds. */
interface Lease {
  /** When it was last asked for with success, in the time of durations. */
  heldAt: number;
  readonly over: AbortSignal;
  readonly lost: AbortController;
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #rows: JobRows;
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: JobsOptions) {
    this.#options = options;
    const kinds = [...options.jobs, ...(options.ticks ?? [])].map(({ kind }) => kind);
    if (new Set(kinds).size !== kinds.length)
      throw new Error(`BUG: two jobs are of one kind: ${kinds.join(', ')}`);
    const { relational, owner = randomUUID(), leaseMs = LEASE_MS } = options;
    this.#rows = new JobRows(relational, owner, leaseMs);
  }

  /** Runs until the signal; resolves when what was under way has ended. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#schedule(signal),
      ...(this.#options.ticks ?? []).map((tick) => this.#repeat(tick, signal)),
    ]);
    await Promise.all(this.#running.values());
  }

  async #repeat({ kind, everyMs, run }: Tick, signal: AbortSignal): Promise<void> {
    while (!signal.aborted)
      try {
        await this.#options.timer.sleep(everyMs, signal);
        await run();
      } catch (error) {
        if (!signal.aborted) this.#options.failed(kind, error);
      }
  }

  async #schedule(signal: AbortSignal): Promise<void> {
    const { timer, jobs } = this.#options;
    let declared = false;
    while (!signal.aborted) {
      let wait = LOOK_MS;
      try {
        if (!declared)
          for (const { kind, title, schedule } of jobs)
            await this.#rows.declare(kind, title, schedule.next(timer.now()));
        declared = true;
        wait = await this.#look(signal);
      } catch (error) {
        this.#options.failed('jobs', error);
      }
      // An abort is the end of the loop, not a fault.
      await timer.sleep(wait, signal).catch(() => undefined);
    }
  }

  /** Starts what is due, and returns how long to wait before the next look. */
  async #look(signal: AbortSignal): Promise<number> {
    const { timer, jobs } = this.#options;
    const times = await this.#rows.times(jobs.map(({ kind }) => kind));
    let wait = LOOK_MS;
    for (const job of jobs) {
      const { kind, schedule } = job;
      if (this.#running.has(kind) || signal.aborted) continue;
      const now = timer.now();
      const latest = schedule.next(now);
      const at = times.get(kind) ?? latest;
      // Planned by a clock that was ahead.
      if (at > latest) await this.#rows.setTime(kind, latest);
      if (at <= now) await this.#begin(job, signal);
      wait = Math.min(wait, Math.max(at <= now ? LOOK_MS : at - now, 1));
    }
    return wait;
  }

  /** Starts a job that is due, unless somebody else holds it. */
  async #begin(job: Job, signal: AbortSignal): Promise<void> {
    const { kind } = job;
    const heldAt = this.#options.timer.elapsed();
    if (await this.#rows.claim(kind, this.#options.timer.now())) {
      const running = this.#runJob(job, heldAt, signal).finally(() => this.#running.delete(kind));
      this.#running.set(kind, running);
    } else await this.#rows.shortenLease(kind);
  }

  async #runJob(job: Job, heldAt: number, stop: AbortSignal): Promise<void> {
    const { timer } = this.#options;
    const lost = new AbortController();
    const over = new AbortController();
    const signal = AbortSignal.any([stop, lost.signal]);
    let progress: JobState['progress'] = null;
    const lease: Lease = { heldAt, over: over.signal, lost };
    const holding = Promise.all([this.#hold(job.kind, lease, () => progress), this.#watch(lease)]);
    let fault: string | null = null;
    try {
      await job.run({
        signal,
        progress: (done, total) => {
          progress = { done, total };
        },
        hold: async (tx) => {
          if (!signal.aborted && (await this.#rows.holdIn(tx, job.kind))) return;
          lost.abort();
          throw new OperationalError('job-taken-over', `another process runs ${job.kind} now`);
        },
      });
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
      if (!stop.aborted) this.#options.failed(job.kind, error);
    }
    over.abort();
    await holding;
    const now = timer.now();
    try {
      if (progress !== null) await this.#rows.renew(job.kind, progress);
      // What the stop of this process cut short is due again at once.
      if (fault !== null && stop.aborted) await this.#rows.release(job.kind);
      else await this.#rows.end(job.kind, now, job.schedule.next(now), fault);
    } catch (error) {
      // The lease runs out by itself, and the job runs again.
      this.#options.failed('jobs', error);
    }
  }

  /** Keeps the lease while a job runs and it is not lost. */
  async #hold(kind: string, lease: Lease, progress: () => JobState['progress']): Promise<void> {
    const { timer } = this.#options;
    while (await this.#waits(RENEW_MS, lease)) {
      const asked = timer.elapsed();
      try {
        if (await this.#rows.renew(kind, progress())) lease.heldAt = asked;
        else lease.lost.abort();
      } catch (error) {
        this.#options.failed('jobs', error);
      }
    }
  }

  /** Gives the job up when its lease has run out, whatever the database says or does not say: another may hold it now. */
  async #watch(lease: Lease): Promise<void> {
    const { timer, leaseMs = LEASE_MS } = this.#options;
    while (await this.#waits(SECOND, lease))
      if (timer.elapsed() - lease.heldAt >= leaseMs) lease.lost.abort();
  }

  /** Waits a while, less when leases are short; false when nothing is held any more. */
  #waits(ms: number, { over, lost }: Lease): Promise<boolean> {
    const { timer, leaseMs = LEASE_MS } = this.#options;
    const ended = AbortSignal.any([over, lost.signal]);
    if (ended.aborted) return Promise.resolve(false);
    return timer.sleep(Math.min(ms, leaseMs / 3), ended).then(
      () => true,
      () => false,
    );
  }
}

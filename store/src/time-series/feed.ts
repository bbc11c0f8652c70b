/**
 * Feeds the archive from the journal: the one reader that commits may have to wait for. What an archive loses is given
 * again from its durable place on; a query waits until the archive has seen what was acknowledged before it.
 */
import { OperationalError } from '@village/core';
import type { Archive, ArchiveHost } from '../archive/contract.ts';
import type { JournalCore } from '../journal/journal.ts';
import { ReaderWaits } from '../journal/reader-waits.ts';
import type { Follower } from '../journal/readers.ts';

/** Name of the archive among the journal's readers. */
export const ARCHIVE_READER = 'archive';
/** Groups and bytes given at once. */
const GROUPS_MAX = 64;
const BYTES_MAX = 8 * 1024 * 1024;
/** Pause after a fault, doubled each time. */
const RETRY_MS = 100;
const RETRY_MS_MAX = 10_000;

/** The way from the journal into one archive. */
export class ArchiveFeed {
  readonly host: ArchiveHost;
  readonly #journal: JournalCore;
  readonly #stop = new AbortController();
  #archive: Archive | null = null;
  #running: Promise<void> = Promise.resolve();
  /** Ends when what was given has to be given again. */
  #round = new AbortController();
  #takenUpTo = 0;
  #fault: OperationalError | null = null;
  readonly #waits = new ReaderWaits(
    () =>
      new OperationalError('archive-behind', 'The archive is still catching up.', { retry: true }),
  );
  #retryMs = RETRY_MS;
  /** Times that the archive lost what it was given. */
  #losses = 0;

  constructor(journal: JournalCore) {
    this.#journal = journal;
    const { timer, log } = journal.settings;
    this.host = {
      timer,
      report: log,
      durable: (group) => this.#durable(group),
      lost: (error) => this.#lost(error),
    };
  }

  start(archive: Archive): void {
    this.#archive = archive;
    this.#takenUpTo = this.#place(archive);
    this.#running = this.#run(archive);
  }

  /** Why the archive takes nothing, or null. */
  get fault(): OperationalError | null {
    return this.#fault;
  }

  /** The place after which groups are given. */
  #place(archive: Archive): number {
    const { readers } = this.#journal;
    return archive.durableUpTo ?? readers.holdOf(ARCHIVE_READER) ?? readers.trimmedUpTo;
  }

  #durable(group: number): void {
    if (this.#journal.readers.holdOf(ARCHIVE_READER) !== null)
      this.#journal.hold(ARCHIVE_READER, group);
  }

  #lost(error: OperationalError): void {
    this.#losses++;
    this.#fail(error);
    this.#takenUpTo = this.#archive === null ? 0 : this.#place(this.#archive);
    this.#round.abort();
  }

  #fail(error: OperationalError): void {
    this.#fault = error;
    this.#waits.fail(error);
  }

  async #run(archive: Archive): Promise<void> {
    const { settings } = this.#journal;
    let resume = 0;
    while (!this.#stop.signal.aborted) {
      this.#round = new AbortController();
      const signal = AbortSignal.any([this.#stop.signal, this.#round.signal]);
      // Asked for only now: while this one paused a flush may have ended, and what it holds been deleted from the log.
      const place = { journal: this.#journal.id, group: Math.max(resume, this.#place(archive)) };
      let follower: Follower | null = null;
      try {
        follower = this.#journal.follow(ARCHIVE_READER, place, { signal });
        await this.#giveAll(archive, follower, signal);
      } catch (error) {
        resume = this.#resumeAfter(error as Error);
        await settings.timer.sleep(this.#retryMs, this.#stop.signal).catch(() => undefined);
        this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
      } finally {
        await follower?.return();
      }
    }
    this.#fail(new OperationalError('store-closed', 'The store is closed.'));
  }

  async #giveAll(archive: Archive, follower: Follower, signal: AbortSignal): Promise<void> {
    for (;;) {
      const groups = await follower.batch(GROUPS_MAX, BYTES_MAX);
      if (groups === null) return;
      const durable = await archive.take(groups, signal);
      if (signal.aborted) return;
      this.#taken(groups.at(-1)!.id);
      this.#durable(durable);
    }
  }

  #taken(group: number): void {
    this.#takenUpTo = group;
    this.#retryMs = RETRY_MS;
    if (this.#fault !== null) {
      this.#fault = null;
      this.host.report('info', 'the archive takes groups again');
    }
    this.#waits.taken(group);
  }

  /** Before which group nothing is asked for any more: 0, but after a part of the journal that is gone. */
  #resumeAfter(error: Error): number {
    if (this.#stop.signal.aborted || this.#round.signal.aborted) return 0;
    const fault =
      error instanceof OperationalError
        ? error
        : new OperationalError('archive-failed', error.message, { retry: true, cause: error });
    if (this.#fault?.message !== fault.message)
      this.host.report('error', 'the archive does not take groups', {
        code: fault.code,
        reason: fault.message,
      });
    this.#fail(fault);
    // What the journal no longer has can't be given; the operator was told.
    return 'resume' in fault ? (fault.resume as { group: number }).group : 0;
  }

  /**
   * Resolves when the archive has taken everything that was committed before the call.
   * @throws archive-behind, query-aborted, and the fault that keeps the archive from taking
   */
  async visible(signal?: AbortSignal): Promise<void> {
    const target = this.#journal.head;
    if (this.#takenUpTo >= target) return;
    if (this.#fault !== null) throw this.#fault;
    await this.#waits.until(target, signal);
  }

  /**
   * Runs a query over everything that was committed before the call. What the archive lost while the query ran may lack in
   * its answer, which is not given then.
   * @throws archive-behind, query-aborted, and the fault that keeps the archive from taking
   */
  async ask<T>(query: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.visible(signal);
    const losses = this.#losses;
    const answer = await query();
    this.#expectNoLoss(losses);
    return answer;
  }

  /** The same of an answer that comes in parts: none of them is given that may lack something. */
  async *stream<T>(query: () => AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
    await this.visible(signal);
    const losses = this.#losses;
    for await (const part of query()) {
      this.#expectNoLoss(losses);
      yield part;
    }
    this.#expectNoLoss(losses);
  }

  #expectNoLoss(losses: number): void {
    if (this.#losses !== losses)
      throw new OperationalError('archive-behind', 'The archive lost rows while it was asked.', {
        retry: true,
      });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

/**
 * Moves frames from the journal to files: a reader that keeps its place in the files themselves. What is not in a file is
 * in memory and in the journal, so that a kill costs nothing and stores nothing twice.
 */
import { MINUTE, OperationalError } from '@village/core';
import type { MissedSpan, ReaderCutOff, ReceivedFrame } from '../journal/contract.ts';
import { weightOf } from '../journal/frame-section.ts';
import type { JournalCore } from '../journal/journal.ts';
import { ReaderWaits } from '../journal/reader-waits.ts';
import type { Follower } from '../journal/readers.ts';
import { compareFrames, compareTexts } from './frame-file.ts';
import type { FrameFiles } from './frame-files.ts';

/** Name of the frames among the journal's readers. */
export const FRAMES_READER = 'frames';
const GROUPS_MAX = 64;
const BYTES_MAX = 4 * 1024 * 1024;
/** Frames in memory: so many bytes, what is about them included, or so old. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
const WAITING_MS_MAX = 15 * MINUTE;
const RETRY_MS = 100;
const RETRY_MS_MAX = 10_000;
/** Key of the spans that were missed, in the journal's table `state`. */
const STATE_MISSED = 'frames-missed';
const MISSED_MAX = 1_000;

/** Journal that may wait for the frames; beyond it what waits is given up, counted and told. */
export const FRAMES_LAG_MAX = 2 * 1024 * 1024 * 1024;

export interface FeedOptions {
  readonly lagMax?: number;
}

export class FrameFeed {
  readonly #journal: JournalCore;
  readonly #files: FrameFiles;
  readonly #lagMax: number;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #waiting = new Map<string, ReceivedFrame[]>();
  /** What is being written: still to be found, and no longer added to. */
  #leaving = new Map<string, ReceivedFrame[]>();
  #count = 0;
  #bytes = 0;
  /** Journal that is held for what is in memory. */
  #journalBytes = 0;
  #oldestAt = 0;
  #takenUpTo: number;
  #missed: MissedSpan[];
  #missedSaved = true;
  #writing: Promise<void> = Promise.resolve();
  /** The last attempt to write a file failed, so that it may take long until all is taken. */
  #refused = false;
  readonly #waits = new ReaderWaits(
    () =>
      new OperationalError('frames-behind', 'The frames are still catching up.', { retry: true }),
  );
  writeFailures = 0;

  constructor(journal: JournalCore, files: FrameFiles, { lagMax = FRAMES_LAG_MAX }: FeedOptions) {
    this.#journal = journal;
    this.#files = files;
    this.#lagMax = lagMax;
    const { readers, db } = journal;
    // Groups without frames are let go without a file; files are ahead of the hold after a kill.
    this.#takenUpTo = Math.max(files.place, readers.holdOf(FRAMES_READER) ?? readers.trimmedUpTo);
    this.#missed = JSON.parse(String(db.state(STATE_MISSED) ?? '[]')) as MissedSpan[];
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Frames that are not in a file. */
  get count(): number {
    return this.#count;
  }

  /** Spans of receive time that were given up. */
  get missed(): readonly MissedSpan[] {
    return this.#missed;
  }

  /** Frames of a device that are not in a file. */
  waitingOf(device: string): readonly ReceivedFrame[] {
    return [...(this.#leaving.get(device) ?? []), ...(this.#waiting.get(device) ?? [])];
  }

  async #run(): Promise<void> {
    const { settings } = this.#journal;
    const { signal } = this.#stop;
    let retryMs = RETRY_MS;
    let told = '';
    while (!signal.aborted)
      try {
        this.#saveMissed();
        await this.#follow(signal, () => {
          retryMs = RETRY_MS;
          told = '';
          this.#refused = false;
        });
      } catch (error) {
        if (isCutOff(error)) this.#cutOff(error);
        else {
          const reason = (error as Error).message;
          if (reason !== told)
            settings.log('error', 'frames can not be moved to files; it is tried again', {
              reason,
            });
          told = reason;
          this.#refused = true;
          // Nobody waits for a disk: what is not taken is told as missing.
          this.#waits.taken(Number.POSITIVE_INFINITY);
          await settings.timer.sleep(retryMs, signal).catch(() => undefined);
          retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
        }
      }
  }

  async #follow(signal: AbortSignal, wentOn: () => void): Promise<void> {
    // What could not be written before has to be, or memory would not stay bounded.
    if (this.#bytes >= WAITING_BYTES_MAX) await this.flush();
    const place = { journal: this.#journal.id, group: this.#takenUpTo };
    const follower: Follower = this.#journal.follow(FRAMES_READER, place, {
      lagMax: this.#lagMax,
      signal,
    });
    try {
      for (;;) {
        const groups = await follower.batch(GROUPS_MAX, BYTES_MAX);
        if (groups === null) return;
        for (const { frames, bytes } of groups) {
          for (const frame of frames) this.#add(frame);
          if (this.#count > 0) this.#journalBytes += bytes;
        }
        this.#taken(groups.at(-1)!.id);
        if (this.#isDue()) await this.flush();
        this.#release();
        wentOn();
      }
    } finally {
      await follower.return();
    }
  }

  #add(frame: ReceivedFrame): void {
    const known = this.#waiting.get(frame.device);
    if (known === undefined) this.#waiting.set(frame.device, [frame]);
    else known.push(frame);
    if (this.#count === 0) this.#oldestAt = this.#journal.settings.timer.elapsed();
    this.#count++;
    this.#bytes += weightOf(frame);
  }

  #isDue(): boolean {
    const age = this.#journal.settings.timer.elapsed() - this.#oldestAt;
    if (this.#count === 0) return false;
    // Few frames among many readings: the journal is not to be held for them.
    const holdsMuch = this.#journalBytes >= this.#lagMax / 8;
    return this.#bytes >= WAITING_BYTES_MAX || age >= WAITING_MS_MAX || holdsMuch;
  }

  #taken(group: number): void {
    this.#takenUpTo = group;
    this.#waits.taken(group);
  }

  /** The journal may forget what is in files, and what held no frames. */
  #release(): void {
    if (this.#count === 0 && this.#journal.readers.holdOf(FRAMES_READER) !== null)
      this.#journal.hold(FRAMES_READER, this.#takenUpTo);
  }

  /** Writes what is in memory to a file. */
  flush(): Promise<void> {
    const written = this.#writing.then(() => this.#flush());
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #flush(): Promise<void> {
    if (this.#count === 0) return;
    const group = this.#takenUpTo;
    const leaving = this.#waiting;
    this.#leaving = leaving;
    this.#waiting = new Map();
    const frames = [...leaving.keys()]
      .sort(compareTexts)
      .flatMap((device) => leaving.get(device)!.sort(compareFrames));
    const bytes = this.#bytes;
    try {
      await this.#files.add(frames, { journal: this.#journal.id, group });
    } catch (error) {
      this.writeFailures++;
      for (const [device, later] of this.#waiting)
        leaving.set(device, [...(leaving.get(device) ?? []), ...later]);
      this.#waiting = leaving;
      throw error;
    } finally {
      this.#leaving = new Map();
    }
    this.#count -= frames.length;
    this.#bytes -= bytes;
    this.#journalBytes = 0;
    this.#oldestAt = this.#journal.settings.timer.elapsed();
    this.#journal.hold(FRAMES_READER, group);
  }

  #cutOff({ missed, resume }: ReaderCutOff): void {
    this.#missed.push(missed);
    // The oldest two become one, so that nothing is ever said to be there that is not.
    if (this.#missed.length > MISSED_MAX) {
      const [first, second] = this.#missed.splice(0, 2) as [MissedSpan, MissedSpan];
      this.#missed.unshift({ from: first.from, to: Math.max(first.to, second.to) });
    }
    // The next round saves it, and again until the disk takes it.
    this.#missedSaved = false;
    this.#taken(resume.group);
  }

  /** Frames of then would be deleted by now. */
  forgetMissed(before: number): void {
    const kept = this.#missed.filter(({ to }) => to >= before);
    if (kept.length === this.#missed.length) return;
    this.#missed = kept;
    this.#missedSaved = false;
    this.#saveMissed();
  }

  #saveMissed(): void {
    if (this.#missedSaved) return;
    this.#journal.db.setState(STATE_MISSED, JSON.stringify(this.#missed));
    this.#missedSaved = true;
  }

  /**
   * Resolves when the frames of everything that was committed before the call can be found; while files can't be written
   * at once, with the times of receipt of those that wait in the journal alone.
   * @throws frames-behind, query-aborted
   */
  async visible(signal?: AbortSignal): Promise<MissedSpan | null> {
    const target = this.#journal.head;
    if (this.#takenUpTo < target && !this.#refused) await this.#waits.until(target, signal);
    if (this.#takenUpTo >= target) return null;
    const { spans, committedAt } = this.#journal;
    const span = spans.receivedAfter(this.#takenUpTo);
    return span && { from: span.from, to: Math.max(span.to, committedAt) };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#writing;
  }
}

const isCutOff = (error: unknown): error is ReaderCutOff =>
  error instanceof OperationalError && error.code === 'reader-cut-off';

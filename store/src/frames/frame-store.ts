/** Puts the frame store together: files, what is not in them yet, and pins. */
import { join } from 'node:path';
import { OperationalError } from '@village/core';
import type { MissedSpan, ReceivedFrame } from '../journal/contract.ts';
import type { JournalCore } from '../journal/journal.ts';
import type { FoundFrames, FrameCounters, FrameStore, Pin } from './contract.ts';
import { sortedOnce, type Wanted } from './first-frames.ts';
import { type FeedOptions, FrameFeed } from './frame-feed.ts';
import { FrameFiles, receivedAbout } from './frame-files.ts';
import { Pins } from './pins.ts';

/** Folder of the frames inside the store's. */
export const FRAMES_FOLDER = 'frames';
/** Times that a query begins anew since files were joined under it. */
const ATTEMPTS = 5;

export class Frames implements FrameStore {
  readonly #journal: JournalCore;
  readonly #files: FrameFiles;
  readonly #feed: FrameFeed;
  readonly #pins: Pins;
  /** Joining and deleting don't meet. */
  #tidying: Promise<unknown> = Promise.resolve();
  #deleting: Promise<unknown> = Promise.resolve();

  private constructor(journal: JournalCore, files: FrameFiles, feed: FrameFeed, pins: Pins) {
    this.#journal = journal;
    this.#files = files;
    this.#feed = feed;
    this.#pins = pins;
  }

  static async open(journal: JournalCore, options: FeedOptions): Promise<Frames> {
    const folder = join(journal.settings.folder, FRAMES_FOLDER);
    const files = await FrameFiles.open(folder, journal.id, journal.settings.log);
    const feed = new FrameFeed(journal, files, options);
    const pins = await Pins.open(folder);
    feed.start();
    return new Frames(journal, files, feed, pins);
  }

  async find(
    device: string,
    from: number,
    to: number,
    limit: number,
    signal?: AbortSignal,
  ): Promise<FoundFrames> {
    const behind = await this.#feed.visible(signal);
    // Memory first: a frame that moves to a file meanwhile is found twice, not never.
    const waiting = this.#feed
      .waitingOf(device)
      .filter((frame) => frame.at >= from && frame.at < to);
    const wanted = {
      device,
      from,
      to,
      limit: limit + 1,
      ...(signal === undefined ? {} : { signal }),
    };
    const { frames, damaged } = await this.#inFiles(wanted);
    const all = await sortedOnce([...frames, ...waiting]);
    const missed = [...this.#feed.missed, ...(behind === null ? [] : [behind])];
    const missing = [
      ...missed.filter((span) => receivedAbout(span, from, to)),
      ...this.#files.damagedAbout(from, to),
      ...damaged,
    ];
    const { frameBudget } = this.#journal.writer;
    return {
      frames: all.slice(0, limit),
      more: all.length > limit,
      missing: unique([...missing, ...frameBudget.notKept(device, from, to)]),
    };
  }

  async #inFiles(wanted: Wanted): Promise<{ frames: ReceivedFrame[]; damaged: MissedSpan[] }> {
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#files.find(wanted);
      } catch (error) {
        const moved = error instanceof OperationalError && error.code === 'frames-moved';
        if (!moved || attempt === ATTEMPTS) throw error;
      }
  }

  async pin(pin: Pin): Promise<void> {
    // What a deletion under way has passed by already would go in spite of the pin.
    await this.#deleting;
    await this.#pins.add(pin);
  }

  async retain(before: number): Promise<{ files: number }> {
    this.#pins.expectReadable();
    this.#feed.forgetMissed(before);
    this.#journal.writer.frameBudget.forget(before);
    const done = this.#alone(async () => {
      await this.#pins.written();
      return this.#files.retain(before, (frame) => this.#pins.holds(frame));
    });
    this.#deleting = done.catch(() => undefined);
    return { files: await done };
  }

  compact(now: number): Promise<{ compacted: number }> {
    return this.#alone(() => this.#files.compact(now));
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tidying.then(work);
    this.#tidying = done.catch(() => undefined);
    return done;
  }

  /** A copy that holds the frames of everything committed before the call. */
  async backup(folder: string): Promise<void> {
    // What is not in files is in the copy of the journal, which was made before: a disk that refuses keeps no backup from being made.
    await this.#feed.flush().catch(() => undefined);
    await this.#alone(async () => {
      await this.#files.copyTo(folder);
      await this.#pins.copyTo(folder);
    });
  }

  flush(): Promise<void> {
    return this.#feed.flush();
  }

  counters(): FrameCounters {
    const { writer } = this.#journal;
    return {
      kept: writer.frames,
      tooLarge: writer.framesTooLarge,
      overBudget: writer.frameBudget.refused,
      waiting: this.#feed.count,
      files: this.#files.count,
      bytes: this.#files.bytes,
      missedSpans: this.#feed.missed.length,
      filesDamaged: this.#files.damaged,
      blocksDamaged: this.#files.blocksDamaged,
      writeFailures: this.#feed.writeFailures,
    };
  }

  async close(): Promise<void> {
    await this.#feed.close();
    await this.#tidying;
  }
}

function unique(spans: readonly MissedSpan[]): MissedSpan[] {
  return [...new Map(spans.map(({ from, to }) => [`${from}-${to}`, { from, to }])).values()];
}

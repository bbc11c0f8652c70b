/**
 * How fast files of readings are written. The log is synced many times a second on what is often the same disk, and a sync
 * waits for whatever the system has to write then: so little may ever wait to be written.
 */
import type { FileHandle } from 'node:fs/promises';
import type { Timer } from '@village/core';

/** Bytes that the system may hold unwritten of a file. */
export const UNSYNCED_MAX = 4 * 1024 * 1024;

/** One pace for all who write. */
export class Pace {
  readonly #timer: Pick<Timer, 'elapsed' | 'sleep'>;
  readonly #bytesPerMs: number;
  /** When the bytes granted so far are written, at this pace. */
  #until = 0;

  constructor(timer: Pick<Timer, 'elapsed' | 'sleep'>, bytesPerSecond: number) {
    this.#timer = timer;
    this.#bytesPerMs = bytesPerSecond / 1_000;
  }

  /** Resolves when so many bytes may be written. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#timer.elapsed();
    const begin = Math.max(this.#until, now);
    this.#until = begin + bytes / this.#bytesPerMs;
    if (begin > now) await this.#timer.sleep(begin - now, signal);
    signal.throwIfAborted();
  }
}

/** A file that grows at that pace. */
export class PacedFile {
  readonly #file: FileHandle;
  readonly #pace: Pace;
  readonly #signal: AbortSignal;
  #unsynced = 0;
  bytes = 0;

  constructor(file: FileHandle, pace: Pace, signal: AbortSignal) {
    this.#file = file;
    this.#pace = pace;
    this.#signal = signal;
  }

  async append(piece: Uint8Array): Promise<void> {
    await this.#pace.take(piece.length, this.#signal);
    for (let at = 0; at < piece.length; )
      at += (await this.#file.write(piece, at, piece.length - at)).bytesWritten;
    this.bytes += piece.length;
    this.#unsynced += piece.length;
    if (this.#unsynced >= UNSYNCED_MAX) await this.sync();
  }

  async sync(): Promise<void> {
    this.#unsynced = 0;
    await this.#file.datasync();
  }
}

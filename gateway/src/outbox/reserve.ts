/**
 * Room on the disk that the outbox owns in advance. On a full disk SQLite can't put its log into its file, and without that
 * it can neither add nor delete: what was sent would never make room. The reserve is given up for that.
 */
import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Reserve {
  readonly #folder: string;
  readonly #path: string;
  readonly #bytes: number;

  constructor(folder: string, bytes: number) {
    this.#folder = folder;
    this.#path = join(folder, 'reserve');
    this.#bytes = bytes;
  }

  /** The disk has less free than would be put aside. */
  get scarce(): boolean {
    return this.#free() < this.#bytes;
  }

  /** The disk has enough free to put the reserve aside and go on. */
  get ample(): boolean {
    return this.#free() >= 3 * this.#bytes;
  }

  /** Puts it aside, unless it is; false when there is no room for it. */
  keep(): boolean {
    if (existsSync(this.#path)) return true;
    if (this.#free() < this.#bytes) return false;
    try {
      writeFileSync(this.#path, Buffer.alloc(this.#bytes));
      return true;
    } catch (error) {
      // A disk that fills up meanwhile: a part of it is of no use.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      this.give();
      return false;
    }
  }

  give(): void {
    rmSync(this.#path, { force: true });
  }

  #free(): number {
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize;
  }
}

/** The folder of files that are being made and fetched: how much lies there is bounded, and what the log may need stays free. */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '@village/core';

/** Names that only this module gives; what else lies there is somebody's own. */
const OWN_NAME = /^[0-9a-f-]{36}\.(csv|parquet|json)(\.\w+)*$/;

export interface FolderOptions {
  readonly path: string;
  /** Bytes that files may take together. */
  readonly bytesMax: number;
  /** Free disk that no file may take. */
  readonly keptFree: number;
}

/** Room that a file has. */
export interface Room {
  readonly path: string;
  /** Says how much lies there by now. @throws export-too-large, busy, no-room when that, or what is to come, is too much */
  grown(bytes: number): Promise<void>;
  /** Says how large the file is that is there now. */
  settle(bytes: number): void;
  /** Takes the file away. */
  leave(): Promise<void>;
}

export class ExportFolder {
  readonly #options: FolderOptions;
  /** Bytes of each file: what is expected of it, or more once more lies there. */
  readonly #files = new Map<string, number>();

  constructor(options: FolderOptions) {
    this.#options = options;
    mkdirSync(options.path, { recursive: true });
  }

  /** Takes away what lies there from before and is none of these: nobody knows any more whose it was. */
  sweep(kept: ReadonlySet<string>): void {
    const { path } = this.#options;
    for (const name of readdirSync(path))
      if (OWN_NAME.test(name) && !kept.has(name)) rmSync(join(path, name), { force: true });
  }

  /** A file from before; null when it is not there, or not whole. */
  found(name: string, bytes: number): Room | null {
    const path = join(this.#options.path, name);
    if (statSync(path, { throwIfNoEntry: false })?.size !== bytes) return null;
    return this.#roomOf(path, bytes);
  }

  /** Room of a file that is not there and will not be. */
  none(name: string): Pick<Room, 'path' | 'leave'> {
    return { path: join(this.#options.path, name), leave: async () => undefined };
  }

  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  get files(): number {
    return this.#files.size;
  }

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** @throws export-too-large, no-room, busy as `room` would */
  async check(expected: number): Promise<void> {
    if ((await this.free()) < expected) throw noRoom(expected);
    this.#check(expected, this.bytes + expected);
  }

  /** Bytes that the disk has beyond what is kept free. */
  async free(): Promise<number> {
    const { path, keptFree } = this.#options;
    const { bavail, bsize } = await statfs(path).catch((cause: unknown) => {
      throw new OperationalError('query-failed', 'The folder can not be asked for its room.', {
        cause,
      });
    });
    return bavail * bsize - keptFree;
  }

  /** @throws export-too-large, busy when one file or all would have so many bytes */
  #check(one: number, all: number): void {
    const { bytesMax } = this.#options;
    if (one > bytesMax)
      throw new OperationalError(
        'export-too-large',
        `the file would have about ${megabytes(one)} MB, more than ${megabytes(bytesMax)} MB: ` +
          'ask for less time, fewer devices or single metrics',
      );
    if (all > bytesMax)
      throw new OperationalError('busy', 'files of others take the room for exports', {
        retry: true,
      });
  }

  /**
   * Room for a file of about so many bytes.
   * @throws export-too-large, no-room, and busy while others' files lie there
   */
  async room(name: string, expected: number): Promise<Room> {
    const { path: folder } = this.#options;
    await this.check(expected);
    // Others may have come while the disk was asked.
    this.#check(expected, this.bytes + expected);
    return this.#roomOf(join(folder, name), expected);
  }

  #roomOf(path: string, expected: number): Room {
    this.#files.set(path, expected);
    const grown = async (bytes: number): Promise<void> => {
      this.#files.set(path, Math.max(bytes, this.#files.get(path) ?? 0));
      this.#check(bytes, this.bytes);
      const missing = Math.max(0, expected - bytes);
      if ((await this.free()) < missing) throw noRoom(missing);
    };
    const settle = (bytes: number): void => {
      this.#files.set(path, bytes);
    };
    const leave = async (): Promise<void> => {
      await rm(path, { force: true });
      this.#files.delete(path);
    };
    return { path, grown, settle, leave };
  }
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1e6);

const noRoom = (bytes: number): OperationalError =>
  new OperationalError(
    'no-room',
    `the disk has no room for ${megabytes(bytes)} MB more beside what readings need: ask for less, or have room made`,
  );

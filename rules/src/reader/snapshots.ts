/**
 * Snapshots of the engine as files: each names the journal and the last group that is in it. The newest two are kept, so that a damaged
 * one, or a database that was brought back by some minutes, costs a longer replay and nothing else.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError, Slices } from '@village/core';
import { recordOf, recordsIn, type StatePart } from '../engine/index.ts';
import { DIGEST_BYTES, SNAPSHOT_VERSION } from '../engine/snapshot.ts';

/** Snapshots that are kept. */
const KEPT = 2;
const NAME = /^(\d+)\.snapshot$/;
const HASHED_AT_ONCE = 64 * 1024;

interface Head {
  readonly version: number;
  readonly journal: string;
  readonly group: number;
}

export interface Snapshot {
  readonly group: number;
  /** The engine's state, part by part. */
  readonly parts: Iterable<StatePart>;
}

export interface SnapshotsOptions {
  readonly folder: string;
  readonly journal: string;
  /** Told of one that can't be used. */
  readonly unusable: (error: unknown) => void;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  /** Groups of those that are kept, the newest first. */
  #groups: readonly number[] = [];
  /** Bytes of the newest. */
  bytes = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  #path(group: number): string {
    return join(this.#options.folder, `${group}.snapshot`);
  }

  /** The oldest group of which one is kept; null without one. What follows it is needed to start again. */
  get oldest(): number | null {
    return this.#groups.at(-1) ?? null;
  }

  /** The newest of this journal that can be read and holds nothing beyond a group; null without one. What can't be used is deleted. */
  async newest(upTo: number): Promise<Snapshot | null> {
    const groups = await this.#list();
    this.#groups = groups.filter((group) => group <= upTo).slice(0, KEPT);
    for (const group of groups)
      if (!this.#groups.includes(group)) await rm(this.#path(group), { force: true });
    for (const group of this.#groups) {
      try {
        return await this.#read(group);
      } catch (error) {
        this.#options.unusable(error);
        await this.#drop(group);
      }
    }
    return null;
  }

  async #list(): Promise<number[]> {
    await mkdir(this.#options.folder, { recursive: true });
    const groups: number[] = [];
    for (const name of await readdir(this.#options.folder)) {
      const group = NAME.exec(name)?.[1];
      if (group !== undefined) groups.push(Number(group));
      // What was being written when the process ended.
      else if (name.endsWith('.tmp')) await rm(join(this.#options.folder, name), { force: true });
    }
    return groups.sort((a, b) => b - a);
  }

  async #drop(group: number): Promise<void> {
    this.#groups = this.#groups.filter((one) => one !== group);
    await rm(this.#path(group), { force: true });
  }

  async #read(group: number): Promise<Snapshot> {
    const bytes = await readFile(this.#path(group));
    const damaged = (why: string): never => {
      throw new OperationalError('snapshot-damaged', `${this.#path(group)}: ${why}`);
    };
    if (bytes.length < DIGEST_BYTES) damaged('it is cut off');
    const body = bytes.subarray(0, -DIGEST_BYTES);
    const hash = createHash('sha256');
    const slices = new Slices();
    for (let at = 0; at < body.length; at += HASHED_AT_ONCE) {
      hash.update(body.subarray(at, at + HASHED_AT_ONCE));
      if (slices.over) await slices.next();
    }
    if (!hash.digest().equals(bytes.subarray(-DIGEST_BYTES))) damaged('its checksum is another');
    const records = recordsIn(body);
    const head = records.next().value as Head;
    if (head.version !== SNAPSHOT_VERSION) damaged(`it is of version ${head.version}`);
    if (head.journal !== this.#options.journal) damaged('it is of another journal');
    if (head.group !== group) damaged(`it is of group ${head.group}`);
    this.bytes = bytes.length;
    return { group, parts: records as Generator<StatePart> };
  }

  /** Writes one; the parts are read now, with a stop after each. When it resolves the file is durable. */
  async write(group: number, parts: Iterable<StatePart>): Promise<void> {
    const { folder, journal } = this.#options;
    await mkdir(folder, { recursive: true });
    const path = this.#path(group);
    const file = await open(`${path}.tmp`, 'w');
    const hash = createHash('sha256');
    let bytes = 0;
    const put = async (record: Buffer): Promise<void> => {
      hash.update(record);
      bytes += record.length;
      await file.write(record);
    };
    try {
      await put(recordOf({ version: SNAPSHOT_VERSION, journal, group } satisfies Head));
      for (const part of parts) await put(recordOf(part));
      await file.write(hash.digest());
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    await syncFolder(folder);
    this.bytes = bytes + DIGEST_BYTES;
    const groups = [group, ...this.#groups.filter((one) => one !== group)];
    this.#groups = groups.slice(0, KEPT);
    for (const old of groups.slice(KEPT)) await rm(this.#path(old), { force: true });
  }

  /** Deletes all. */
  async clear(): Promise<void> {
    for (const group of await this.#list()) await rm(this.#path(group), { force: true });
    this.#groups = [];
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * The folder of frame files: what is in it after whatever happened, looking up, joining the files of a day, deleting what
 * is too old. A file that can't be read is set aside, and the times of receipt in its name are told as missing.
 */
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BEIJING_OFFSET_MS, DAY, OperationalError } from '@village/core';
import { z } from 'zod';
import type { JournalPlace, MissedSpan, ReceivedFrame } from '../journal/contract.ts';
import type { Report } from '../journal/settings.ts';
import { FirstFrames, stretchesWith, type Wanted } from './first-frames.ts';
import {
  compareFrames,
  type Footer,
  readBlock,
  readFooter,
  readPage,
  type Stretch,
  writeFrameFile,
} from './frame-file.ts';

const NAME = /^(\d{1,16})-(\d{1,16})-(\d{1,9})\.frames(\.damaged)?$/;
/** Files joined at once: each is open at one block. */
const JOINED_MAX = 16;

interface FrameFile {
  readonly name: string;
  readonly footer: Footer;
  readonly bytes: number;
  /** A block is damaged: the file is not deleted but set aside. */
  hurt?: boolean;
  /** The system refused to read it the last time: it is left as it is. */
  refused?: boolean;
}

/** What the system lacks for a moment says nothing about a file. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EBUSY']);

/** Whether a file can be read to its end. */
async function isReadable(path: string): Promise<boolean> {
  try {
    await pipeline(createReadStream(path), async (pieces: AsyncIterable<unknown>) => {
      for await (const _ of pieces);
    });
    return true;
  } catch {
    return false;
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';
const isSystem = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).syscall !== undefined;
const isGone = (error: unknown): boolean => codeOf(error) === 'ENOENT';
const isDamaged = (error: unknown): boolean =>
  error instanceof OperationalError && error.code === 'frames-damaged';
const dayOf = (at: number): number => Math.floor((at + BEIJING_OFFSET_MS) / DAY);

/** A file that can't be read, and when its frames were received. */
interface Damaged extends MissedSpan {
  readonly name: string;
  /** It is not under the name of a damaged one. */
  readonly stays?: boolean;
  /** Event times of its frames, where they are known. */
  readonly at?: Footer['at'];
}

export class FrameFiles {
  readonly #folder: string;
  readonly #journal: string;
  readonly #report: Report;
  #files: FrameFile[] = [];
  /** Those that can't be read; the ones that stay are deleted by nobody but the operator. */
  #damaged: Damaged[] = [];
  #number = 0;
  blocksDamaged = 0;

  private constructor(folder: string, journal: string, report: Report) {
    this.#folder = folder;
    this.#journal = journal;
    this.#report = report;
  }

  /** Opens the folder, making it when it is not there, and clears away what a kill has left. */
  static async open(folder: string, journal: string, report: Report): Promise<FrameFiles> {
    const files = new FrameFiles(folder, journal, report);
    await mkdir(folder, { recursive: true });
    await files.#restore();
    return files;
  }

  get count(): number {
    return this.#files.length;
  }

  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** How many can't be read. */
  get damaged(): number {
    return this.#damaged.length + this.#files.filter(({ refused }) => refused === true).length;
  }

  /** Times of receipt of those set aside that may hold frames of these event times. */
  damagedAbout(from: number, to: number): MissedSpan[] {
    return this.#damaged.filter(({ at, ...span }) =>
      at === undefined ? receivedAbout(span, from, to) : at[1] >= from && at[0] < to,
    );
  }

  /** How far the journal is in files. */
  get place(): number {
    return this.#placeOf(this.#files);
  }

  /** Places in a journal of before, which a backup was made of, say nothing. */
  #placeOf(files: readonly FrameFile[]): number {
    return files
      .filter(({ footer }) => footer.place.journal === this.#journal)
      .reduce((most, { footer }) => Math.max(most, footer.place.group), 0);
  }

  async #restore(): Promise<void> {
    const names = await readdir(this.#folder);
    for (const name of names.filter((one) => one.endsWith('.tmp')))
      await rm(join(this.#folder, name), { force: true, recursive: true });
    for (const name of names) {
      const [, from, to, number, aside] = NAME.exec(name) ?? [];
      if (from === undefined) continue;
      this.#number = Math.max(this.#number, Number(number));
      const span = { from: Number(from), to: Number(to) };
      if (aside !== undefined)
        this.#damaged.push({ ...span, name, ...(await this.#timesIn(name)) });
      else await this.#load(name, span);
    }
    const replaced = new Set(this.#files.flatMap(({ footer }) => footer.replaces));
    await this.#remove((file) => replaced.has(file.name));
  }

  async #load(name: string, span: MissedSpan): Promise<void> {
    const path = join(this.#folder, name);
    try {
      const footer = await readFooter(path);
      this.#files.push({ name, footer, bytes: (await stat(path)).size });
    } catch (error) {
      if (isDamaged(error)) {
        this.#report('error', `frame file ${path} is damaged and was set aside`, { name });
        await this.#setAside(name, span);
      } else if (isSystem(error) && !PASSING.has(codeOf(error))) {
        // Somebody may mend that, so it stays where it is and is tried at the next start.
        this.#report('error', `frame file ${path} can't be read`, { code: codeOf(error) });
        this.#damaged.push({ ...span, name, stays: true });
      } else throw error;
    }
  }

  async #setAside(name: string, span: MissedSpan & Pick<Damaged, 'at'>): Promise<void> {
    const path = join(this.#folder, name);
    await rename(path, `${path}.damaged`);
    this.#damaged.push({ ...span, name: `${name}.damaged` });
  }

  /** The event times of a damaged file, when its footer is whole, or a mark in its place tells them. */
  async #timesIn(name: string): Promise<Pick<Damaged, 'at'>> {
    const path = join(this.#folder, name);
    try {
      return { at: (await readFooter(path)).at };
    } catch (error) {
      if (!isDamaged(error)) return {};
      const { success, data } = MARK.safeParse(await readMark(path));
      return success ? data : {};
    }
  }

  async #remove(gone: (file: FrameFile) => boolean): Promise<number> {
    const old = this.#files.filter(gone);
    // First out of the answers, then out of the folder: a query that has one open reads it to its end.
    this.#files = this.#files.filter((file) => !gone(file));
    for (const file of old)
      if (file.hurt === true) await this.#setAside(file.name, about(file));
      else await rm(join(this.#folder, file.name), { force: true });
    return old.length;
  }

  async #write(
    frames: AsyncIterable<ReceivedFrame> | Iterable<ReceivedFrame>,
    {
      place,
      replaces = [],
      pinnedOnly = false,
    }: { place: JournalPlace; replaces?: string[]; pinnedOnly?: boolean },
  ): Promise<FrameFile | null> {
    const number = ++this.#number;
    const nameOf = ([from, to]: Footer['received']): string => `${from}-${to}-${number}.frames`;
    const written = await writeFrameFile(this.#folder, nameOf, frames, {
      place,
      replaces,
      pinnedOnly,
    });
    if (written !== null) this.#files.push(written);
    const gone = new Set(replaces);
    await this.#remove((file) => gone.has(file.name));
    return written;
  }

  /** Makes sorted frames durable, and with them that everything of the journal up to `place` is. */
  async add(frames: readonly ReceivedFrame[], place: JournalPlace): Promise<void> {
    await this.#write(frames, { place });
  }

  /** The first frames of a device by event time, in order and each once, and the files that may hold more of them. */
  async find(wanted: Wanted): Promise<{ frames: ReceivedFrame[]; damaged: MissedSpan[] }> {
    const first = new FirstFrames(wanted.limit);
    const damaged: MissedSpan[] = [];
    for (const file of this.#files) {
      if (file.footer.at[1] < wanted.from || file.footer.at[0] >= wanted.to) continue;
      const hurt = await this.#findIn(file, wanted, first);
      if (hurt) damaged.push(spanOf(file));
    }
    return { frames: await first.all(), damaged };
  }

  /** Adds what is looked for; true when some of it may be missing. */
  async #findIn(file: FrameFile, wanted: Wanted, first: FirstFrames): Promise<boolean> {
    const { device, from, to, limit, signal } = wanted;
    const isWanted = (name: string, at: number): boolean =>
      name === device && at >= from && at < to;
    let hurt = false;
    let found = 0;
    for (const page of stretchesWith(file.footer.pages, wanted)) {
      const blocks = await this.#read(file, page, readPage);
      hurt ||= blocks === null;
      for (const block of stretchesWith(blocks ?? [], wanted)) {
        if (signal?.aborted === true)
          throw new OperationalError('query-aborted', 'The query was given up.');
        const frames = await this.#read(file, block, (path, stretch) =>
          readBlock(path, stretch, isWanted),
        );
        hurt ||= frames === null;
        for (const frame of frames ?? []) await first.add(frame);
        found += frames?.length ?? 0;
        // A file holds each once and in order: what follows comes after all that are asked for.
        if (found >= limit) return hurt;
      }
    }
    return hurt;
  }

  /**
   * What a stretch of a file holds; null when it is damaged or can't be read.
   * @throws frames-moved when the file was joined or deleted meanwhile; frames-unreadable while the system has no room
   */
  async #read<T>(
    file: FrameFile,
    stretch: Stretch,
    read: (path: string, stretch: Stretch) => Promise<T>,
  ): Promise<T | null> {
    const { name } = file;
    try {
      const content = await read(join(this.#folder, name), stretch);
      file.refused = false;
      return content;
    } catch (error) {
      if (isDamaged(error)) {
        if (file.hurt !== true) this.blocksDamaged++;
        file.hurt = true;
        this.#report('error', `a block of frame file ${name} is damaged`, { name });
        return null;
      }
      if (!isSystem(error)) throw error;
      if (isGone(error) && !this.#files.includes(file)) throw moved();
      if (PASSING.has(codeOf(error))) throw unreadable(name, error);
      if (isGone(error)) await this.#lost(file);
      else if (file.refused !== true)
        this.#report('error', `frame file ${name} can't be read`, { code: codeOf(error) });
      file.refused = true;
      return null;
    }
  }

  /** Somebody deleted it. A mark under the name of a damaged one tells its times, also after a restart. */
  async #lost(file: FrameFile): Promise<void> {
    this.#files = this.#files.filter((one) => one !== file);
    const name = `${file.name}.damaged`;
    this.#damaged.push({ ...about(file), name });
    this.#report('error', `frame file ${file.name} is gone`, { name: file.name });
    await writeFile(join(this.#folder, name), markOf(file.footer)).catch(() => undefined);
  }

  /** Every frame that can be read. @throws frames-unreadable when the system refuses to read some */
  async *#framesOf(file: FrameFile): AsyncGenerator<ReceivedFrame> {
    for (const page of file.footer.pages)
      for (const block of await this.#readAll(file, page, readPage))
        yield* await this.#readAll(file, block, (path, stretch) => readBlock(path, stretch));
  }

  async #readAll<T>(
    file: FrameFile,
    stretch: Stretch,
    read: (path: string, stretch: Stretch) => Promise<T[]>,
  ): Promise<T[]> {
    const content = await this.#read(file, stretch, read);
    if (content === null && file.refused === true) throw unreadable(file.name);
    return content ?? [];
  }

  /** Joins the files of each closed day, at most 16 at a time. A day that can't be joined holds up no other. */
  async compact(now: number): Promise<{ compacted: number }> {
    const days = Map.groupBy(this.#files, ({ footer }) => dayOf(footer.received[0]));
    let compacted = 0;
    await each([...days], async ([day, files]) => {
      if (day < dayOf(now)) compacted += await this.#compactDay(files);
    });
    return { compacted };
  }

  async #compactDay(files: readonly FrameFile[]): Promise<number> {
    const waiting = files
      .filter(({ refused }) => refused !== true)
      .toSorted((a, b) => a.bytes - b.bytes);
    let compacted = 0;
    while (waiting.length > 1) {
      const some = waiting.splice(0, JOINED_MAX);
      const joined = await this.#join(some);
      compacted += some.length;
      if (joined !== null) waiting.push(joined);
    }
    return compacted;
  }

  #join(files: readonly FrameFile[]): Promise<FrameFile | null> {
    return this.#write(merge(files.map((file) => this.#framesOf(file))), {
      place: { journal: this.#journal, group: this.#placeOf(files) },
      replaces: files.map(({ name }) => name),
      pinnedOnly: files.every(({ footer }) => footer.pinnedOnly),
    });
  }

  /** Copies every file into a folder, which is made. What can't be read is told as missing there too. */
  async copyTo(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const { name, footer } of this.#files)
      await copyFile(join(this.#folder, name), join(folder, name)).catch(async (error: unknown) => {
        // A full disk, a quota, a target that is gone: then nothing is wrong with the file.
        if (PASSING.has(codeOf(error)) || (await isReadable(join(this.#folder, name)))) throw error;
        this.#report('error', `frame file ${name} can't be copied`, { code: codeOf(error) });
        return writeFile(join(folder, `${name}.damaged`), markOf(footer));
      });
    for (const one of this.#damaged)
      await writeFile(
        join(folder, one.stays === true ? `${one.name}.damaged` : one.name),
        markOf(one),
      );
  }

  /** Deletes what was received before a time, but for what `isPinned` keeps. */
  async retain(before: number, isPinned: (frame: ReceivedFrame) => boolean): Promise<number> {
    let files = 0;
    const old = this.#damaged.filter(({ to, stays }) => to < before && stays !== true);
    for (const one of old) {
      await rm(join(this.#folder, one.name), { force: true, recursive: true });
      this.#damaged = this.#damaged.filter((other) => other !== one);
      files++;
    }
    await each([...this.#files], async (file) => {
      if (file.footer.received[1] >= before || file.footer.pinnedOnly) return;
      await this.#write(only(this.#framesOf(file), isPinned), {
        place: file.footer.place,
        replaces: [file.name],
        pinnedOnly: true,
      });
      files++;
    });
    return files;
  }
}

/** In the place of a file: the event times of its frames, where they are known. */
const MARK = z.object({ at: z.tuple([z.number(), z.number()]) });
const MARK_BYTES_MAX = 1_024;

const markOf = ({ at }: Pick<Damaged, 'at'>): string =>
  at === undefined ? '' : JSON.stringify({ at });

/** The JSON of a mark; null of a file that is none. */
async function readMark(path: string): Promise<unknown> {
  if ((await stat(path)).size > MARK_BYTES_MAX) return null;
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const about = (file: FrameFile): MissedSpan & Pick<Damaged, 'at'> => ({
  ...spanOf(file),
  at: file.footer.at,
});

/**
 * Whether frames received then may be about these event times. What is late by more than a day is not told of where event
 * times are not known: every span that was ever missed might hold it.
 */
export const receivedAbout = (span: MissedSpan, from: number, to: number): boolean =>
  span.to >= from && span.from < to + DAY;

const spanOf = ({ footer }: FrameFile): MissedSpan => ({
  from: footer.received[0],
  to: footer.received[1],
});

const moved = (): OperationalError =>
  new OperationalError('frames-moved', 'Frame files were joined meanwhile.', { retry: true });

const unreadable = (name: string, cause?: unknown): OperationalError =>
  new OperationalError('frames-unreadable', `Frame file ${name} can't be read now.`, {
    retry: true,
    cause,
  });

/** Does something with each, whatever becomes of the others. @throws the first error, at the end */
async function each<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  for (const one of all) await work(one).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

async function* only(
  frames: AsyncIterable<ReceivedFrame>,
  wanted: (frame: ReceivedFrame) => boolean,
): AsyncGenerator<ReceivedFrame> {
  for await (const frame of frames) if (wanted(frame)) yield frame;
}

/** Sorted runs as one. */
async function* merge(
  runs: readonly AsyncGenerator<ReceivedFrame>[],
): AsyncGenerator<ReceivedFrame> {
  const heads = await Promise.all(
    runs.map(async (run) => ({ run, next: (await run.next()).value as ReceivedFrame | undefined })),
  );
  for (;;) {
    let least: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.next === undefined) continue;
      if (least?.next === undefined || compareFrames(head.next, least.next) < 0) least = head;
    }
    if (least?.next === undefined) return;
    yield least.next;
    least.next = (await least.run.next()).value as ReceivedFrame | undefined;
  }
}

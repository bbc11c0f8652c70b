/**
 * The folder of frame files: what is in it after whatever happened, looking up, joining the files of a day, deleting what
 * is too old. A file that can't be read is set aside, and the times of receipt in its name are told as missing.
 */
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BEIJING_OFFSET_MS, DAY, OperationalError } from '@village/core';
import type { JournalPlace, MissedSpan, ReceivedFrame } from '../journal/contract.ts';
import type { Report } from '../journal/settings.ts';
import {
  compareFrames,
  compareTexts,
  type Footer,
  once,
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
  /** A block can't be read: the file is not deleted but set aside. */
  hurt?: boolean;
}

const isGone = (error: unknown): boolean => (error as { code?: string }).code === 'ENOENT';
const isDamaged = (error: unknown): boolean =>
  error instanceof OperationalError && error.code === 'frames-damaged';
const dayOf = (at: number): number => Math.floor((at + BEIJING_OFFSET_MS) / DAY);

export class FrameFiles {
  readonly #folder: string;
  readonly #journal: string;
  readonly #report: Report;
  #files: FrameFile[] = [];
  #damaged: (MissedSpan & { readonly name: string })[] = [];
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

  /** Times of receipt of the files that can't be read. */
  get damaged(): readonly MissedSpan[] {
    return this.#damaged.map(({ from, to }) => ({ from, to }));
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
      await rm(join(this.#folder, name), { force: true });
    for (const name of names) {
      const [, from, to, number, aside] = NAME.exec(name) ?? [];
      if (from === undefined) continue;
      this.#number = Math.max(this.#number, Number(number));
      if (aside !== undefined) this.#damaged.push({ name, from: Number(from), to: Number(to) });
      else await this.#load(name, { from: Number(from), to: Number(to) });
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
      if (!isDamaged(error)) throw error;
      this.#report('error', `frame file ${path} is damaged and was set aside`, { name });
      await this.#setAside(name, span);
    }
  }

  async #setAside(name: string, span: MissedSpan): Promise<void> {
    const path = join(this.#folder, name);
    await rename(path, `${path}.damaged`);
    this.#damaged.push({ ...span, name: `${name}.damaged` });
  }

  async #remove(gone: (file: FrameFile) => boolean): Promise<number> {
    const old = this.#files.filter(gone);
    // First out of the answers, then out of the folder: a query that has one open reads it to its end.
    this.#files = this.#files.filter((file) => !gone(file));
    for (const file of old)
      if (file.hurt === true) await this.#setAside(file.name, spanOf(file));
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

  /** Frames of a device by event time, from files that may hold any; the order is that of no use. */
  async find(
    device: string,
    from: number,
    to: number,
  ): Promise<{ frames: ReceivedFrame[]; damaged: MissedSpan[] }> {
    const frames: ReceivedFrame[] = [];
    const damaged: MissedSpan[] = [];
    for (const file of this.#files) {
      if (file.footer.at[1] < from || file.footer.at[0] >= to) continue;
      const hurt = await this.#findIn(file, { device, from, to }, frames);
      if (hurt) damaged.push(spanOf(file));
    }
    return { frames, damaged };
  }

  /** Adds what is looked for; true when some of it may be missing. */
  async #findIn(file: FrameFile, wanted: Wanted, found: ReceivedFrame[]): Promise<boolean> {
    const { device, from, to } = wanted;
    let hurt = false;
    for (const page of stretchesWith(file.footer.pages, wanted)) {
      const blocks = await this.#read(file, page, readPage);
      hurt ||= blocks === null;
      for (const block of stretchesWith(blocks ?? [], wanted)) {
        const frames = await this.#read(file, block, readBlock);
        hurt ||= frames === null;
        for (const frame of frames ?? [])
          if (frame.device === device && frame.at >= from && frame.at < to) found.push(frame);
      }
    }
    return hurt;
  }

  /**
   * What a stretch of a file holds; null when it is damaged.
   * @throws frames-moved when the file was joined or deleted meanwhile
   */
  async #read<T>(
    file: FrameFile,
    stretch: Stretch,
    read: (path: string, stretch: Stretch) => Promise<T>,
  ): Promise<T | null> {
    const { name } = file;
    try {
      return await read(join(this.#folder, name), stretch);
    } catch (error) {
      if (isGone(error))
        throw new OperationalError('frames-moved', 'Frame files were joined meanwhile.', {
          retry: true,
        });
      if (!isDamaged(error)) throw error;
      if (file.hurt !== true) this.blocksDamaged++;
      file.hurt = true;
      this.#report('error', `a block of frame file ${name} is damaged`, { name });
      return null;
    }
  }

  async *#framesOf(file: FrameFile): AsyncGenerator<ReceivedFrame> {
    for (const page of file.footer.pages)
      for (const block of (await this.#read(file, page, readPage)) ?? [])
        yield* (await this.#read(file, block, readBlock)) ?? [];
  }

  /** Joins the files of each closed day, at most 16 at a time. */
  async compact(now: number): Promise<{ compacted: number }> {
    const days = Map.groupBy(this.#files, ({ footer }) => dayOf(footer.received[0]));
    let compacted = 0;
    for (const [day, files] of days) {
      if (day >= dayOf(now)) continue;
      const waiting = files.toSorted((a, b) => a.bytes - b.bytes);
      while (waiting.length > 1) {
        const some = waiting.splice(0, JOINED_MAX);
        const joined = await this.#join(some);
        compacted += some.length;
        if (joined !== null) waiting.push(joined);
      }
    }
    return { compacted };
  }

  #join(files: readonly FrameFile[]): Promise<FrameFile | null> {
    return this.#write(merge(files.map((file) => this.#framesOf(file))), {
      place: { journal: this.#journal, group: this.#placeOf(files) },
      replaces: files.map(({ name }) => name),
      pinnedOnly: files.every(({ footer }) => footer.pinnedOnly),
    });
  }

  /** Copies every file into a folder, which is made. */
  async copyTo(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const { name } of this.#files)
      await copyFile(join(this.#folder, name), join(folder, name));
  }

  /** Deletes what was received before a time, but for what `isPinned` keeps. */
  async retain(before: number, isPinned: (frame: ReceivedFrame) => boolean): Promise<number> {
    let files = 0;
    for (const { name } of this.#damaged.filter(({ to }) => to < before)) {
      await rm(join(this.#folder, name), { force: true });
      files++;
    }
    this.#damaged = this.#damaged.filter(({ to }) => to >= before);
    for (const file of [...this.#files]) {
      if (file.footer.received[1] >= before || file.footer.pinnedOnly) continue;
      files++;
      await this.#write(only(this.#framesOf(file), isPinned), {
        place: file.footer.place,
        replaces: [file.name],
        pinnedOnly: true,
      });
    }
    return files;
  }
}

const spanOf = ({ footer }: FrameFile): MissedSpan => ({
  from: footer.received[0],
  to: footer.received[1],
});

interface Wanted {
  readonly device: string;
  readonly from: number;
  readonly to: number;
}

/** The pages or blocks, which are in order, that may hold frames of a device in a span. */
function stretchesWith(
  stretches: readonly Stretch[],
  { device, from, to }: Wanted,
): readonly Stretch[] {
  let low = 0;
  let high = stretches.length;
  const before = ({ last }: Stretch): boolean =>
    (compareTexts(last[0], device) || last[1] - from) < 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(stretches[middle]!)) low = middle + 1;
    else high = middle;
  }
  let end = low;
  const begins = ({ first }: Stretch): boolean =>
    (compareTexts(first[0], device) || first[1] - to) < 0;
  while (end < stretches.length && begins(stretches[end]!)) end++;
  return stretches.slice(low, end);
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

/** Frames in order, each once. */
export async function sortedOnce(frames: readonly ReceivedFrame[]): Promise<ReceivedFrame[]> {
  const kept: ReceivedFrame[] = [];
  for await (const frame of once(frames.toSorted(compareFrames))) kept.push(frame);
  return kept;
}

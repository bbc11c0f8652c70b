/**
 * The folders of gammu-smsd (service `files`): what is put into the outbox goes to `sent` or `error`, what comes lies in the inbox. The daemon takes
 * the first file of the outbox by name, sends it, and moves it then.
 */
import { access, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Folders {
  readonly outbox: string;
  readonly sent: string;
  readonly error: string;
  readonly inbox: string;
}

/** Names that the channel gives: by them the daemon sorts, and they fit into the 99 bytes that it has room for. */
const OURS = /^OUT[A-Z](\d{8})_\d{6}_\d\d_([+\d]+)_([0-9a-f]{20})\.smsbackup$/;

export interface SentFile {
  readonly name: string;
  /** 20260301. */
  readonly day: string;
  readonly number: string;
  readonly token: string;
}

export function ourFile(name: string): SentFile | undefined {
  const match = OURS.exec(name);
  if (match === null) return undefined;
  const [, day = '', number = '', token = ''] = match;
  return { name, day, number, token };
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
};

/** Files of one look at the inbox; more wait for the next. */
const INBOX_MAX = 100;

export class Spool {
  readonly #folders: Folders;
  /** Inbox files and their size at the last look: one that grows is not whole yet. */
  #sizes = new Map<string, number>();

  constructor(folders: Folders) {
    this.#folders = folders;
  }

  /** Names of the files that wait, in the order in which they are taken. @throws Error of the file system */
  async waiting(): Promise<string[]> {
    const names = await readdir(this.#folders.outbox);
    return names.filter((name) => /^out.*\.(txt|smsbackup)/i.test(name)).sort();
  }

  /** Puts a file into the outbox, whole from the first moment on. @throws Error of the file system */
  async put(name: string, content: string): Promise<void> {
    const hidden = join(this.#folders.outbox, `.${name}`);
    await writeFile(hidden, content, { mode: 0o660 });
    await rename(hidden, join(this.#folders.outbox, name));
  }

  /** Where a file is that was put into the outbox. It moves in one step, so that one that is nowhere was deleted. */
  async whereIs(name: string): Promise<'outbox' | 'sent' | 'error' | 'gone'> {
    const { outbox, sent, error } = this.#folders;
    if (await exists(join(outbox, name))) return 'outbox';
    if (await exists(join(sent, name))) return 'sent';
    return (await exists(join(error, name))) ? 'error' : 'gone';
  }

  /** Takes a file out of the outbox. False when it was no longer there. */
  async withdraw(name: string): Promise<boolean> {
    try {
      await unlink(join(this.#folders.outbox, name));
      return true;
    } catch {
      return false;
    }
  }

  /** Files of ours that were sent to the number, newest first. @throws Error of the file system */
  async sentTo(number: string): Promise<SentFile[]> {
    const names = await readdir(this.#folders.sent);
    return names
      .flatMap((name) => ourFile(name) ?? [])
      .filter((file) => file.number === number)
      .sort((a, b) => (a.name.slice(4) < b.name.slice(4) ? 1 : -1));
  }

  /** Deletes what was sent or failed before that day, 20260301: they have people's numbers. @throws Error of the file system */
  async forgetBefore(day: string): Promise<void> {
    for (const folder of [this.#folders.sent, this.#folders.error])
      for (const name of await readdir(folder)) {
        const file = ourFile(name);
        if (file !== undefined && file.day < day) await unlink(join(folder, name));
      }
  }

  /** Files of the inbox that have not grown since the last look, oldest first. @throws Error of the file system */
  async inbox(): Promise<{ name: string; content: string }[]> {
    const sizes = new Map<string, number>();
    const whole: { name: string; content: string }[] = [];
    const names = (await readdir(this.#folders.inbox)).filter((name) => name.startsWith('IN'));
    for (const name of names.sort().slice(0, INBOX_MAX)) {
      const path = join(this.#folders.inbox, name);
      const { size } = await stat(path);
      sizes.set(name, size);
      if (this.#sizes.get(name) === size)
        whole.push({ name, content: await readFile(path, 'utf8') });
    }
    this.#sizes = sizes;
    return whole;
  }

  /** @throws Error of the file system */
  async taken(name: string): Promise<void> {
    await unlink(join(this.#folders.inbox, name));
  }

  /** Lays an inbox file aside that says nothing known; somebody may look at it. @throws Error of the file system */
  async layAside(name: string): Promise<void> {
    await rename(join(this.#folders.inbox, name), join(this.#folders.inbox, `bad-${name}`));
  }
}

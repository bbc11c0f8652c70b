/**
 * What is known of each file that is made in the background, written down beside it: after a restart its asker finds what was
 * done, and is told of what was not.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { file } from '@village/api';
import { z } from 'zod';

const VERSION = 1;
const NAME = /^([0-9a-f-]{36})\.json$/;

const text = z.string();
const schema = z.strictObject({
  version: z.literal(VERSION),
  id: text,
  asker: z.strictObject({ actor: text, role: text, area: text }),
  asked: z.strictObject({
    format: z.enum(['csv', 'parquet']),
    device: text.exactOptional(),
    area: text.exactOptional(),
    metric: text.exactOptional(),
    from: text,
    to: text,
    view: z.enum(['received', 'corrected']).exactOptional(),
    mark: z.enum(['none', 'bom']).exactOptional(),
  }),
  devices: z.array(text),
  profiles: z.array(text),
  /** ms. */
  from: z.number(),
  to: z.number(),
  askedAt: z.number(),
  state: z.enum(file.STATES),
  rows: z.number(),
  bytes: z.number(),
  expiresAt: z.number().nullable(),
  error: z.strictObject({ code: text, message: text }).nullable(),
});
export type Book = z.infer<typeof schema>;

export class ExportBooks {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Those that can be read, oldest first. What can't is as good as not there. */
  read(): Book[] {
    const books: Book[] = [];
    for (const name of readdirSync(this.#folder)) {
      const [, id] = NAME.exec(name) ?? [];
      const book = id === undefined ? null : this.#readOne(name);
      if (book?.id === id && book !== null) books.push(book);
    }
    return books.sort((a, b) => a.askedAt - b.askedAt);
  }

  #readOne(name: string): Book | null {
    try {
      const book: unknown = JSON.parse(readFileSync(join(this.#folder, name), 'utf8'));
      return schema.safeParse(book).data ?? null;
    } catch {
      // Torn by a full disk or a cut of power.
      return null;
    }
  }

  async write(book: Book): Promise<void> {
    const path = this.#path(book.id);
    const made = `${path}.new`;
    try {
      const file = await open(made, 'w');
      try {
        await file.writeFile(JSON.stringify(book));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(made, path);
    } catch (error) {
      // A disk that is full keeps no piece of it; what was written down before stays.
      await rm(made, { force: true });
      throw error;
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

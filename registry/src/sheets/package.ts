/** The parts of an Office file: a zip whose entries are read with a bound on all that they unpack to, and XML in it without documents' types. */
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { OperationalError } from '@village/core';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { type Entry, fromBuffer, type ZipFile } from 'yauzl';

/** What all parts that are read may unpack to: a bomb is a thousand times its file. */
const UNPACKED_MAX = 256 * 1024 * 1024;
const ENTRIES_MAX = 5_000;
/** As many as a hundred thousand rows of a hundred cells have; each costs time. */
const ELEMENTS_MAX = 24_000_000;
const DEPTH_MAX = 64;
/** Characters between two tags; a cell of Excel has 32,767 at most. */
const TEXT_MAX = 1_000_000;
const ATTRIBUTES_MAX = 256;

export const unreadable = (why: string): OperationalError =>
  new OperationalError('unreadable-workbook', `the Excel file can't be read: ${why}`);

export const tooLarge = (what: string): OperationalError =>
  new OperationalError('workbook-too-large', `the Excel file is too large: ${what}`);

/** What is told of the XML of a part; names are without their prefixes. */
export interface XmlHandler {
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  text?(text: string): void;
  close?(name: string): void;
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

function attributesOf({ attributes }: SaxesTagPlain): Record<string, string> {
  let prefixed = false;
  for (const name in attributes) prefixed ||= name.includes(':');
  // A sheet has millions of elements.
  if (!prefixed) return attributes;
  return Object.fromEntries(Object.entries(attributes).map(([name, text]) => [local(name), text]));
}

export class OfficePackage {
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;
  #left = UNPACKED_MAX;

  private constructor(zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#zip = zip;
    this.#entries = entries;
  }

  /** @throws unreadable-workbook */
  static async open(bytes: Buffer): Promise<OfficePackage> {
    try {
      const zip = await promisify<Buffer, object, ZipFile>(fromBuffer)(bytes, {
        lazyEntries: true,
        strictFileNames: false,
      });
      const entries = await entriesOf(zip);
      return new OfficePackage(zip, entries);
    } catch (error) {
      if (error instanceof OperationalError) throw error;
      const { message } = error as Error;
      const cut = /end of central directory/i.test(message);
      throw unreadable(cut ? 'it is cut off or damaged; send it again' : message);
    }
  }

  has(path: string): boolean {
    return this.#entries.has(path.toLowerCase());
  }

  /** Reads a part of at most so many bytes piece by piece; whoever asks gets turns in between. @throws unreadable-workbook workbook-too-large */
  async *read(
    path: string,
    handler: XmlHandler,
    {
      bytesMax = UNPACKED_MAX,
      prepare = (xml) => xml,
    }: { readonly bytesMax?: number; readonly prepare?: (xml: string) => string } = {},
  ): AsyncGenerator<void> {
    const entry = this.#entries.get(path.toLowerCase());
    if (entry === undefined) throw unreadable(`${path} is missing`);
    const parser = parserFor(handler);
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let [bytes, unbroken] = [0, 0];
    try {
      const stream = await promisify<Entry, Readable>(this.#zip.openReadStream.bind(this.#zip))(
        entry,
      );
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        this.#left -= chunk.length;
        if (bytes > bytesMax || this.#left < 0)
          throw tooLarge(
            `${path} unpacks to more than ${Math.min(bytesMax, UNPACKED_MAX) >> 20} MB; delete rows and columns that have a format and nothing in them`,
          );
        const xml = decoder.decode(chunk, { stream: true });
        const tag = xml.lastIndexOf('<');
        unbroken = tag < 0 ? unbroken + xml.length : xml.length - tag;
        // The parser keeps a text until it ends: one of a bomb would be all of it.
        if (unbroken > TEXT_MAX)
          throw tooLarge(`${path} has a text of more than a million characters`);
        parser.write(prepare(xml));
        yield;
      }
      parser.close();
    } catch (error) {
      if (error instanceof OperationalError) throw error;
      throw unreadable(`${path}: ${(error as Error).message}`);
    }
  }

  /** Reads a whole part. */
  async readAll(path: string, handler: XmlHandler, bytesMax?: number): Promise<void> {
    const bound = bytesMax === undefined ? {} : { bytesMax };
    for await (const _ of this.read(path, handler, bound));
  }
}

function entriesOf(zip: ZipFile): Promise<Map<string, Entry>> {
  return new Promise((resolve, reject) => {
    const entries = new Map<string, Entry>();
    zip.on('error', reject);
    zip.on('end', () => resolve(entries));
    zip.on('entry', (entry: Entry) => {
      entries.set(entry.fileName.toLowerCase(), entry);
      if (entries.size > ENTRIES_MAX) reject(tooLarge(`more than ${ENTRIES_MAX} parts`));
      else zip.readEntry();
    });
    zip.readEntry();
  });
}

function parserFor(handler: XmlHandler): SaxesParser {
  const parser = new SaxesParser();
  let depth = 0;
  let elements = 0;
  let attributes = 0;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('doctype', () => {
    throw unreadable('it has a document type');
  });
  parser.on('opentagstart', () => {
    attributes = 0;
    if (++elements > ELEMENTS_MAX) throw tooLarge(`more than ${ELEMENTS_MAX} elements`);
    if (++depth > DEPTH_MAX) throw unreadable('its parts lie too deep in each other');
  });
  parser.on('attribute', () => {
    if (++attributes > ATTRIBUTES_MAX) throw unreadable('a part of it has too many attributes');
  });
  parser.on('opentag', (tag) => handler.open?.(local(tag.name), attributesOf(tag)));
  parser.on('text', (text) => handler.text?.(text));
  parser.on('cdata', (text) => handler.text?.(text));
  parser.on('closetag', (tag) => {
    depth--;
    handler.close?.(local(tag.name));
  });
  return parser;
}

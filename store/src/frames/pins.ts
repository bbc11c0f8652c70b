/** The list of frames that are kept for good, in a file beside theirs. While it can't be read, nothing is deleted. */
import { copyFile, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperationalError } from '@village/core';
import { z } from 'zod';
import type { ReceivedFrame } from '../journal/contract.ts';
import type { Pin } from './contract.ts';
import { syncFolder } from './frame-file.ts';

const FILE = 'pins.json';
const PINS_MAX = 100_000;
const WHY_CHARACTERS_MAX = 1_000;

const schema = z.strictObject({
  pins: z.array(
    z.strictObject({ device: z.string(), from: z.number(), to: z.number(), why: z.string() }),
  ),
});

type Span = Pick<Pin, 'from' | 'to'>;

export class Pins {
  readonly #path: string;
  #pins: Pin[] = [];
  #byDevice = new Map<string, Pin[]>();
  /** What is pinned of a device: spans in order that do not meet, made when the first frame is asked about. */
  #spans = new Map<string, Span[]>();
  #damaged = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string) {
    this.#path = path;
  }

  static async open(folder: string): Promise<Pins> {
    const pins = new Pins(join(folder, FILE));
    try {
      pins.#set(schema.parse(JSON.parse(await readFile(pins.#path, 'utf8'))).pins);
    } catch (error) {
      pins.#damaged = (error as { code?: string }).code !== 'ENOENT';
    }
    return pins;
  }

  #set(pins: readonly Pin[]): void {
    this.#pins = [...pins];
    this.#byDevice = Map.groupBy(pins, ({ device }) => device);
    this.#spans = new Map();
  }

  /** @throws pins-damaged */
  expectReadable(): void {
    if (this.#damaged)
      throw new OperationalError(
        'pins-damaged',
        `${this.#path} can't be read: nothing is pinned or deleted until it is mended or removed.`,
      );
  }

  holds({ device, at }: ReceivedFrame): boolean {
    const spans = this.#spansOf(device);
    let [low, high] = [0, spans.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (spans[middle]!.to > at) high = middle;
      else low = middle + 1;
    }
    return low < spans.length && spans[low]!.from <= at;
  }

  #spansOf(device: string): readonly Span[] {
    const known = this.#spans.get(device);
    if (known !== undefined) return known;
    const spans: { from: number; to: number }[] = [];
    for (const { from, to } of (this.#byDevice.get(device) ?? []).toSorted(
      (a, b) => a.from - b.from,
    )) {
      const last = spans.at(-1);
      if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
      else spans.push({ from, to });
    }
    this.#spans.set(device, spans);
    return spans;
  }

  /** Copies the list, where there is one, as it is: a copy without it would delete what it keeps. */
  async copyTo(folder: string): Promise<void> {
    if (this.#pins.length > 0 || this.#damaged) await copyFile(this.#path, join(folder, FILE));
  }

  /** Resolves when what was added before the call holds, or could not be written. */
  written(): Promise<void> {
    return this.#writing;
  }

  /** @throws bad-pin, too-many-pins, pins-damaged */
  async add(pin: Pin): Promise<void> {
    const added = this.#writing.then(() => this.#add(pin));
    this.#writing = added.catch(() => undefined);
    await added;
  }

  async #add(pin: Pin): Promise<void> {
    this.expectReadable();
    const { device, from, to, why } = pin;
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from < to))
      throw new OperationalError(
        'bad-pin',
        'A pin is of a span of time with a beginning and an end.',
      );
    if (why.length > WHY_CHARACTERS_MAX)
      throw new OperationalError('bad-pin', `Why is more than ${WHY_CHARACTERS_MAX} characters.`);
    if (
      this.#byDevice
        .get(device)
        ?.some((one) => one.from === from && one.to === to && one.why === why)
    )
      return;
    if (this.#pins.length >= PINS_MAX)
      throw new OperationalError('too-many-pins', `More than ${PINS_MAX} spans are pinned.`);
    const pins = [...this.#pins, { device, from, to, why }];
    const temporary = `${this.#path}.tmp`;
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(JSON.stringify({ pins }));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    await syncFolder(dirname(this.#path));
    this.#set(pins);
  }
}

/** What is looked for in frame files: the first frames of a device by event time, and where in a file they may stand. */
import type { ReceivedFrame } from '../journal/contract.ts';
import { compareFrames, compareTexts, once, type Stretch } from './frame-file.ts';

/** Frames beyond those asked for that are looked at before the later ones are let go. */
const LOOKED_AT = 256;

/** The frames of a device by event time, `from` ≤ at < `to`, that are looked for: at most so many, the first. */
export interface Wanted {
  readonly device: string;
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** The first of many frames in order, each once; what is in memory does not grow with how many there are. */
export class FirstFrames {
  readonly #limit: number;
  #frames: ReceivedFrame[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  async add(frame: ReceivedFrame): Promise<void> {
    this.#frames.push(frame);
    if (this.#frames.length >= 2 * this.#limit + LOOKED_AT) await this.#trim();
  }

  async #trim(): Promise<void> {
    this.#frames = (await sortedOnce(this.#frames)).slice(0, this.#limit);
  }

  async all(): Promise<ReceivedFrame[]> {
    await this.#trim();
    return this.#frames;
  }
}

/** The pages or blocks, which are in order, that may hold frames of a device in a span. */
export function stretchesWith(
  stretches: readonly Stretch[],
  { device, from, to }: Pick<Wanted, 'device' | 'from' | 'to'>,
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

/** Frames in order, each once. */
export async function sortedOnce(frames: readonly ReceivedFrame[]): Promise<ReceivedFrame[]> {
  const kept: ReceivedFrame[] = [];
  for await (const frame of once(frames.toSorted(compareFrames))) kept.push(frame);
  return kept;
}

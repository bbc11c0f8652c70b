/**
 * The requests of one device, and what it taught about them: a request that touches something the device does not have is
 * split until what it has can be read, and the split is kept. What was answered last is asked first.
 */
import { DAY, OperationalError } from '@village/core';
import { type ModbusRead, type ReadResult, splitRead } from '@village/device-profiles/modbus';
import { ModbusException } from './faults.ts';

/** Reads with what became of them. */
export interface Tried {
  readonly read: ModbusRead;
  readonly result: ReadResult;
}

interface Planned {
  readonly read: ModbusRead;
  answered: boolean;
  /** Polls in a row in which nothing of it was answered. */
  refusals: number;
}

/** Exceptions that a part of what was asked may be to blame for: its addresses, or how many they are. */
const SPLITS = [2, 3];
/** Requests of one poll that look for what is refused: enough to find one register of 125, and several. */
const PROBES_MAX = 64;
/** After so long the device may have got what it lacked: it is asked as its profile says once more. */
const KEPT_MS = DAY;

export class ReadPlan {
  readonly #whole: readonly ModbusRead[];
  #planned: Planned[];
  #splitAt = Number.NaN;
  #turn = 0;

  constructor(reads: readonly ModbusRead[]) {
    this.#whole = reads;
    this.#planned = planned(reads);
  }

  /** Whether a refusal has changed it. */
  get isSplit(): boolean {
    return !Number.isNaN(this.#splitAt);
  }

  /** The reads in the order to ask: those that were answered last first, and of the others each time another one. */
  order(): readonly ModbusRead[] {
    const others = this.#planned.filter(({ answered }) => !answered);
    const from = this.#turn % Math.max(1, others.length);
    return [
      ...this.#planned.filter(({ answered }) => answered),
      ...others.slice(from),
      ...others.slice(0, from),
    ].map(({ read }) => read);
  }

  /** Forgets what was refused, once that is long ago. By elapsed time. */
  refresh(now: number): void {
    if (!(now - this.#splitAt > KEPT_MS)) return;
    this.#splitAt = Number.NaN;
    this.#planned = planned(this.#whole);
  }

  /**
   * Takes the results of a poll. A refused read is looked into with `ask`, from time to time when nothing of it is answered
   * anyway. What came of it all, in the order of the plan.
   */
  async settle(
    results: ReadonlyMap<ModbusRead, ReadResult>,
    ask: (read: ModbusRead) => Promise<ReadResult>,
    now: number,
  ): Promise<Tried[]> {
    if ([...results.values()].some(wasAsked)) this.#turn++;
    const probes = { left: PROBES_MAX };
    const next: Planned[] = [];
    const tried: Tried[] = [];
    for (const one of this.#planned) {
      const result = results.get(one.read);
      if (result === undefined) throw new Error('BUG: a planned read without its result');
      one.answered = isAnswered(result);
      one.refusals = isSplittable(result) ? one.refusals + 1 : 0;
      const looks = isSplittable(result) && (one.refusals & (one.refusals - 1)) === 0;
      const parts = looks ? await probe({ read: one.read, result }, ask, probes) : null;
      if (parts === null) {
        next.push(one);
        tried.push({ read: one.read, result });
        continue;
      }
      this.#splitAt = now;
      for (const part of parts) {
        next.push({ read: part.read, answered: isAnswered(part.result), refusals: 1 });
        tried.push(part);
      }
    }
    this.#planned = next;
    return tried;
  }
}

function planned(reads: readonly ModbusRead[]): Planned[] {
  return reads.map((read) => ({ read, answered: false, refusals: 0 }));
}

const isAnswered = (result: ReadResult): boolean => !(result instanceof OperationalError);

const wasAsked = (result: ReadResult): boolean =>
  !(result instanceof OperationalError && result.code === 'not-connected');

function isSplittable(result: ReadResult): boolean {
  return (
    result instanceof OperationalError &&
    result.cause instanceof ModbusException &&
    SPLITS.includes(result.cause.exception)
  );
}

/** The parts of a refused read of which at least one is answered; null where none is. */
async function probe(
  { read }: Tried,
  ask: (read: ModbusRead) => Promise<ReadResult>,
  probes: { left: number },
): Promise<Tried[] | null> {
  const halves = splitRead(read);
  if (halves === null || probes.left < halves.length) return null;
  probes.left -= halves.length;
  const found: Tried[] = [];
  for (const half of halves) {
    const tried: Tried = { read: half, result: await ask(half) };
    const parts = isSplittable(tried.result) ? await probe(tried, ask, probes) : null;
    found.push(...(parts ?? [tried]));
  }
  return found.some(({ result }) => isAnswered(result)) ? found : null;
}

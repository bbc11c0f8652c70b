/**
 * How far the clocks of gateways are off, and by what the times are corrected that a gateway stamped itself: of devices that
 * are polled, or that tell no time. A gateway's status tells when it was written; rows do not, since they may have waited.
 */
import { BoundedMap, type ClockOffset, DeviceClock, MINUTE, SECOND } from '@village/core';
import type { SequenceState } from '@village/store/time-series';
import type { BatchNumber } from './message-context.ts';

/** A status that comes so soon after the connection was made waited no longer than that. */
const JUST_NOW_MS = 30 * SECOND;
/** Whose clock moved by more against the time that passes has been set. */
const SET_MS = MINUTE;
/** Clocks that are no further apart agree: which is right is no question then. */
const AGREE_MS = 2 * MINUTE;
const GATEWAYS_MAX = 10_000;
/** States of one gateway's clock that are told apart by the numbers of its batches. */
const STATES_MAX = 16;

/** Batches whose shift is remembered, in case they come again. */
const SHIFTS_MAX = 20_000;
/** Ends the keys of shifts. */
const SHIFT = 'shift';

/** Batches of an outbox from a number on, and what their times are corrected by, ms. */
interface State {
  readonly epoch: string;
  readonly from: number;
  readonly correction: number;
}

/** The two clocks less the time that passes: which of them was set. */
interface Bases {
  readonly theirs: number;
  readonly ours: number;
}

interface GatewayClock {
  clock: DeviceClock;
  connectedAt: number | null;
  bases: Bases | null;
  /** By how much our own clock was set since it was held against the gateway's: that is no fault of the gateway's. */
  ourShift: number;
  /** The highest number that came since the start, which need not be durable yet. */
  newest: { readonly epoch: string; seq: number } | null;
  /** The newest last. */
  states: readonly State[];
}

export interface GatewayClocksParts {
  /** Keeps a correction over a restart. */
  readonly remember: (key: string, correction: number) => void;
  readonly remembered: Iterable<readonly [key: string, correction: number]>;
  /** The time that passes, ms. */
  readonly elapsed: () => number;
  /** Which of a gateway's batches came. */
  readonly sequences: (gateway: string, epoch: string) => SequenceState | undefined;
}

export class GatewayClocks {
  readonly #parts: GatewayClocksParts;
  /** What was made of the shifts of batches, by the batch. */
  readonly #shifts = new BoundedMap<string, number>(SHIFTS_MAX);
  readonly #gateways = new BoundedMap<string, GatewayClock>(GATEWAYS_MAX);

  constructor(parts: GatewayClocksParts) {
    this.#parts = parts;
    for (const [key, correction] of parts.remembered) {
      // Ids of devices, whose corrections are remembered beside these, have no stroke.
      const [id = '', from = '', epoch = '', what] = key.split('/');
      if (what === SHIFT) this.#shifts.set(key, correction);
      if (what !== undefined) continue;
      if (epoch === '' || !Number.isSafeInteger(Number(from))) continue;
      this.#add(id, { epoch, from: Number(from), correction });
    }
  }

  #of(id: string): GatewayClock {
    let one = this.#gateways.get(id);
    if (one === undefined) {
      const clock = new DeviceClock();
      one = { clock, connectedAt: null, bases: null, ourShift: 0, newest: null, states: [] };
      this.#gateways.set(id, one);
    }
    return one;
  }

  #add(id: string, state: State): void {
    const one = this.#of(id);
    one.states = [...one.states, state].slice(-STATES_MAX);
    one.clock = new DeviceClock(state.correction);
  }

  connected(id: string, at: number): void {
    this.#of(id).connectedAt = at;
  }

  /** A status was written at `told` by the gateway's clock; `ownFrom` is as of the status. */
  told(
    id: string,
    told: number,
    receivedAt: number,
    { epoch, ownFrom = 1 }: { readonly epoch?: string | undefined; readonly ownFrom?: number },
  ): void {
    const one = this.#of(id);
    const { clock, connectedAt } = one;
    one.connectedAt = null;
    const waited = connectedAt === null ? Number.POSITIVE_INFINITY : receivedAt - connectedAt;
    this.#noteSet(one, told, receivedAt);
    const reference = receivedAt - one.ourShift;
    if (waited >= 0 && waited <= JUST_NOW_MS) clock.prove(told, reference);
    else clock.note(told, reference);
    if (epoch === undefined) return;
    const correction = clock.correction(true);
    if (correction === (one.states.at(-1)?.correction ?? 0)) return;
    // What came before it was measured anew gets the same time again when it is repeated.
    const newest = one.newest?.epoch === epoch ? one.newest.seq : 0;
    const from = Math.max(
      ownFrom,
      newest + 1,
      (this.#parts.sequences(id, epoch)?.highest ?? 0) + 1,
    );
    one.states = [...one.states, { epoch, from, correction }].slice(-STATES_MAX);
    this.#parts.remember(`${id}/${from}/${epoch}`, correction);
  }

  /** Tells whether it is our own clock that was set since the last status. */
  #noteSet(one: GatewayClock, told: number, receivedAt: number): void {
    const elapsed = this.#parts.elapsed();
    const bases = { theirs: told - elapsed, ours: receivedAt - elapsed };
    const before = one.bases;
    one.bases = bases;
    if (Math.abs(told - receivedAt) <= AGREE_MS) one.ourShift = 0;
    else if (before !== null && Math.abs(bases.theirs - before.theirs) < SET_MS) {
      const ours = bases.ours - before.ours;
      if (Math.abs(ours) >= SET_MS) one.ourShift += ours;
    }
  }

  /** What times that the gateway stamped are ahead by, ms; those of no batch are held against what is known now. */
  ahead(id: string, batch: BatchNumber | null): number {
    const one = this.#of(id);
    const { states } = one;
    if (batch === null) return states.at(-1)?.correction ?? 0;
    const { epoch, seq } = batch;
    if (one.newest?.epoch !== epoch) one.newest = { epoch, seq };
    else if (seq > one.newest.seq) one.newest.seq = seq;
    const place = states.findLastIndex((one) => one.epoch !== epoch || one.from <= seq);
    const correction = states[place]?.correction ?? 0;
    // A shift leads to the clock as it is now; an earlier state is of a time before it was set.
    return place === states.length - 1 ? correction - this.#shift(id, batch) : correction;
  }

  /** A batch that came before its gateway's clock was set, and comes again, keeps the times that it was stored under. */
  #shift(id: string, { epoch, seq, shift }: BatchNumber): number {
    if (shift === 0) return 0;
    const key = `${id}/${seq}/${epoch}/${SHIFT}`;
    const known = this.#shifts.get(key);
    if (known !== undefined) return known;
    const { highest = 0, gaps = [] } = this.#parts.sequences(id, epoch) ?? {};
    const isMissing = seq > highest || gaps.some(([from, to]) => seq >= from && seq <= to);
    const made = isMissing ? shift : 0;
    this.#shifts.set(key, made);
    this.#parts.remember(key, made);
    return made;
  }

  /** What is known of a gateway's clock; null when it has told no time since the start. */
  offset(id: string): ClockOffset | null {
    return this.#gateways.get(id)?.clock.offset ?? null;
  }
}

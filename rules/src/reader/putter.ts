/**
 * Puts down what the engine told, with the place up to which all is put down, in one transaction. It runs beside the engine: what is told
 * while it writes waits for the next. A fault ends it; whoever reads begins again from what is there.
 */
import { randomUUID } from 'node:crypto';
import { SECOND, type Timer } from '@village/core';
import type { MarkedPlace } from '@village/platform';
import {
  FILE_TRANSACTION_MS,
  type Relational,
  type RelationalAccess,
} from '@village/store/relational';
import {
  type ChangedAlert,
  type Keeper,
  keyOf,
  pieces,
  type ToldTransition,
} from '../alerts/keeper.ts';
import { alertTables } from '../alerts/tables.ts';
import { Late, putLate } from './late.ts';

/** Groups of which nothing was told after which the place is put down, and how long it waits for that. */
const PLACE_GROUPS = 1_000;
const PLACE_MS = 5 * SECOND;
/** What one transaction takes in some seconds on a slow machine. */
const TOLD_AT_ONCE = 4_000;

/** A stretch of receive times, ms. */
export interface Missed {
  readonly from: number;
  readonly to: number;
}

export interface PutterOptions {
  readonly relational: Relational;
  readonly keeper: Keeper;
  readonly place: MarkedPlace;
  readonly timer: Timer;
  /** Told of alerts once what became of them is put down; must not throw. */
  readonly changed: (alerts: readonly ChangedAlert[]) => void;
}

export class Putter {
  readonly #options: PutterOptions;
  #told: ToldTransition[] = [];
  #late = new Late();
  #missed: Missed[] = [];
  /** The last group of which all was told, and the last of which all is put down. */
  #taken = 0;
  #put = 0;
  #putAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | null = null;
  /** Why it ended; null while it works. */
  fault: unknown = null;

  constructor(options: PutterOptions) {
    this.#options = options;
  }

  /** Transitions that wait to be put down. */
  get waiting(): number {
    return this.#told.length;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Begins anew where all up to a group is put down. The place itself is put down soon. */
  async reset(put: number): Promise<void> {
    await this.#writing;
    this.#told = [];
    this.#late = new Late();
    this.#missed = [];
    this.#taken = put;
    this.#put = put;
    this.#putAt = Number.NEGATIVE_INFINITY;
    this.fault = null;
  }

  /** All of a group was told. */
  took(group: number, told: readonly ToldTransition[]): void {
    this.tell(told);
    this.#taken = group;
  }

  /** Told between groups. */
  tell(told: readonly ToldTransition[]): void {
    for (const one of told) this.#told.push(one);
  }

  late(device: string, at: number, now: number): void {
    this.#late.note(device, at, now);
  }

  /** What was received then is not judged. */
  missed(span: Missed): void {
    this.#missed.push(span);
  }

  get #isDue(): boolean {
    if (this.#told.length > 0) return true;
    const groups = this.#taken - this.#put;
    if (groups === 0) return false;
    const waits = this.#options.timer.elapsed() - this.#putAt;
    return groups >= PLACE_GROUPS || waits >= PLACE_MS;
  }

  /** Begins to write when something is due, and does not wait for it; a fault shows in `fault`. */
  putWhenDue(): void {
    if (this.#writing !== null || this.fault !== null || !this.#isDue) return;
    this.#writing = this.#work().finally(() => {
      this.#writing = null;
    });
  }

  async #work(): Promise<void> {
    while (this.fault === null && this.#isDue) await this.#write();
  }

  /** Waits for what is being written. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  /** Puts down all that there is. @throws what kept it from that */
  async flush(): Promise<void> {
    await this.#writing;
    const isThere =
      this.#put === this.#taken && this.#told.length + this.#late.size + this.#missed.length === 0;
    if (this.fault === null && !isThere) {
      this.#writing = this.#write().finally(() => {
        this.#writing = null;
      });
      await this.#writing;
    }
    if (this.fault !== null) throw this.fault;
  }

  async #write(): Promise<void> {
    const { relational, place, timer, changed } = this.#options;
    const told = this.#told.splice(0);
    const late = this.#late.take();
    const missed = this.#missed.splice(0);
    const group = this.#taken;
    try {
      const rest = told.length > TOLD_AT_ONCE ? await this.#ahead(told) : told;
      await place.write(
        (write) =>
          relational
            .transaction(
              async (tx) => {
                const put = rest.length === 0 ? null : await this.#options.keeper.put(tx, rest);
                await putLate(tx, late);
                await putMissed(tx, missed, timer.now());
                await write(tx);
                return put;
              },
              { limitMs: FILE_TRANSACTION_MS },
            )
            .then((put) => {
              put?.kept();
              changed(put?.changed ?? []);
            }),
        group,
      );
    } catch (error) {
      this.fault = error;
      return;
    }
    this.#put = group;
    this.#putAt = timer.elapsed();
  }

  /**
   * Of very many: those of alerts of which one thing alone was told, in transactions before that of the place. When that fails they are told
   * again and change nothing. Gives the others.
   */
  async #ahead(told: readonly ToldTransition[]): Promise<ToldTransition[]> {
    const { relational, keeper, changed } = this.#options;
    const byKey = Map.groupBy(told, ({ transition }) => keyOf(transition));
    const single = [...byKey.values()].flatMap((all) => (all.length === 1 ? all : []));
    for (const some of pieces(single, TOLD_AT_ONCE)) {
      const put = await relational.transaction((tx) => keeper.put(tx, some), {
        limitMs: FILE_TRANSACTION_MS,
      });
      put.kept();
      changed(put.changed);
    }
    return told.filter(({ transition }) => byKey.get(keyOf(transition))?.length !== 1);
  }
}

/** Keeps that what was received then was never judged. */
export async function putMissed(
  tx: Pick<RelationalAccess, 'for'>,
  missed: readonly Missed[],
  now: number,
): Promise<void> {
  if (missed.length === 0) return;
  await alertTables(tx)
    .insertInto('rules_missed')
    .values(
      missed.map(({ from, to }) => ({
        ...{ id: randomUUID(), from_at: from, to_at: to, noted_at: now },
      })),
    )
    .execute();
}

/** Computes marked days of many devices of one reading of the archive, and puts them down with the end of their marks. */
import { DAY } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { JobRun } from '../../module.ts';
import type { AreaWork, ChangedDay } from '../areas/work.ts';
import { type FigureTurns, turnsUntil } from '../at-once.ts';
import type { Circumstances } from '../circumstances.ts';
import { applies } from '../compute.ts';
import { dayOf, dayStart, lastDeletedDay, lengthOf, runsOf, settledBefore } from '../days.ts';
import type { Figure } from '../figure.ts';
import type { Sources } from '../sources.ts';
import { dropDays, type NewDay, type Put, storeDays, withStatements } from './days-stored.ts';
import { type FigureFault, faultsOf } from './faults.ts';
import { endMarks, type Marks } from './marks.ts';
import type { StoredResult } from './packed.ts';
import { type FigureTables, figureTables } from './tables.ts';

export interface DeviceWorkOptions {
  readonly figures: readonly Figure[];
  /** What is stored of areas; none without. */
  readonly areas?: AreaWork;
  readonly sources: Sources;
  readonly relational: Relational;
  readonly marks: Pick<Marks, 'worked' | 'begun'>;
  /** Whose turns each part of the work waits for; those of answers. */
  readonly atOnce?: FigureTurns;
  readonly clock: () => number;
  /** Readings from before it may have been deleted; without, all are there. */
  readonly deletedBefore?: () => number;
}

type MarkRow = FigureTables['figure_mark'];

/** What is marked of one device. */
export interface MarkedDevice {
  readonly device: string;
  readonly marks: readonly MarkRow[];
}

/** A device's marked days and those around that look at them, computed. */
interface Computed extends MarkedDevice {
  readonly held: Circumstances;
  readonly days: NewDay[];
}

/** Some of a device's days, and whether they are its last. */
interface Piece {
  readonly of: Computed;
  readonly days: readonly NewDay[];
  readonly isLast: boolean;
}

/** Days put down in one transaction. */
const DAYS_A_TRANSACTION = 400;

/** What was done for one device. */
export interface Done extends Omit<Put, 'other'> {
  readonly computed: number;
  /** What figures threw. */
  readonly faults: readonly FigureFault[];
  /** Its marks are ended; of a large device some days are put down before. */
  readonly isLast: boolean;
}

export class DeviceWork {
  readonly #options: DeviceWorkOptions;

  constructor(options: DeviceWorkOptions) {
    this.#options = options;
  }

  /**
   * Works devices off; each is told of when it is put down. Those of which a statement came to hold meanwhile stay marked, and are not
   * told of.
   */
  async work(
    devices: readonly MarkedDevice[],
    run: Pick<JobRun, 'signal' | 'hold'>,
    done: (device: Done) => void,
  ): Promise<void> {
    const { sources, relational, areas, marks: reader } = this.#options;
    for (const { device, marks } of devices)
      reader.worked(device, Math.max(...marks.map(({ day }) => day)));
    const held = await this.#circumstances(devices);
    const unchanged = sources.statements.watch();
    const computed = await this.#compute(devices, held, run.signal);
    const standing = (await areas?.standing()) ?? null;
    // Some of it was computed before a statement held: it stays marked, and is computed again. Those about others hold up nothing.
    const settled = computed.filter(({ device }) => unchanged(device));
    for (const pieces of inTransactions(settled)) {
      const put = await relational.transaction(async (tx) => {
        await run.hold(tx);
        if (!(await sources.statements.isCurrent(tx))) return null;
        return this.#put(tx, pieces, standing);
      });
      // The database may have been brought to a state in which they are settled; what is still marked is computed once more.
      if (put === null) return sources.statements.follow();
      for (const one of put) done(one);
    }
  }

  async #circumstances(devices: readonly MarkedDevice[]): Promise<Map<string, Circumstances>> {
    const { sources } = this.#options;
    const ids = devices.map(({ device }) => device);
    const held = await sources.circumstancesOf(ids, await sources.version());
    // The registry has never heard of it.
    for (const id of ids) if (!held.has(id)) held.set(id, await sources.circumstances(id));
    return held;
  }

  async #compute(
    devices: readonly MarkedDevice[],
    held: ReadonlyMap<string, Circumstances>,
    signal: AbortSignal,
  ): Promise<Computed[]> {
    const { sources, atOnce, figures } = this.#options;
    const { turn } = turnsUntil(atOnce, signal);
    const found = new Map(
      devices.map((one) => [one.device, { ...one, days: new Map<string, Day>() }]),
    );
    // Figures that look equally far around are computed together, of the same rows.
    const alike = Map.groupBy(
      figures,
      ({ lookBehind = 0, lookAhead = 0 }) => `${lookBehind} ${lookAhead}`,
    );
    for (const some of alike.values()) {
      const wanted = devices.map(({ device, marks }) => ({
        held: held.get(device) as Circumstances,
        runs: this.#runsOf(some[0] as Figure, marks).map(([first, end]) => ({ first, end })),
      }));
      const asked = wanted.filter(({ runs }) => runs.length > 0);
      const results = sources.computeMany(some, asked, signal, turn);
      for await (const [device, figure, result] of results) {
        const own = found.get(device) as { days: Map<string, Day> };
        const span = { from: result.at, to: result.at + lengthOf(figure.span) };
        const day = dayOf(result.at);
        const one = own.days.get(`${day} ${figure.id}`) ?? { figure, day, results: [] };
        own.days.set(`${day} ${figure.id}`, one);
        one.results.push(withStatements(figure, device, span, result, sources.statements));
      }
    }
    return [...found.values()].map(({ device, marks, days }) => {
      const reasons = new Map(marks.map((mark) => [mark.day, mark.reasons]));
      // A day beside a marked one is computed for the same reason.
      const around = reasonsIn(marks);
      return {
        ...{ device, marks, held: held.get(device) as Circumstances },
        days: [...days.values()].map((one) => ({
          ...one,
          reasons: reasons.get(one.day) ?? around,
        })),
      };
    });
  }

  /** Puts some devices' days down, and ends the marks of those whose last days are among them. */
  async #put(
    tx: Pick<Relational, 'for'>,
    pieces: readonly Piece[],
    standing: Awaited<ReturnType<AreaWork['standing']>>,
  ): Promise<Done[]> {
    const { areas, clock, figures } = this.#options;
    const stored = await storeDays(
      tx,
      pieces.map(({ of, days }) => ({ held: of.held, days })),
      clock(),
    );
    const over = pieces.filter(({ isLast }) => isLast).map(({ of }) => of);
    const gone = over.map(({ device, held, marks }) => ({
      ...{ device, marks },
      figures: [...figures.filter((figure) => !applies(figure, held)), ...(areas?.figures ?? [])],
    }));
    const dropped = await dropDays(tx, gone, clock());
    const other = stored.flatMap(({ device, other: days }) =>
      days.map((one) => ({ device, ...one })),
    );
    const unstored = over.flatMap((one) => this.#unstored(one));
    await areas?.markAreas(tx, standing, [...other, ...unstored, ...dropped]);
    await endMarks(
      tx,
      over.flatMap(({ marks }) => marks),
    );
    if (over.length > 0)
      await figureTables(tx)
        .insertInto('figure_device')
        .values(over.map(({ device, held }) => ({ device, circumstances: held.digest })))
        // Of an attribute that was changed and changed back some days would be left under what held between.
        .onConflict((c) =>
          c
            .column('device')
            .doUpdateSet({ circumstances: '' })
            .whereRef('figure_device.circumstances', '<>', 'excluded.circumstances'),
        )
        .execute();
    const put = new Map(stored.map((one) => [one.device, one]));
    return pieces.map(({ of: { device }, days, isLast }) => ({
      ...{ device, isLast, computed: days.length, faults: faultsOf(days) },
      damaged: put.get(device)?.damaged ?? 0,
      changed:
        (put.get(device)?.changed ?? 0) + dropped.filter((one) => one.device === device).length,
    }));
  }

  /** Days of figures that nothing is stored of and that figures of areas are made of. */
  #unstored({ device, held, marks }: Computed): ChangedDay[] {
    const days: ChangedDay[] = [];
    const reasons = reasonsIn(marks);
    for (const figure of this.#options.areas?.unstored(held) ?? [])
      for (const [first, end] of this.#runsOf(figure, marks))
        for (let day = first; day < end; day++) days.push({ device, figure, day, reasons });
    return days;
  }

  /** Closed days that the marked ones are in the windows of, as runs without gaps. */
  #runsOf(
    { lookBehind = 0, lookAhead = 0 }: Figure,
    marks: readonly MarkRow[],
  ): (readonly [first: number, end: number])[] {
    const { clock, deletedBefore } = this.#options;
    const today = settledBefore(clock());
    const deleted = lastDeletedDay(deletedBefore);
    const days = new Set<number>();
    for (const { day } of marks)
      for (
        let other = dayOf(dayStart(day) - lookAhead);
        other <= dayOf(dayStart(day) + DAY - 1 + lookBehind) && other < today;
        other++
      )
        if (other > deleted) days.add(other);
    return runsOf([...days].sort((a, b) => a - b));
  }
}

interface Day {
  readonly figure: Figure;
  readonly day: number;
  readonly results: StoredResult[];
}

const reasonsIn = (marks: readonly MarkRow[]): number =>
  marks.reduce((bits, mark) => bits | mark.reasons, 0);

/** Days of devices by transaction: of many small devices together, of a large one over several. */
function* inTransactions(devices: readonly Computed[]): Generator<Piece[]> {
  let pieces: Piece[] = [];
  let room = DAYS_A_TRANSACTION;
  // Also who has no days has marks to end.
  for (const of of devices)
    for (let n = 0, isLast = false; !isLast; ) {
      const days = of.days.slice(n, n + room);
      n += days.length;
      isLast = n >= of.days.length;
      pieces.push({ of, days, isLast });
      room -= days.length;
      if (room > 0 && pieces.length < DAYS_A_TRANSACTION) continue;
      yield pieces;
      pieces = [];
      room = DAYS_A_TRANSACTION;
    }
  if (pieces.length > 0) yield pieces;
}

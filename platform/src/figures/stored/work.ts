/** Works off marks: computes the stored figures of closed days again, live days first, then the oldest. */
import { DAY, OperationalError } from '@village/core';
import type { Relational } from '@village/store/relational';
import { sql } from 'kysely';
import type { JobRun } from '../../module.ts';
import { AREA_KEYS, isAreaKey } from '../areas/keys.ts';
import type { AreaWork } from '../areas/work.ts';
import type { Circumstances } from '../circumstances.ts';
import { applies } from '../compute.ts';
import { dayOf, dayStart, lastDeletedDay, lengthOf, settledBefore } from '../days.ts';
import type { Figure } from '../figure.ts';
import type { Sources } from '../sources.ts';
import { dropDays, type NewDay, type Put, storeDays, withStatements } from './days-stored.ts';
import {
  endMarks,
  type Marks,
  markAllStored,
  markStored,
  marksOf,
  setRegistryVersion,
} from './marks.ts';
import type { StoredResult } from './packed.ts';
import { type FigureTables, figureTables, reasonBit } from './tables.ts';

export interface WorkOptions {
  readonly figures: readonly Figure[];
  /** What is stored of areas; none without. */
  readonly areas?: AreaWork;
  readonly sources: Sources;
  readonly relational: Relational;
  readonly marks: Pick<Marks, 'worked'>;
  readonly clock: () => number;
  readonly failed: (kind: string, error: unknown) => void;
  /** How long readings are kept, ms; undefined for ever. */
  readonly retention?: number | undefined;
}

type MarkRow = FigureTables['figure_mark'];

/** Marks looked at together; a year of a device and some. */
const MARKS = 400;
/** Devices with the oldest marks that are looked at together. */
const DEVICES_AT_ONCE = 20;
/** Days put down in one transaction. */
const DAYS_A_TRANSACTION = 400;
const DEVICES = 200;
/** Devices that a run gives up on before it ends. */
const FAILED_MAX = 100;
/** Devices that were given up on and are left out until all others have had their turn. */
const LEFT_OUT_MAX = 2_000;
/** Rounds of areas before devices are looked for again. */
const AREAS_AHEAD = 20;

export class FigureWork {
  readonly counters = { computed: 0, changed: 0, faults: 0, failures: 0, damaged: 0 };
  readonly #options: WorkOptions;
  readonly #stored: readonly Figure[];
  #definitionsMarked = false;
  /** False until circumstances were compared once: profiles may be others since the last start. */
  #circumstancesMarked = false;
  readonly #leftOut = new Set<string>();
  #areasAhead = 0;

  constructor(options: WorkOptions) {
    this.#options = options;
    this.#stored = options.figures.filter(({ keep }) => keep === 'stored');
  }

  /** Until nothing is due. What can't be computed for one device is told at the end; the others are done by then. */
  async run({ signal, progress }: JobRun): Promise<void> {
    await this.#markDefinitions();
    await this.#markCircumstances(signal);
    await this.#spareOld();
    this.#areasAhead = 0;
    let given = 0;
    let done = 0;
    let fault: unknown = null;
    let total = await this.#due();
    while (!signal.aborted && given < FAILED_MAX) {
      const marks = await this.#next([...this.#leftOut]);
      // All others have had their turn.
      if (marks.length === 0 || this.#leftOut.size > LEFT_OUT_MAX) {
        this.#leftOut.clear();
        break;
      }
      for (const [device, own] of Map.groupBy(marks, (mark) => mark.device)) {
        if (signal.aborted) return;
        try {
          if (isAreaKey(device)) await this.#area(device, own, signal);
          else await this.#device(device, own, signal);
        } catch (error) {
          if (signal.aborted) return;
          this.counters.failures++;
          given++;
          this.#leftOut.add(device);
          fault ??= error;
          if (!(error instanceof OperationalError)) this.#options.failed('figures', error);
        }
        done += own.length;
        total = Math.max(total, done);
        progress(done, total);
      }
    }
    if (fault !== null) throw fault;
  }

  /** The day that goes on, or is over for so short a time that what was sent in it is still to come. */
  #today(): number {
    return settledBefore(this.#options.clock());
  }

  /** Takes back marks of days whose readings may have been deleted: what is stored of them is all there is. */
  async #spareOld(): Promise<void> {
    const { relational, clock, retention } = this.#options;
    if (retention === undefined) return;
    const old = lastDeletedDay(clock(), retention);
    await relational.transaction(async (tx) => {
      const db = figureTables(tx);
      const definition = await db
        .selectFrom('figure_mark')
        .select('day')
        .where('day', '<=', old)
        .where(sql`reasons & ${reasonBit('definition')}`, '<>', 0)
        .limit(1)
        .executeTakeFirst();
      await db.deleteFrom('figure_mark').where('day', '<=', old).execute();
      // Readings may be kept for longer after the next start, and those days be there to be computed.
      if (definition !== undefined)
        await db.updateTable('figure_definition').set({ version: 0 }).execute();
    });
  }

  async #due(): Promise<number> {
    const row = await figureTables(this.#options.relational)
      .selectFrom('figure_mark')
      .select(({ fn }) => fn.countAll<number | string>().as('count'))
      .where('day', '<', this.#today())
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** The days to compute next: those of devices, and when there are none those of areas, which are made of them. */
  async #next(without: readonly string[]): Promise<MarkRow[]> {
    if (this.#areasAhead > 0) {
      this.#areasAhead--;
      const areas = await this.#nextOf('areas', without);
      if (areas.length > 0) return areas;
    }
    const devices = await this.#nextOf('devices', without);
    if (devices.length > 0) return devices;
    // Looking through the marks of areas for one of a device takes long where there are many.
    this.#areasAhead = AREAS_AHEAD;
    return this.#nextOf('areas', without);
  }

  /** Of yesterday, then the oldest. A day that goes on waits for its end. */
  async #nextOf(of: 'devices' | 'areas', without: readonly string[]): Promise<MarkRow[]> {
    const { relational } = this.#options;
    const live = this.#today() - 1;
    const marks = await marksOf(relational, of, { on: live }, without, MARKS).execute();
    if (marks.length > 0) return marks;
    const oldest = await marksOf(
      relational,
      of,
      { before: live },
      without,
      DEVICES_AT_ONCE,
    ).execute();
    if (oldest.length === 0) return [];
    // A device's other days with it: one after the other, each would cost a question and a transaction of its own.
    return figureTables(relational)
      .selectFrom('figure_mark')
      .selectAll()
      .where('device', 'in', [...new Set(oldest.map(({ device }) => device))])
      .where('day', '<', live)
      .orderBy('device')
      .orderBy('day')
      .limit(MARKS)
      .execute();
  }

  /** Computes a device's marked days and those around that look at them, and puts them down with the end of the marks. */
  async #device(device: string, marks: readonly MarkRow[], signal: AbortSignal): Promise<void> {
    const { sources, relational, clock, areas } = this.#options;
    this.#options.marks.worked(device, Math.max(...marks.map(({ day }) => day)));
    const held = await sources.circumstances(device);
    const days: NewDay[] = [];
    const { number } = sources.statements;
    // Figures that look equally far around are computed together, of the same rows.
    const own = this.#stored.filter((figure) => applies(figure, held));
    const alike = Map.groupBy(
      own,
      ({ lookBehind = 0, lookAhead = 0 }) => `${lookBehind} ${lookAhead}`,
    );
    for (const figures of alike.values())
      for (const [first, end] of this.#runsOf(figures[0] as Figure, marks))
        days.push(...(await this.#compute(figures, held, first, end, marks, signal)));
    // Some of it was computed before a statement held: it stays marked, and is computed again.
    if (sources.statements.number !== number) return;
    const gone = this.#stored.filter((figure) => !applies(figure, held));
    const standing = (await areas?.standing()) ?? null;
    for (let n = 0; n === 0 || n < days.length; n += DAYS_A_TRANSACTION) {
      const part = days.slice(n, n + DAYS_A_TRANSACTION);
      const put = await relational.transaction(async (tx) => {
        const kept = await storeDays(tx, held, part, clock());
        await areas?.markAreas(tx, standing, device, kept.other);
        if (n + DAYS_A_TRANSACTION >= days.length) {
          await areas?.markAreas(tx, standing, device, this.#unstored(held, marks));
          const dropped = await dropDays(tx, held, gone, marks, clock());
          await areas?.markAreas(tx, standing, device, dropped);
          this.counters.changed += dropped.length;
          await endMarks(tx, device, marks);
          await figureTables(tx)
            .insertInto('figure_device')
            .values({ device, circumstances: held.digest })
            // Of an attribute that was changed and changed back some days would be left under what held between.
            .onConflict((c) =>
              c
                .column('device')
                .doUpdateSet({ circumstances: '' })
                .where('figure_device.circumstances', '<>', held.digest),
            )
            .execute();
        }
        return kept;
      });
      this.counters.computed += part.length;
      this.#count(device, put);
    }
  }

  #count(owner: string, { changed, damaged }: Pick<Put, 'changed' | 'damaged'>): void {
    this.counters.changed += changed;
    this.counters.damaged += damaged;
    if (damaged > 0)
      this.#options.failed(
        'figures-damaged',
        new Error(`${damaged} stored figures of ${owner} could not be read and were replaced`),
      );
  }

  /** Days of figures that nothing is stored of and that figures of areas are made of. */
  #unstored(
    held: Circumstances,
    marks: readonly MarkRow[],
  ): { figure: Figure; day: number; reasons: number }[] {
    const days: { figure: Figure; day: number; reasons: number }[] = [];
    const reasons = marks.reduce((bits, mark) => bits | mark.reasons, 0);
    for (const figure of this.#options.areas?.unstored(held) ?? [])
      for (const [first, end] of this.#runsOf(figure, marks))
        for (let day = first; day < end; day++) days.push({ figure, day, reasons });
    return days;
  }

  /** An area's marked days; its devices' have been computed by then. */
  async #area(key: string, marks: readonly MarkRow[], signal: AbortSignal): Promise<void> {
    const done = await this.#options.areas?.area(key, marks, signal);
    if (done === undefined || done === null) return;
    this.counters.computed += done.days;
    this.counters.faults += done.faults;
    this.#count(key, done);
  }

  /** Closed days that the marked ones are in the windows of, as runs without gaps. */
  #runsOf(
    { lookBehind = 0, lookAhead = 0 }: Figure,
    marks: readonly MarkRow[],
  ): (readonly [first: number, end: number])[] {
    const today = this.#today();
    const { clock, retention } = this.#options;
    const deleted = lastDeletedDay(clock(), retention);
    const days = new Set<number>();
    for (const { day } of marks)
      for (
        let other = dayOf(dayStart(day) - lookAhead);
        other <= dayOf(dayStart(day) + DAY - 1 + lookBehind) && other < today;
        other++
      )
        if (other > deleted) days.add(other);
    const runs: [number, number][] = [];
    for (const day of [...days].sort((a, b) => a - b)) {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === day) last[1]++;
      else runs.push([day, day + 1]);
    }
    return runs;
  }

  async #compute(
    figures: readonly Figure[],
    held: Circumstances,
    first: number,
    end: number,
    marks: readonly MarkRow[],
    signal: AbortSignal,
  ): Promise<NewDay[]> {
    const { sources } = this.#options;
    const reasons = new Map(marks.map((mark) => [mark.day, mark.reasons]));
    // A day beside a marked one is computed for the same reason.
    const around = marks.reduce((bits, mark) => bits | mark.reasons, 0);
    const found = new Map<string, { figure: Figure; day: number; results: StoredResult[] }>();
    for await (const [figure, result] of sources.compute(figures, held, first, end, signal)) {
      const span = { from: result.at, to: result.at + lengthOf(figure.span) };
      const day = dayOf(result.at);
      const key = `${day} ${figure.id}`;
      const one = found.get(key) ?? { figure, day, results: [] };
      found.set(key, one);
      one.results.push(withStatements(figure, held.device, span, result, sources.statements));
      if (result.fault !== null) this.counters.faults++;
    }
    return [...found.values()].map((one) => ({ ...one, reasons: reasons.get(one.day) ?? around }));
  }

  /** Marks what was stored by another definition, once a definition. */
  async #markDefinitions(): Promise<void> {
    if (this.#definitionsMarked) return;
    const { relational, areas } = this.#options;
    const known = await figureTables(relational)
      .selectFrom('figure_definition')
      .selectAll()
      .execute();
    const versions = new Map(known.map(({ figure, version }) => [figure, version]));
    const present = [...this.#stored, ...(areas?.figures ?? [])];
    for (const { id: figure, version } of present) {
      const before = versions.get(figure);
      if (before === version) continue;
      // Of one that there was not for a while nobody worked off what happened meanwhile.
      const which = before === undefined ? { figure } : { figure, otherThan: version };
      await markAllStored(relational, reasonBit('definition'), which);
      await figureTables(relational)
        .insertInto('figure_definition')
        .values({ figure, version })
        .onConflict((conflict) => conflict.column('figure').doUpdateSet({ version }))
        .execute();
    }
    let gone = figureTables(relational).deleteFrom('figure_definition');
    const ids = present.map(({ id }) => id);
    if (ids.length > 0) gone = gone.where('figure', 'not in', ids);
    await gone.execute();
    this.#definitionsMarked = true;
  }

  /** Marks devices of which something else holds than when their figures were computed: another profile, another attribute. */
  async #markCircumstances(signal: AbortSignal): Promise<void> {
    const { relational, sources } = this.#options;
    const version = await sources.version();
    const row = await figureTables(relational)
      .selectFrom('figure_place')
      .select('registry')
      .executeTakeFirst();
    if (row?.registry === version && this.#circumstancesMarked) return;
    for (let after = ''; !signal.aborted; ) {
      const page = await figureTables(relational)
        .selectFrom('figure_device')
        .selectAll()
        .where('device', '>', after)
        .where('device', 'not like', AREA_KEYS)
        .orderBy('device')
        .limit(DEVICES)
        .execute();
      const held = await sources.circumstancesOf(
        page.map(({ device }) => device),
        version,
      );
      for (const { device, circumstances } of page) {
        const digest = held.get(device)?.digest;
        if (digest === undefined || digest === circumstances) continue;
        await relational.transaction(async (tx) => {
          await markStored(tx, reasonBit('circumstances'), device);
          await figureTables(tx)
            .updateTable('figure_device')
            .set({ circumstances: digest })
            .where('device', '=', device)
            .execute();
        });
      }
      const last = page.at(-1);
      if (last === undefined || page.length < DEVICES) {
        await this.#options.areas?.markCircumstances(version, signal);
        if (signal.aborted) return;
        await setRegistryVersion(relational, version);
        this.#circumstancesMarked = true;
        return;
      }
      after = last.device;
    }
  }
}

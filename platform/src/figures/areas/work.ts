/** Keeps stored figures of areas: marked when what a device gave becomes another, or who stood there; computed after the devices'. */
import { DAY } from '@village/core';
import type { Relational, RelationalAccess } from '@village/store/relational';
import type { JobRun } from '../../module.ts';
import { type FigureTurns, turnsUntil } from '../at-once.ts';
import type { Circumstances } from '../circumstances.ts';
import { applies } from '../compute.ts';
import { dayOf, dayStart, lastDeletedDay, WHOLE_DAY } from '../days.ts';
import type { AnyFigure, AreaFigure, Figure } from '../figure.ts';
import type { Sources } from '../sources.ts';
import type { Known } from '../stored/current-days.ts';
import { dropDays, type NewDay, storeDays } from '../stored/days-stored.ts';
import { type FigureFault, faultsOf } from '../stored/faults.ts';
import { endMarks, type Mark, putMarks } from '../stored/marks.ts';
import type { StoredResult } from '../stored/packed.ts';
import { type FigureTables, figureTables, reasonBit } from '../stored/tables.ts';
import { AREA_KEYS, areaKey, areaOf } from './keys.ts';
import { Holding } from './members.ts';
import type { AreaSources } from './sources.ts';
import type { Standing } from './standing.ts';

export interface AreaWorkOptions {
  readonly figures: readonly AreaFigure[];
  readonly sources: Sources;
  readonly areas: AreaSources;
  readonly relational: Relational;
  readonly clock: () => number;
  /** Readings from before it may have been deleted; without, all are there. */
  readonly deletedBefore?: () => number;
  /** Whose turns each part of the work waits for; those of answers. */
  readonly atOnce?: FigureTurns;
}

type MarkRow = FigureTables['figure_mark'];

/** A day of a device on which a figure has become another. */
export interface ChangedDay {
  readonly device: string;
  readonly figure: AnyFigure;
  readonly day: number;
  readonly reasons: number;
}

const DAYS_A_TRANSACTION = 400;
const AREAS = 100;

/** What is gathered becomes a mark, and this is computed once more. */
const MARKS_ALONE: Known = { upToDate: true, gatheredOf: () => new Map() };

export class AreaWork {
  readonly #options: AreaWorkOptions;
  readonly #stored: readonly AreaFigure[];
  /** Figures of devices that something stored of areas is made of. */
  readonly #inputs: ReadonlyMap<string, Figure>;

  constructor(options: AreaWorkOptions) {
    this.#options = options;
    this.#stored = options.figures.filter(({ keep }) => keep === 'stored');
    this.#inputs = new Map(
      this.#stored.flatMap(({ inputs }) => inputs.map(({ figure }) => [figure.id, figure])),
    );
  }

  get figures(): readonly AreaFigure[] {
    return this.#stored;
  }

  /** Figures of a device that areas are made of and of which nothing is stored: all that is marked of it counts. */
  unstored(held: Circumstances): readonly Figure[] {
    return [...this.#inputs.values()].filter(
      (figure) => figure.keep === 'computed' && applies(figure, held),
    );
  }

  /** Who stood where; asked before the transaction that marks. Null when nothing is stored of areas. */
  async standing(): Promise<Standing | null> {
    const { sources, areas } = this.#options;
    return this.#stored.length === 0 ? null : areas.standing(await sources.version());
  }

  /** Marks the areas in which devices stood on days whose figures have become others. */
  async markAreas(
    access: Pick<RelationalAccess, 'for'>,
    standing: Standing | null,
    days: readonly ChangedDay[],
  ): Promise<void> {
    if (standing === null) return;
    const marks = new Map<string, Mark>();
    for (const { device, figure, day, reasons } of days) {
      if (!this.#inputs.has(figure.id)) continue;
      const span = { from: dayStart(day), to: dayStart(day) + DAY };
      for (const area of standing.areasOf(device, span)) {
        const before = marks.get(`${area} ${day}`)?.reasons ?? 0;
        const mark = { device: areaKey(area), day, mask: WHOLE_DAY, reasons: reasons | before };
        marks.set(`${area} ${day}`, mark);
      }
    }
    await putMarks(access, [...marks.values()]);
  }

  /**
   * Marks the areas in which a device stood on days on which it was not in service and all that is stored of it is marked: by its
   * readings alone it counted there, so that what holds of the area tells nothing of it.
   */
  async markOutOfService(
    access: Pick<RelationalAccess, 'for'>,
    standing: Standing | null,
    device: string,
    reasons: number,
  ): Promise<void> {
    if (standing === null) return;
    const stored = await figureTables(access)
      .selectFrom('figure_day')
      .select('day')
      .distinct()
      .where('device', '=', device)
      .execute();
    const marks = stored.flatMap(({ day }) => {
      const span = { from: dayStart(day), to: dayStart(day) + DAY };
      if (standing.served(device, span)) return [];
      return [...standing.areasOf(device, span)].map((area) => ({
        ...{ device: areaKey(area), day, mask: WHOLE_DAY, reasons },
      }));
    });
    await putMarks(access, marks);
  }

  /** Computes an area's marked days, and puts them down with the end of the marks. Null when it has to be done once more. */
  async area(
    key: string,
    marks: readonly MarkRow[],
    { signal, hold }: Pick<JobRun, 'signal' | 'hold'>,
    ofDevices: readonly Figure[],
  ): Promise<{ days: number; changed: number; damaged: number; faults: FigureFault[] } | null> {
    const { sources, areas, relational, clock, deletedBefore, atOnce } = this.#options;
    const computing = { known: MARKS_ALONE, ...turnsUntil(atOnce, signal) };
    const unchanged = sources.statements.watch();
    const looked = new Set<string>();
    const version = await sources.version();
    const today = dayOf(clock());
    const deleted = lastDeletedDay(deletedBefore);
    const due = marks.filter(({ day }) => day < today && day > deleted);
    const days: NewDay[] = [];
    const gone: AnyFigure[] = [...ofDevices];
    for (const figure of this.#stored) {
      const members = await areas.members(figure, areaOf(key), version);
      if (members.length === 0) {
        gone.push(figure);
        continue;
      }
      for (const { device } of members) looked.add(device);
      const holding = await Holding.over(figure, members);
      for (const { first, end, reasons } of runs(due)) {
        const found = new Map<number, StoredResult[]>();
        const results = areas.compute(figure, members, { first, end }, computing, signal);
        for await (const one of results) {
          const day = dayOf(one.at);
          const list = found.get(day) ?? [];
          found.set(day, list);
          list.push(one);
        }
        for (const [day, own] of found)
          days.push({
            ...{ figure, day, results: own, circumstances: await holding.of(day) },
            reasons: reasons.get(day) ?? 0,
          });
      }
    }
    // Some of it was computed before a statement held: it stays marked.
    if (![...looked].every(unchanged)) return null;
    const digest = await this.#digest(areaOf(key), version);
    const sum = { changed: 0, damaged: 0 };
    for (let n = 0; n === 0 || n < days.length; n += DAYS_A_TRANSACTION) {
      const part = days.slice(n, n + DAYS_A_TRANSACTION);
      const put = await relational.transaction(async (tx) => {
        await hold(tx);
        if (!(await sources.statements.isCurrent(tx))) return null;
        const own = { held: { device: key, digest }, days: part };
        const [kept] = await storeDays(tx, [own], clock());
        if (n + DAYS_A_TRANSACTION >= days.length) {
          const taken = { device: key, figures: gone, marks: due };
          const dropped = await dropDays(tx, [taken], clock());
          sum.changed += dropped.length;
          await endMarks(tx, marks);
          await figureTables(tx)
            .insertInto('figure_device')
            .values({ device: key, circumstances: digest })
            .onConflict((c) => c.column('device').doNothing())
            .execute();
        }
        return kept;
      });
      if (put === null) {
        await sources.statements.follow();
        return null;
      }
      sum.changed += put?.changed ?? 0;
      sum.damaged += put?.damaged ?? 0;
    }
    return { days: days.length, ...sum, faults: faultsOf(days) };
  }

  /** Of all that held for an area's stored figures, at any time. */
  #digest(area: string, version: number): Promise<string> {
    return this.#options.areas.digest(this.#stored, area, version);
  }

  /** Marks days of which something else holds than when they were computed: who stood there, what measured, what was said of it. */
  async markCircumstances(version: number, signal: AbortSignal): Promise<void> {
    const { relational } = this.#options;
    if (this.#stored.length === 0) return;
    for (let after = ''; !signal.aborted; ) {
      const page = await figureTables(relational)
        .selectFrom('figure_device')
        .selectAll()
        .where('device', 'like', AREA_KEYS)
        .where('device', '>', after)
        .orderBy('device')
        .limit(AREAS)
        .execute();
      for (const { device, circumstances } of page) {
        if (signal.aborted) return;
        const digest = await this.#digest(areaOf(device), version);
        if (digest !== circumstances) await this.#markChanged(device, digest, version);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < AREAS) return;
      after = last.device;
    }
  }

  async #markChanged(key: string, digest: string, version: number): Promise<void> {
    const { relational, areas } = this.#options;
    const holdings = new Map<string, Holding>();
    for (const figure of this.#stored)
      holdings.set(
        figure.id,
        await Holding.over(figure, await areas.members(figure, areaOf(key), version)),
      );
    const stored = await figureTables(relational)
      .selectFrom('figure_day')
      .select(['figure', 'day', 'circumstances'])
      .where('device', '=', key)
      .execute();
    const days = new Set<number>();
    for (const { figure, day, circumstances } of stored)
      if ((await holdings.get(figure)?.of(day)) !== circumstances) days.add(day);
    const reasons = reasonBit('circumstances');
    await relational.transaction(async (tx) => {
      await putMarks(
        tx,
        [...days].map((day) => ({ device: key, day, mask: WHOLE_DAY, reasons })),
      );
      await figureTables(tx)
        .updateTable('figure_device')
        .set({ circumstances: digest })
        .where('device', '=', key)
        .execute();
    });
  }
}

/** Marked days as runs without gaps, with the reasons of each. */
function runs(
  marks: readonly MarkRow[],
): { first: number; end: number; reasons: ReadonlyMap<number, number> }[] {
  const found: { first: number; end: number; reasons: Map<number, number> }[] = [];
  for (const { day, reasons } of [...marks].sort((a, b) => a.day - b.day)) {
    const last = found.at(-1);
    if (last !== undefined && last.end === day) {
      last.end++;
      last.reasons.set(day, reasons);
    } else found.push({ first: day, end: day + 1, reasons: new Map([[day, reasons]]) });
  }
  return found;
}

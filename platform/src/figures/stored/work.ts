/** Works off marks: computes the stored figures of closed days again, live days first, then the oldest. */
import { OperationalError } from '@village/core';
import { sql } from 'kysely';
import type { JobRun } from '../../module.ts';
import { AREA_KEYS, isAreaKey } from '../areas/keys.ts';
import { lastDeletedDay, settledBefore } from '../days.ts';
import type { Figure } from '../figure.ts';
import type { Put } from './days-stored.ts';
import { DeviceWork, type DeviceWorkOptions, type MarkedDevice } from './devices.ts';
import { countFaults, type FigureFault, markFaults } from './faults.ts';
import { LeftOut } from './left-out.ts';
import { markAllStored, markStored, marksOf, setRegistryVersion } from './marks.ts';
import { type FigureTables, figureTables, reasonBit } from './tables.ts';

export interface WorkOptions extends DeviceWorkOptions {
  readonly failed: (kind: string, error: unknown) => void;
  /** Durations. */
  readonly elapsed: () => number;
}

type MarkRow = FigureTables['figure_mark'];

/** Marks worked off together; a year of a device and some. */
const MARKS = 400;
/** A device with more days than this has many, and others their turn before it goes on. */
const FEW_DAYS = 31;
/** Devices with the oldest marks that are looked at together. */
const DEVICES_AT_ONCE = 100;
const DEVICES = 200;
/** Devices that a run gives up on before it ends. */
const FAILED_MAX = 100;
/** Rounds of areas before devices are looked for again. */
const AREAS_AHEAD = 20;

/** Devices and areas that a run has given up on. */
interface Failures {
  first: unknown;
  given: number;
  readonly mayGoOn: () => boolean;
  readonly give: (owner: string, error: unknown) => void;
}

export class FigureWork {
  readonly counters = { computed: 0, changed: 0, faults: 0, failures: 0, damaged: 0 };
  /** Days of figures that are missing since computing them failed, when last looked at. */
  missing = 0;
  readonly #options: WorkOptions;
  readonly #stored: readonly Figure[];
  readonly #ofDevices: DeviceWork;
  /** How often the marks were begun when this was true of them. */
  #begun = 0;
  #definitionsMarked = false;
  /** False until circumstances were compared once: profiles may be others since the last start. */
  #circumstancesMarked = false;
  readonly #leftOut: LeftOut;
  /** Figures whose faults have been told in this run. */
  readonly #told = new Set<string>();
  #areasAhead = 0;
  /** Whether many days of one device were computed last. */
  #many = false;

  constructor(options: WorkOptions) {
    this.#options = options;
    this.#leftOut = new LeftOut(options.elapsed);
    this.#stored = options.figures.filter(({ keep }) => keep === 'stored');
    this.#ofDevices = new DeviceWork({ ...options, figures: this.#stored });
  }

  /** Until nothing is due. What can't be computed for one device is told at the end; the others are done by then. */
  async run(run: JobRun): Promise<void> {
    const { signal, progress } = run;
    if (this.#begun !== this.#options.marks.begun) {
      // The database may have been brought back to a time of other definitions and profiles.
      this.#begun = this.#options.marks.begun;
      this.#definitionsMarked = false;
      this.#circumstancesMarked = false;
    }
    await this.#markDefinitions();
    await this.#markCircumstances(signal);
    await markFaults(this.#options.relational, this.#options.clock());
    await this.#spareOld();
    this.#told.clear();
    this.#areasAhead = 0;
    const failed = this.#failures(signal);
    let done = 0;
    let total = await this.#due();
    while (failed.mayGoOn()) {
      const marks = await this.#next(this.#leftOut.owners);
      if (marks.length === 0 || this.#leftOut.isFull) {
        if (this.#leftOut.letIn()) continue;
        break;
      }
      const owners = [...Map.groupBy(marks, ({ device }) => device)].map(([device, own]) => ({
        device,
        marks: own,
      }));
      await this.#devices(
        owners.filter(({ device }) => !isAreaKey(device)),
        run,
        failed,
      );
      for (const area of owners.filter(({ device }) => isAreaKey(device)))
        if (failed.mayGoOn()) await this.#area(area, run, failed);
      if (signal.aborted) return;
      done += marks.length;
      total = Math.max(total, done);
      progress(done, total);
    }
    this.missing = await countFaults(this.#options.relational);
    // It has not gone well either while somebody waits to be tried again.
    const error = failed.first ?? this.#leftOut.error;
    if (error !== null) throw error;
  }

  /** What a run gives up on. */
  #failures(signal: AbortSignal): Failures {
    const failures: Failures = {
      first: null,
      given: 0,
      mayGoOn: () => !signal.aborted && failures.given < FAILED_MAX,
      give: (owner, error) => {
        this.counters.failures++;
        this.#leftOut.add(owner, error);
        failures.given++;
        failures.first ??= error;
        if (!(error instanceof OperationalError)) this.#options.failed('figures', error);
      },
    };
    return failures;
  }

  /** The day that goes on, or is over for so short a time that what was sent in it is still to come. */
  #today(): number {
    return settledBefore(this.#options.clock());
  }

  /** Takes back marks of days whose readings may have been deleted: what is stored of them is all there is. */
  async #spareOld(): Promise<void> {
    const { relational, deletedBefore } = this.#options;
    const old = lastDeletedDay(deletedBefore);
    if (!Number.isFinite(old)) return;
    await relational.transaction(async (tx) => {
      const db = figureTables(tx);
      const definition = await db
        .selectFrom('figure_mark')
        .select('day')
        .where('day', '<=', old)
        .where(sql`reasons & ${reasonBit('definition')}`, '<>', 0)
        .limit(1)
        .executeTakeFirst();
      for (const table of ['figure_mark', 'figure_fault'] as const)
        await db.deleteFrom(table).where('day', '<=', old).execute();
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
    const few = this.#many ? await this.#few(without) : [];
    const devices = few.length > 0 ? few : await this.#nextOf('devices', without);
    const days = [...Map.groupBy(devices, ({ device }) => device).values()];
    this.#many = days.some(({ length }) => length > FEW_DAYS);
    if (devices.length > 0) return devices;
    // Looking through the marks of areas for one of a device takes long where there are many.
    this.#areasAhead = AREAS_AHEAD;
    return this.#nextOf('areas', without);
  }

  /** Of devices with few days, so that a small correction doesn't wait for many large ones. */
  async #few(without: readonly string[]): Promise<MarkRow[]> {
    const live = this.#today() - 1;
    const all = figureTables(this.#options.relational).selectFrom('figure_mark');
    let query = all
      .select('device')
      .where('day', '<', live)
      .where('device', 'not like', AREA_KEYS)
      .groupBy('device')
      .having(({ fn }) => fn.countAll(), '<=', FEW_DAYS)
      .limit(DEVICES_AT_ONCE);
    if (without.length > 0) query = query.where('device', 'not in', [...without]);
    const found = await query.execute();
    if (found.length === 0) return [];
    return all
      .selectAll()
      .where(
        'device',
        'in',
        found.map(({ device }) => device),
      )
      .where('day', '<', live)
      .orderBy('device')
      .orderBy('day')
      .limit(MARKS)
      .execute();
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

  /**
   * Works devices off together; where that fails, half of them and then the others, so that it is one alone that is given up on. What
   * was put down by then is left out.
   */
  async #devices(devices: readonly MarkedDevice[], run: JobRun, failed: Failures): Promise<void> {
    if (devices.length === 0) return;
    const put = new Set<string>();
    try {
      await this.#ofDevices.work(devices, run, (done) => {
        if (done.isLast) {
          put.add(done.device);
          this.#leftOut.forget(done.device);
        }
        this.counters.computed += done.computed;
        this.#count(done.device, done);
        this.#tell(done.device, done.faults);
      });
    } catch (error) {
      if (run.signal.aborted) return;
      const rest = devices.filter(({ device }) => !put.has(device));
      const [one] = rest;
      if (one === undefined) throw error;
      if (devices.length === 1) return failed.give(one.device, error);
      const half = Math.ceil(rest.length / 2);
      for (const some of [rest.slice(0, half), rest.slice(half)])
        if (some.length > 0 && failed.mayGoOn()) await this.#devices(some, run, failed);
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

  /** What figures threw: counted, and of each figure the first told in a run. Nobody else misses anything. */
  #tell(owner: string, faults: readonly FigureFault[]): void {
    this.counters.faults += faults.length;
    for (const { figure, day, fault } of faults) {
      if (this.#told.has(figure.id)) continue;
      this.#told.add(figure.id);
      const what = `${figure.id} of ${owner} on day ${day} could not be computed: ${fault}`;
      this.#options.failed('figure-fault', new Error(what));
    }
  }

  /** An area's marked days; its devices' have been computed by then. */
  async #area({ device: key, marks }: MarkedDevice, run: JobRun, failed: Failures): Promise<void> {
    try {
      const done = await this.#options.areas?.area(key, marks, run, this.#stored);
      if (done === undefined || done === null) return;
      this.#leftOut.forget(key);
      this.counters.computed += done.days;
      this.#count(key, done);
      this.#tell(key, done.faults);
    } catch (error) {
      if (!run.signal.aborted) failed.give(key, error);
    }
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
        const { areas } = this.#options;
        const standing = (await areas?.standing()) ?? null;
        await relational.transaction(async (tx) => {
          await markStored(tx, reasonBit('circumstances'), device);
          await areas?.markOutOfService(tx, standing, device, reasonBit('circumstances'));
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

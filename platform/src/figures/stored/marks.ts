/**
 * Marks of what has to be computed again: a reader of the journal that gathers the hours of devices which got readings, for ten
 * seconds at most, and puts them down together with its place. An hour that still goes on is put down once and waits.
 */
import { randomInt } from 'node:crypto';
import { HOUR, SECOND, type Timer } from '@village/core';
import type { Relational, RelationalAccess } from '@village/store/relational';
import type {
  CommittedGroup,
  JournalPlace,
  SystemEvent,
  TimeSeriesStore,
} from '@village/store/time-series';
import { sql } from 'kysely';
import { MarkedPlace } from '../../marked-place.ts';
import type { ModuleReader } from '../../readers.ts';
import { AREA_KEYS } from '../areas/keys.ts';
import { dayOf, dayStart, masksOf, type Span, WHOLE_DAY } from '../days.ts';
import type { Statements } from '../sources.ts';
import { FIGURES, type FigureTables, figureTables, reasonBit } from './tables.ts';

export interface Mark {
  readonly device: string;
  readonly day: number;
  readonly mask: number;
  readonly reasons: number;
}

export interface MarksOptions {
  readonly relational: Relational;
  readonly store: Pick<TimeSeriesStore, 'head' | 'touched' | 'id'>;
  readonly timer: Timer;
  readonly statements: Pick<Statements, 'moved'>;
  /** Devices that any statement is or was about, also one that was taken back. */
  readonly said: () => Promise<readonly string[]>;
}

export interface MarkCounters {
  marked: number;
  rebuilds: number;
}

const GATHER_MS = 10 * SECOND;
/** Gathered (device, day)s that are not waited for longer. */
const GATHERED_MAX = 50_000;
const ROWS_A_STATEMENT = 200;
const ROWS_A_TRANSACTION = 20_000;
/** Devices all of whose stored days are marked in one transaction: ten years of each take a fraction of the time it may last. */
const DEVICES_A_TRANSACTION = 20;
const TOUCHED_PAGE = 20_000;
/** Journal that may wait; beyond it is marked by what the journal knows of touched hours. */
const LAG_MAX = 512 * 1024 * 1024;

interface Gathered {
  mask: number;
  reasons: number;
}

const LATE = reasonBit('late-data');

/** By chance, so that a mark that was lost with a restored database and made again is not taken for it. */
const newRevision = (): number => randomInt(1, 2 ** 31);

/** Puts marks down beside those that are there. */
export async function putMarks(
  access: Pick<RelationalAccess, 'for'>,
  marks: readonly Mark[],
): Promise<void> {
  const revision = newRevision();
  for (let n = 0; n < marks.length; n += ROWS_A_STATEMENT)
    await figureTables(access)
      .insertInto('figure_mark')
      .values(marks.slice(n, n + ROWS_A_STATEMENT).map((mark) => ({ ...mark, revision })))
      .onConflict((conflict) =>
        conflict.columns(['device', 'day']).doUpdateSet({
          mask: sql<number>`figure_mark.mask | excluded.mask`,
          reasons: sql<number>`figure_mark.reasons | excluded.reasons`,
          revision: sql<number>`excluded.revision`,
        }),
      )
      .execute();
}

/** Takes back marks that were worked off; what was marked again meanwhile stays marked. */
export async function endMarks(
  access: Pick<RelationalAccess, 'for'>,
  marks: readonly FigureTables['figure_mark'][],
): Promise<void> {
  const days = new Set(marks.map(({ day }) => day));
  const devices = new Set(marks.map(({ device }) => device));
  // Many devices are marked on few days, or few devices on many.
  const each = days.size < devices.size ? 'day' : 'device';
  const other = each === 'day' ? 'device' : 'day';
  for (const same of Map.groupBy(marks, (one) => `${one.revision} ${one[each]}`).values()) {
    const [first] = same as [FigureTables['figure_mark']];
    await figureTables(access)
      .deleteFrom('figure_mark')
      .where(each, '=', first[each])
      .where('revision', '=', first.revision)
      .where(
        other,
        'in',
        same.map((one) => one[other]),
      )
      .execute();
  }
}

/** Which stored days of a device are meant; all when nothing is said. */
export interface Which {
  readonly figure?: string;
  /** Those that were computed by another version of the definition. */
  readonly otherThan?: number;
}

/** Marks the days of all devices of which something is stored, some devices at a time; cut short, it is begun again. */
export async function markAllStored(
  relational: Relational,
  reasons: number,
  which: Which = {},
): Promise<void> {
  for (let after = ''; ; ) {
    const page = await figureTables(relational)
      .selectFrom('figure_device')
      .select('device')
      .where('device', '>', after)
      .orderBy('device')
      .limit(DEVICES_A_TRANSACTION)
      .execute();
    const last = page.at(-1);
    if (last === undefined) return;
    await relational.transaction(async (tx) => {
      for (const { device } of page) await markStored(tx, reasons, device, which);
    });
    after = last.device;
  }
}

/** Marks every day of a device of which something is stored. */
export async function markStored(
  access: Pick<RelationalAccess, 'for'>,
  reasons: number,
  device: string,
  { figure, otherThan }: Which = {},
): Promise<void> {
  const db = figureTables(access);
  let which = db.selectFrom('figure_day').where('device', '=', device);
  if (figure !== undefined) which = which.where('figure', '=', figure);
  if (otherThan !== undefined) which = which.where('version', '<>', otherThan);
  await db
    .insertInto('figure_mark')
    .columns(['device', 'day', 'mask', 'reasons', 'revision'])
    .expression(
      which
        .select([
          'device',
          'day',
          sql<number>`${sql.lit(WHOLE_DAY)}`.as('mask'),
          sql<number>`${sql.lit(reasons)}`.as('reasons'),
          sql<number>`${sql.lit(newRevision())}`.as('revision'),
        ])
        .groupBy(['device', 'day']),
    )
    .onConflict((conflict) =>
      conflict.columns(['device', 'day']).doUpdateSet({
        mask: sql<number>`figure_mark.mask | excluded.mask`,
        reasons: sql<number>`figure_mark.reasons | excluded.reasons`,
        revision: sql<number>`excluded.revision`,
      }),
    )
    .execute();
}

/** The marks of one day, or of all days before it, of devices or of areas, in the order in which they are worked off. */
export function marksOf(
  access: Pick<RelationalAccess, 'for'>,
  of: 'devices' | 'areas',
  which: { readonly on: number } | { readonly before: number },
  without: readonly string[],
  limit: number,
) {
  let query = figureTables(access)
    .selectFrom('figure_mark')
    .selectAll()
    .where('device', of === 'areas' ? 'like' : 'not like', AREA_KEYS);
  query = 'on' in which ? query.where('day', '=', which.on) : query.where('day', '<', which.before);
  if (without.length > 0) query = query.where('device', 'not in', without);
  return query.orderBy('day').orderBy('device').limit(limit);
}

/** Keeps up to which version of the registry changes have been marked. */
export const setRegistryVersion = (
  access: Pick<RelationalAccess, 'for'>,
  registry: number,
): Promise<unknown> =>
  figureTables(access)
    .insertInto('figure_place')
    .values({ id: 1, registry })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ registry }))
    .execute();

export class Marks implements ModuleReader {
  readonly name = 'figures';
  readonly lagMax = LAG_MAX;
  readonly counters: MarkCounters = { marked: 0, rebuilds: 0 };
  readonly #options: MarksOptions;
  readonly #place: MarkedPlace;
  /** How often all that is in memory was forgotten and read again; what is marked for other reasons may be lost then, too. */
  begun = 0;
  /** Its place is read anew: what it took may be behind or beyond that, until it begins there. */
  #placing = false;
  /** What is stored has yet to be marked. */
  #rebuilding = false;
  #gathered = new Map<string, Map<number, Gathered>>();
  #size = 0;
  /** The hours of devices that go on and have been gathered once since the present hour began. */
  #ongoing = new Map<string, number>();
  #hour = Number.NaN;
  #since = 0;
  /** The last group taken, and the last whose marks are durable. */
  #taken: JournalPlace | null = null;
  #kept: JournalPlace | null = null;
  #writing: Promise<unknown> = Promise.resolve();
  readonly #waiting = new Set<() => void>();

  constructor(options: MarksOptions) {
    this.#options = options;
    this.#place = new MarkedPlace(options.store.id, FIGURES, 'figure_reader');
  }

  async place(): Promise<JournalPlace | null> {
    this.#placing = true;
    await this.#writing.catch(() => undefined);
    return this.#place.read(this.#options.relational);
  }

  stands(): Promise<boolean> {
    return this.#place.isThere(this.#options.relational);
  }

  /** Everything after the place comes again. */
  begins(at: JournalPlace | null): void {
    this.begun++;
    this.#gathered = new Map();
    this.#ongoing = new Map();
    this.#size = 0;
    this.#taken = at;
    this.#kept = at;
    this.#placing = false;
    this.#rebuilding = false;
    for (const wake of this.#waiting) wake();
  }

  async take(group: CommittedGroup, place: JournalPlace): Promise<void> {
    // What was in it may be in the archive all the same, and stored figures without it.
    if (group.damaged) return this.#markSince(place, false);
    this.#gatherRows(group);
    const told = group.system.flatMap((event) => this.#gatherEvent(event));
    this.#taken = place;
    if (this.#kept === null) this.#kept = { ...place, group: place.group - 1 };
    for (const wake of this.#waiting) wake();
    // What people have said is not waited with.
    if (told.length > 0 || this.#size > GATHERED_MAX) await this.flush();
    else await this.flushWhenDue();
  }

  kept(): number {
    return this.#kept?.group ?? 0;
  }

  #gatherRows({ rows }: CommittedGroup): void {
    const now = Math.floor(this.#options.timer.now() / HOUR);
    if (now !== this.#hour) {
      // Also when the clock was set back: an hour that goes on again is put down again.
      this.#hour = now;
      this.#ongoing = new Map();
    }
    // Of each device the last hour that was looked at: its rows come in order, and a thousand statements may be about it.
    const gathered = new Map<string, number>();
    for (const block of rows) {
      const { count } = block;
      for (let row = 0; row < count; row++) {
        const hour = Math.floor(block.at(row) / HOUR);
        const device = block.device(row);
        if (gathered.get(device) === hour) continue;
        gathered.set(device, hour);
        this.#gatherMoved(device, hour);
        if (hour === now) {
          if (this.#ongoing.get(device) === hour) continue;
          this.#ongoing.set(device, hour);
        }
        this.#gatherHour(device, hour);
      }
    }
  }

  #gatherHour(device: string, hour: number): void {
    const at = hour * HOUR;
    const day = dayOf(at);
    this.#gather(device, day, 1 << ((at - dayStart(day)) / HOUR), LATE);
  }

  /** Where statements move what was received then. Not passed over in an hour that goes on: it may be moved to one that is over. */
  #gatherMoved(device: string, hour: number): void {
    const { statements } = this.#options;
    const span = { from: hour * HOUR, to: (hour + 1) * HOUR };
    for (const other of statements.moved(device, span))
      for (const [day, mask] of masksOf(other)) this.#gather(other.device, day, mask, LATE);
  }

  #gather(device: string, day: number, mask: number, reasons: number): void {
    let days = this.#gathered.get(device);
    if (days === undefined) {
      days = new Map();
      this.#gathered.set(device, days);
    }
    const known = days.get(day);
    if (known === undefined) {
      if (this.#size++ === 0) this.#since = this.#options.timer.elapsed();
      days.set(day, { mask, reasons });
    } else {
      known.mask |= mask;
      known.reasons |= reasons;
    }
  }

  /** Hours that a statement touches, of each device it is about. */
  #gatherEvent({ type, detail }: SystemEvent): SystemEvent['type'][] {
    if (type !== 'correction') return [];
    // It was put there by whoever keeps the statements.
    const spans = (detail?.['spans'] ?? []) as readonly (Span & { readonly device: string })[];
    for (const span of spans)
      for (const [day, mask] of masksOf(span))
        this.#gather(span.device, day, mask, reasonBit('correction'));
    return [type];
  }

  /** Writes what was gathered once that is old enough; also called by the clock, for when nothing comes. */
  async flushWhenDue(): Promise<void> {
    const moved = (this.#taken?.group ?? 0) > (this.#kept?.group ?? 0);
    if (moved && this.#options.timer.elapsed() - this.#since >= GATHER_MS) await this.flush();
  }

  /** Puts down what was gathered, and with it the place. */
  flush(): Promise<void> {
    const write = (): Promise<void> => this.#write();
    const written = this.#writing.then(write, write);
    this.#writing = written;
    return written;
  }

  async #write(): Promise<void> {
    const place = this.#taken;
    if (place === null) return;
    const gathered = this.#gathered;
    const ongoing = this.#ongoing;
    const marks: Mark[] = [];
    for (const [device, days] of gathered)
      for (const [day, one] of days) marks.push({ device, day, ...one });
    try {
      // The place comes with the last of them: what was put down before it is put down again, which changes nothing.
      const { relational } = this.#options;
      let n = 0;
      for (; n + ROWS_A_TRANSACTION < marks.length; n += ROWS_A_TRANSACTION)
        await relational.transaction((tx) => putMarks(tx, marks.slice(n, n + ROWS_A_TRANSACTION)));
      await this.#place.write(
        (write) =>
          relational.transaction(async (tx) => {
            await putMarks(tx, marks.slice(n));
            await write(tx);
          }),
        place.group,
      );
    } catch (error) {
      if (this.#ongoing === ongoing) this.#ongoing = new Map();
      throw error;
    }
    this.counters.marked += marks.length;
    this.#kept = place;
    this.#since = this.#options.timer.elapsed();
    this.#forget(gathered, marks);
  }

  /** Lets go of what was put down; what was gathered meanwhile stays. */
  #forget(gathered: Map<string, Map<number, Gathered>>, marks: readonly Mark[]): void {
    if (gathered !== this.#gathered) return;
    for (const { device, day, mask, reasons } of marks) {
      const days = gathered.get(device);
      const now = days?.get(day);
      if (days === undefined || now === undefined) continue;
      if (now.mask !== mask || now.reasons !== reasons) continue;
      days.delete(day);
      this.#size--;
      if (days.size === 0) gathered.delete(device);
    }
  }

  /**
   * Told before a device's marks up to a day are worked off and taken away: the clock may have been ahead, and the hour that
   * was put down once goes on. It is put down again.
   */
  worked(device: string, day: number): void {
    const hour = this.#ongoing.get(device);
    if (hour !== undefined && dayOf(hour * HOUR) <= day) this.#ongoing.delete(device);
  }

  /** What is gathered of a device and not put down, by day. */
  gatheredOf(device: string): ReadonlyMap<number, Readonly<Gathered>> {
    return this.#gathered.get(device) ?? new Map();
  }

  /** Resolves to whether everything committed by now has been gathered and is still there, within a while. */
  async isUpToDate(waitMs: number): Promise<boolean> {
    const { head } = this.#options.store;
    const there = (): boolean => this.#hasTaken(head);
    // Once more behind the look at the tables: meanwhile it may have begun again from what they were brought back to.
    return (await this.#waitUntil(there, waitMs)) && (await this.stands()) && there();
  }

  #hasTaken(head: number): boolean {
    const { store } = this.#options;
    if (this.begun === 0 || this.#placing || this.#rebuilding) return false;
    if (this.#taken === null) return head === 0;
    const { journal, group } = this.#taken;
    // Beyond the newest are groups that are gone.
    return journal === store.id && group >= head && group <= store.head;
  }

  async #waitUntil(there: () => boolean, waitMs: number): Promise<boolean> {
    const { timer } = this.#options;
    if (there()) return true;
    const over = new AbortController();
    const woken = new Promise<void>((resolve) => {
      const wake = (): void => {
        if (!there()) return;
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      over.signal.addEventListener('abort', () => this.#waiting.delete(wake), { once: true });
    });
    await Promise.race([woken, timer.sleep(waitMs, over.signal).catch(() => undefined)]);
    over.abort();
    return there();
  }

  /** Marks what the journal knows to have been touched since, or all that is stored when it does not know any more. */
  missed(_span: Span, resume: JournalPlace, changed: boolean): Promise<void> {
    return this.#markSince(resume, changed);
  }

  async #markSince(resume: JournalPlace, changed: boolean): Promise<void> {
    const { relational, store, statements } = this.#options;
    this.counters.rebuilds++;
    this.#rebuilding = true;
    const rebuild = reasonBit('rebuild');
    const transaction = (work: (tx: RelationalAccess) => Promise<void>): Promise<void> =>
      relational.transaction(work);
    // The same state may be brought back once more while this is done, and the process killed.
    await this.#place.write(transaction, changed ? null : (this.#kept?.group ?? null));
    const devices = await this.#options.said();
    let complete = !changed;
    for (let cursor = this.#kept, more = true; more; ) {
      const touched = store.touched(cursor, TOUCHED_PAGE);
      complete &&= touched.complete;
      const marks = new Map<string, Mark>();
      for (const { device, hour } of touched.hours) {
        const own = { device, from: hour * HOUR, to: (hour + 1) * HOUR };
        for (const span of [own, ...statements.moved(device, own)])
          for (const [day, mask] of masksOf(span)) {
            const key = `${day} ${span.device}`;
            const before = marks.get(key)?.mask ?? 0;
            marks.set(key, { device: span.device, day, mask: before | mask, reasons: rebuild });
          }
      }
      await transaction((tx) => putMarks(tx, [...marks.values()]));
      ({ cursor, more } = touched);
    }
    if (!complete) await markAllStored(relational, rebuild);
    // Statements may have been among what was missed, and taken back.
    else for (const device of devices) await transaction((tx) => markStored(tx, rebuild, device));
    // Last, so that a kill before it makes all of it again.
    await this.#place.write(transaction, resume.group);
    this.begins(resume);
  }
}

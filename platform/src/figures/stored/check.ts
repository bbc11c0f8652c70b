/** Proves that what is stored of figures equals computing it again, and says where it does not. */
import type { Random } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import { sql } from 'kysely';
import type { JobRun } from '../../module.ts';
import { isCutOff } from '../../readers.ts';
import { areaOf } from '../areas/keys.ts';
import { Holding, type Member } from '../areas/members.ts';
import type { AreaSources } from '../areas/sources.ts';
import { unsettledDays } from '../areas/stored-areas.ts';
import { dayOf, lengthOf } from '../days.ts';
import { type AnyFigure, type AreaFigure, type Figure, isOfArea } from '../figure.ts';
import type { Sources } from '../sources.ts';
import { markedDays } from './current-days.ts';
import { type StoredDay, withStatements } from './days-stored.ts';
import { type Marks, putMarks } from './marks.ts';
import { pack, type StoredResult, unpack } from './packed.ts';
import { figureTables, reasonBit } from './tables.ts';

export interface CheckOptions {
  readonly figures: readonly AnyFigure[];
  readonly sources: Sources;
  readonly areas: AreaSources;
  readonly relational: Relational;
  readonly marks: Pick<Marks, 'isUpToDate' | 'gatheredOf'>;
  /** Days before it are left out: their readings may have been deleted. */
  readonly since?: number;
  /** Of each page of stored days so many are looked at, chosen by chance; all without. */
  readonly sample?: { readonly share: number; readonly random: Random };
}

/** A stored result that computing it again does not give. */
export interface Difference {
  readonly figure: string;
  readonly device: string;
  readonly day: number;
  readonly stored: readonly (number | null)[];
  readonly computed: readonly (number | null)[];
}

export interface CheckResult {
  /** Days of figures that were computed again. */
  readonly checked: number;
  /** Days that are marked: they will be computed again anyway. */
  readonly waiting: number;
  readonly differing: number;
  /** The first of them. */
  readonly differences: readonly Difference[];
}

const PAGE = 400;
const DIFFERENCES_MAX = 100;
const READER_WAIT_MS = 10_000;
const LAST = '\u{10ffff}';

/** Looks at all that is stored, or a sample of it. What differs is marked, so that it is computed again. */
export async function checkFigures(
  options: CheckOptions,
  { signal, progress }: JobRun,
): Promise<CheckResult> {
  const figures = new Map(options.figures.map((figure) => [figure.id, figure]));
  const total = await countStored(options.relational);
  const sum = { checked: 0, waiting: 0, differing: 0, differences: [] as Difference[] };
  let seen = 0;
  for (let after: Pick<StoredDay, 'device' | 'day' | 'figure'> | null = null; !signal.aborted; ) {
    const page = await storedAfter(options, after).execute();
    for (const [device, rows] of Map.groupBy(page, (row) => row.device)) {
      const { sample } = options;
      const chosen = rows.filter(
        ({ figure }) =>
          figures.has(figure) && (sample === undefined || sample.random() < sample.share),
      );
      for (const [id, own] of Map.groupBy(chosen, (row) => row.figure)) {
        const found = await checkDays(options, figures.get(id) as AnyFigure, device, own, signal);
        sum.checked += own.length;
        sum.waiting += found.waiting;
        sum.differing += found.differences.length;
        sum.differences.push(...found.differences);
        sum.differences.length = Math.min(sum.differences.length, DIFFERENCES_MAX);
      }
    }
    seen += page.length;
    progress(Math.min(seen, total), Math.max(seen, total));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    after = last;
  }
  return sum;
}

async function countStored(relational: Relational): Promise<number> {
  const { count } = await figureTables(relational)
    .selectFrom('figure_day')
    .select(({ fn }) => fn.countAll<number | string>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Stored days after one, in the order of the table's key; the comparison of whole keys is what lets the engines begin there. */
export function storedAfter(
  { relational, since }: Pick<CheckOptions, 'relational' | 'since'>,
  after: Pick<StoredDay, 'device' | 'day' | 'figure'> | null,
) {
  const { device, day, figure } = after ?? { device: '', day: -1, figure: LAST };
  return (
    figureTables(relational)
      .selectFrom('figure_day')
      .selectAll()
      // As the job leaves them alone.
      .where('day', '>', since === undefined ? -1 : dayOf(since) + 1)
      .where(sql<boolean>`(device, day, figure) > (${device}, ${day}, ${figure})`)
      .orderBy('device')
      .orderBy('day')
      .orderBy('figure')
      .limit(PAGE)
  );
}

/** What computing days again needs, and gives. */
interface Again {
  compute(first: number, end: number): AsyncGenerator<StoredResult>;
  /** Digest of what held on a day. */
  held(day: number): string;
  /** Days that are marked or look at days that are. */
  unsettled(first: number, end: number): Promise<ReadonlySet<number>>;
}

async function againOfDevice(
  { sources, relational, marks }: CheckOptions,
  figure: Figure,
  device: string,
  signal: AbortSignal,
): Promise<Again> {
  const held = await sources.circumstances(device);
  return {
    held: () => held.digest,
    compute: async function* (first, end) {
      for await (const [, result] of sources.compute([figure], held, first, end, signal)) {
        const span = { from: result.at, to: result.at + lengthOf(figure.span) };
        yield withStatements(figure, held.device, span, result, sources.statements);
      }
    },
    unsettled: async (first, end) => {
      const known = { upToDate: true, gatheredOf: (id: string) => marks.gatheredOf(id) };
      const marked = (await markedDays(relational, [device], { first, end }, known)).get(device);
      const reach = figure.lookBehind === undefined && figure.lookAhead === undefined ? 0 : 1;
      const days = new Set<number>();
      for (const day of marked ?? [])
        for (let other = day - reach; other <= day + reach; other++) days.add(other);
      return days;
    },
  };
}

/** Of an area everything is computed from readings, also what is stored of its devices. */
async function againOfArea(
  { areas, relational, marks }: CheckOptions,
  figure: AreaFigure,
  area: string,
  signal: AbortSignal,
): Promise<Again> {
  const members: Member[] = await areas.members(figure, area);
  const holding = new Holding(figure, members);
  return {
    held: (day) => holding.of(day),
    compute: (first, end) =>
      areas.compute(figure, members, { first, end }, { known: null }, signal),
    unsettled: (first, end) => {
      const known = { upToDate: true, gatheredOf: (id: string) => marks.gatheredOf(id) };
      return unsettledDays(relational, { figure, area, members }, { first, end }, known);
    },
  };
}

async function checkDays(
  options: CheckOptions,
  figure: AnyFigure,
  device: string,
  rows: readonly StoredDay[],
  signal: AbortSignal,
): Promise<{ waiting: number; differences: Difference[] }> {
  const { relational } = options;
  const again = isOfArea(figure)
    ? await againOfArea(options, figure, areaOf(device), signal)
    : await againOfDevice(options, figure, device, signal);
  const computed = await compute(again, rows);
  const different = rows.filter(
    ({ day, body, version, circumstances }) =>
      body !== pack(computed.get(day) ?? []) ||
      version !== figure.version ||
      circumstances !== again.held(day),
  );
  if (different.length === 0) return { waiting: 0, differences: [] };
  const excused = await waitingDays(options, again, figure, device, different);
  const wrong = different.filter(({ day }) => !excused.has(day));
  await relational.transaction((tx) =>
    putMarks(
      tx,
      wrong.map(({ day }) => ({ device, day, mask: 2 ** 24 - 1, reasons: reasonBit('check') })),
    ),
  );
  const valuesOf = (results: readonly StoredResult[]): (number | null)[] =>
    results.map(({ value }) => value);
  return {
    waiting: different.length - wrong.length,
    differences: wrong.map(({ day, body }) => ({
      figure: figure.id,
      device,
      day,
      // Of what is damaged nothing.
      stored: valuesOf(unpack(figure, day, body) ?? []),
      computed: valuesOf(computed.get(day) ?? []),
    })),
  };
}

async function compute(
  again: Again,
  rows: readonly StoredDay[],
): Promise<Map<number, StoredResult[]>> {
  const results = new Map<number, StoredResult[]>();
  const days = rows.map(({ day }) => day);
  const wanted = new Set(days);
  const take = async (first: number, end: number): Promise<void> => {
    for await (const result of again.compute(first, end)) {
      const day = dayOf(result.at);
      const list = results.get(day) ?? [];
      results.set(day, list);
      list.push(result);
    }
  };
  for (let first = Math.min(...days), last = Math.max(...days); first <= last; ) {
    let end = first + 1;
    while (wanted.has(end)) end++;
    await take(first, end);
    first = end;
    while (first <= last && !wanted.has(first)) first++;
  }
  return results;
}

/** Days that differ since they are to be computed again or have just been: marked, or stored anew after they were read. */
async function waitingDays(
  { relational, marks }: CheckOptions,
  again: Again,
  figure: AnyFigure,
  device: string,
  rows: readonly StoredDay[],
): Promise<Set<number>> {
  const upToDate = await marks.isUpToDate(READER_WAIT_MS);
  const excused = new Set<number>(upToDate ? [] : rows.map(({ day }) => day));
  const numbers = rows.map(({ day }) => day);
  const unsettled = await again.unsettled(Math.min(...numbers), Math.max(...numbers) + 1);
  const now = await figureTables(relational)
    .selectFrom('figure_day')
    .select(['day', 'body'])
    .where('device', '=', device)
    .where('figure', '=', figure.id)
    .where('day', 'in', numbers)
    .execute();
  const bodies = new Map(now.map(({ day, body }) => [day, body]));
  for (const { day, body } of rows)
    if (bodies.get(day) !== body || unsettled.has(day)) excused.add(day);
  return excused;
}

/** Marks everything that is committed and not marked yet, where no server does it. */
export async function catchUp(
  store: Pick<TimeSeriesStore, 'follow' | 'head' | 'id'>,
  marks: Marks,
): Promise<void> {
  const { head, id: journal } = store;
  const from = await marks.place();
  if (head === 0 || (from?.journal === journal && from.group >= head)) return;
  try {
    for await (const group of store.follow(marks.name, from, { lagMax: marks.lagMax })) {
      await marks.take(group, { journal, group: group.id });
      if (group.id >= head) break;
    }
    await marks.flush();
  } catch (error) {
    if (!isCutOff(error)) throw error;
    await marks.missed(error.missed, error.resume);
  }
}

/** Proves that what is stored of figures equals computing it again, and says where it does not. */
import type { Random } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import { sql } from 'kysely';
import { someNotNoted } from '../../corrections/tables.ts';
import type { JobRun } from '../../module.ts';
import { isCutOff } from '../../readers.ts';
import { areaOf, isAreaKey } from '../areas/keys.ts';
import { Holding, type Member } from '../areas/members.ts';
import type { AreaSources } from '../areas/sources.ts';
import { unsettledDays } from '../areas/stored-areas.ts';
import { type FigureTurns, turnsUntil } from '../at-once.ts';
import type { Circumstances } from '../circumstances.ts';
import { dayOf, lengthOf, runsOf } from '../days.ts';
import { type AnyFigure, type AreaFigure, type Figure, isOfArea } from '../figure.ts';
import type { Sources } from '../sources.ts';
import { markedDays } from './current-days.ts';
import { type StoredDay, withStatements } from './days-stored.ts';
import { faultsToRetry } from './faults.ts';
import { type Marks, putMarks } from './marks.ts';
import { pack, type StoredResult, unpack } from './packed.ts';
import { figureTables, reasonBit } from './tables.ts';

export interface CheckOptions {
  readonly figures: readonly AnyFigure[];
  readonly sources: Sources;
  readonly areas: AreaSources;
  readonly relational: Relational;
  readonly marks: Pick<Marks, 'isUpToDate' | 'gatheredOf'>;
  /** Whose turns each part of the work waits for; those of answers. */
  readonly atOnce?: FigureTurns;
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
  { signal, progress }: Pick<JobRun, 'signal' | 'progress'>,
): Promise<CheckResult> {
  const figures = new Map(options.figures.map((figure) => [figure.id, figure]));
  const total = await countStored(options.relational);
  const sum = { checked: 0, waiting: 0, differing: 0, differences: [] as Difference[] };
  let seen = 0;
  for (let after: Pick<StoredDay, 'device' | 'day' | 'figure'> | null = null; !signal.aborted; ) {
    const page = await storedAfter(options, after).execute();
    const { sample } = options;
    const chosen = page.filter(
      ({ figure }) =>
        figures.has(figure) && (sample === undefined || sample.random() < sample.share),
    );
    const found = await checkPage(options, figures, chosen, signal);
    sum.checked += chosen.length;
    sum.waiting += found.waiting;
    sum.differing += found.differences.length;
    sum.differences.push(...found.differences);
    sum.differences.length = Math.min(sum.differences.length, DIFFERENCES_MAX);
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
      .where('day', '>', since === undefined || !Number.isFinite(since) ? -1 : dayOf(since) + 1)
      .where(sql<boolean>`(device, day, figure) > (${device}, ${day}, ${figure})`)
      .orderBy('device')
      .orderBy('day')
      .orderBy('figure')
      .limit(PAGE)
  );
}

/** Stored days of one figure of one device or area. */
interface Owned {
  readonly device: string;
  readonly rows: readonly StoredDay[];
}

/** What computing days again gives. */
interface Again extends Owned {
  readonly figure: AnyFigure;
  /** By day. */
  readonly computed: ReadonlyMap<number, readonly StoredResult[]>;
  /** Digest of what held on a day. */
  held(day: number): Promise<string>;
  /** Days that are marked or look at days that are. */
  unsettled(first: number, end: number): Promise<ReadonlySet<number>>;
  /** Digest of all that holds now, at any time. */
  whole(): Promise<string>;
}

async function checkPage(
  options: CheckOptions,
  figures: ReadonlyMap<string, AnyFigure>,
  page: readonly StoredDay[],
  signal: AbortSignal,
): Promise<{ waiting: number; differences: Difference[] }> {
  const found = { waiting: 0, differences: [] as Difference[] };
  for (const [id, rows] of Map.groupBy(page, (row) => row.figure)) {
    const figure = figures.get(id) as AnyFigure;
    const owned = [...Map.groupBy(rows, (row) => row.device)].map(([device, own]) => ({
      device,
      rows: own,
    }));
    const computed = isOfArea(figure)
      ? againOfAreas(options, figure, owned, signal)
      : againOfDevices(options, figure, owned, signal);
    for await (const again of computed) {
      const { waiting, differences } = await compare(options, again);
      found.waiting += waiting;
      for (const one of differences) found.differences.push(one);
    }
  }
  return found;
}

/** Days as runs: from one to the next that is stored, as two may be as far apart as a damaged number. */
const runsIn = (rows: readonly StoredDay[]): { first: number; end: number }[] =>
  runsOf([...new Set(rows.map(({ day }) => day))].sort((a, b) => a - b)).map(([first, end]) => ({
    first,
    end,
  }));

/** Days of many devices are computed of one reading of the archive. */
async function* againOfDevices(
  { sources, relational, marks, atOnce }: CheckOptions,
  figure: Figure,
  owned: readonly Owned[],
  signal: AbortSignal,
): AsyncGenerator<Again> {
  const ids = owned.map(({ device }) => device);
  const held = await sources.circumstancesOf(ids, await sources.version());
  // The registry has never heard of it.
  for (const id of ids) if (!held.has(id)) held.set(id, await sources.circumstances(id));
  const { turn } = turnsUntil(atOnce, signal);
  const wanted = owned.map(({ device, rows }) => ({
    held: held.get(device) as Circumstances,
    runs: runsIn(rows),
  }));
  const computed = new Map(ids.map((id) => [id, new Map<number, StoredResult[]>()]));
  for await (const [device, , result] of sources.computeMany([figure], wanted, signal, turn)) {
    const span = { from: result.at, to: result.at + lengthOf(figure.span) };
    const one = withStatements(figure, device, span, result, sources.statements);
    addResult(computed.get(device) as Map<number, StoredResult[]>, one);
  }
  yield* owned.map(({ device, rows }) => ({
    ...{ figure, device, rows },
    computed: computed.get(device) as Map<number, StoredResult[]>,
    held: () => Promise.resolve((held.get(device) as Circumstances).digest),
    whole: () => Promise.resolve((held.get(device) as Circumstances).digest),
    unsettled: async (first: number, end: number) => {
      const known = { upToDate: true, gatheredOf: (id: string) => marks.gatheredOf(id) };
      const marked = (await markedDays(relational, [device], { first, end }, known)).get(device);
      const reach = figure.lookBehind === undefined && figure.lookAhead === undefined ? 0 : 1;
      const days = new Set<number>();
      for (const day of marked ?? [])
        for (let other = day - reach; other <= day + reach; other++) days.add(other);
      return days;
    },
  }));
}

const isStoredOfArea = (figure: AnyFigure): figure is AreaFigure =>
  isOfArea(figure) && figure.keep === 'stored';

/** Of areas everything is computed from readings, also what is stored of their devices; one area after the other. */
async function* againOfAreas(
  { areas, relational, marks, atOnce, figures }: CheckOptions,
  figure: AreaFigure,
  owned: readonly Owned[],
  signal: AbortSignal,
): AsyncGenerator<Again> {
  for (const { device, rows } of owned) {
    const area = areaOf(device);
    const members: Member[] = await areas.members(figure, area);
    const holding = await Holding.over(figure, members);
    const computing = { known: null, ...turnsUntil(atOnce, signal) };
    const computed = new Map<number, StoredResult[]>();
    for (const run of runsIn(rows))
      for await (const one of areas.compute(figure, members, run, computing, signal))
        addResult(computed, one);
    yield {
      ...{ figure, device, rows, computed },
      held: (day) => holding.of(day),
      whole: () => areas.digest(figures.filter(isStoredOfArea), area),
      unsettled: (first, end) => {
        const known = { upToDate: true, gatheredOf: (id: string) => marks.gatheredOf(id) };
        return unsettledDays(relational, { figure, area, members }, { first, end }, known);
      },
    };
  }
}

function addResult(days: Map<number, StoredResult[]>, result: StoredResult): void {
  const day = dayOf(result.at);
  const list = days.get(day) ?? [];
  days.set(day, list);
  list.push(result);
}

/** What is stored beside what computing it again gave; what differs is marked. */
async function compare(
  options: CheckOptions,
  again: Again,
): Promise<{ waiting: number; differences: Difference[] }> {
  const { relational } = options;
  const { figure, device, rows, computed } = again;
  const different: StoredDay[] = [];
  for (const row of rows)
    if (
      row.body !== pack(computed.get(row.day) ?? []) ||
      row.version !== figure.version ||
      row.circumstances !== (await again.held(row.day))
    )
      different.push(row);
  if (different.length === 0) return { waiting: 0, differences: [] };
  const excused = await waitingDays(options, again, different);
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

/** Days that differ since they are to be computed again or have just been: marked, to be marked, or stored anew after they were read. */
async function waitingDays(
  { relational, marks }: CheckOptions,
  again: Again,
  rows: readonly StoredDay[],
): Promise<Set<number>> {
  const { figure, device, computed } = again;
  // What is to be marked before what is marked, and that before what is stored: one becomes the next while this is asked.
  const toBeNoted = await someNotNoted(relational);
  const toBeTried = await faultsToRetry(relational, device, figure.id);
  const changes = await changesToMark(relational, again);
  const upToDate = await marks.isUpToDate(READER_WAIT_MS);
  const excused = new Set<number>(upToDate ? [] : rows.map(({ day }) => day));
  const numbers = rows.map(({ day }) => day);
  const unsettled = await again.unsettled(Math.min(...numbers), Math.max(...numbers) + 1);
  const now = await figureTables(relational)
    .selectFrom('figure_day')
    .selectAll()
    .where('device', '=', device)
    .where('figure', '=', figure.id)
    .where('day', 'in', numbers)
    .execute();
  const there = new Map(now.map((row) => [row.day, keyOf(row)]));
  for (const day of toBeTried) excused.add(day);
  for (const row of rows) {
    const { day, body, version, circumstances } = row;
    const toBeMarked =
      (changes.definition && version !== figure.version) ||
      // Of an area a day's digest tells nothing of devices that were not in service then.
      (changes.circumstances && (isOfArea(figure) || circumstances !== (await again.held(day)))) ||
      (toBeNoted && statementsOf(unpack(figure, day, body)) !== statementsOf(computed.get(day)));
    if (there.get(day) !== keyOf(row) || unsettled.has(day) || toBeMarked) excused.add(day);
  }
  return excused;
}

/** What the job has yet to look at: a definition, or what holds of a device or area, that is another than when it marked last. */
async function changesToMark(
  relational: Relational,
  { figure, device, whole }: Again,
): Promise<{ definition: boolean; circumstances: boolean }> {
  const known = await figureTables(relational)
    .selectFrom('figure_definition')
    .select('version')
    .where('figure', '=', figure.id)
    .executeTakeFirst();
  const owner = await figureTables(relational)
    .selectFrom('figure_device')
    .select('circumstances')
    .where('device', '=', device)
    .executeTakeFirst();
  return {
    definition: known?.version !== figure.version,
    circumstances:
      owner !== undefined &&
      // Of an area under a device, or the other way round, nothing follows from what is kept there.
      isOfArea(figure) === isAreaKey(device) &&
      owner.circumstances !== (await whole()),
  };
}

/** Equal as long as nobody has stored the day anew, or all of that came out alike. */
const keyOf = ({ body, version, circumstances }: StoredDay): string =>
  JSON.stringify([body, version, circumstances]);

const statementsOf = (results: readonly StoredResult[] | null | undefined): string =>
  JSON.stringify(results?.map(({ corrections }) => corrections) ?? null);

/** Marks everything that is committed and not marked yet, where no server does it. */
export async function catchUp(
  store: Pick<TimeSeriesStore, 'follow' | 'head' | 'id'>,
  marks: Marks,
): Promise<void> {
  const { head, id: journal } = store;
  const from = await marks.place();
  marks.begins(from);
  if (from === null ? head === 0 : from.journal === journal && from.group === head) return;
  try {
    for await (const group of store.follow(marks.name, from, { lagMax: marks.lagMax })) {
      await marks.take(group, { journal, group: group.id });
      if (group.id >= head) break;
    }
    await marks.flush();
  } catch (error) {
    if (!isCutOff(error)) throw error;
    await marks.missed(error.missed, error.resume, error.code === 'journal-changed');
  }
}

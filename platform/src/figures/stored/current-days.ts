/** What is stored of devices' closed days and known to be what computing them now would give. */
import { DAY, Slices } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { Circumstances } from '../circumstances.ts';
import { dayOf, dayStart, lastDeletedDay } from '../days.ts';
import { type Figure, window } from '../figure.ts';
import type { Sources } from '../sources.ts';
import { current, DEVICES_A_STATEMENT, storedDaysOf } from './days-stored.ts';
import { type StoredResult, unpack } from './packed.ts';
import { figureTables } from './tables.ts';

/** Days from the first to before the end. */
export interface Days {
  readonly first: number;
  readonly end: number;
}

/** What the reader of the journal knows that is no mark yet. */
export interface Known {
  /** Everything that was committed has been gathered or marked. */
  readonly upToDate: boolean;
  /** What is gathered of a device and not put down, by day. */
  gatheredOf(device: string): ReadonlyMap<number, unknown>;
}

export interface CurrentOptions {
  readonly sources: Pick<Sources, 'statements'>;
  readonly relational: Pick<Relational, 'for'>;
  readonly clock: () => number;
  /** Readings from before it may have been deleted; without, all are there. */
  readonly deletedBefore?: () => number;
}

/** Days of which something of these owners is marked or gathered, by owner; a day before and after included. */
export async function markedDays(
  relational: Pick<Relational, 'for'>,
  owners: readonly string[],
  { first, end }: Days,
  known: Known,
): Promise<Map<string, Set<number>>> {
  const marked = new Map<string, Set<number>>();
  for (const owner of owners) {
    const gathered = known.gatheredOf(owner);
    if (gathered.size > 0) marked.set(owner, new Set(gathered.keys()));
  }
  for (let n = 0; n < owners.length; n += DEVICES_A_STATEMENT) {
    const rows = await figureTables(relational)
      .selectFrom('figure_mark')
      .select(['device', 'day'])
      .where('device', 'in', owners.slice(n, n + DEVICES_A_STATEMENT))
      .where('day', '>=', first - 1)
      .where('day', '<=', end)
      .execute();
    for (const { device, day } of rows) {
      const days = marked.get(device) ?? new Set();
      marked.set(device, days);
      days.add(day);
    }
  }
  return marked;
}

/** By device and day. What is gathered has to be known before it is called: what is gathered becomes a mark, and a mark a result. */
export async function currentDays(
  { sources, relational, clock, deletedBefore }: CurrentOptions,
  figure: Figure,
  devices: readonly Circumstances[],
  days: Days,
  known: Known,
): Promise<Map<string, Map<number, StoredResult[]>>> {
  const found = new Map<string, Map<number, StoredResult[]>>();
  const held = new Map(devices.map((one) => [one.device, one]));
  const ids = [...held.keys()];
  const marked = await markedDays(relational, ids, days, known);
  const today = dayOf(clock());
  const deleted = lastDeletedDay(deletedBefore);
  const slices = new Slices();
  for (let n = 0; n < ids.length; n += DEVICES_A_STATEMENT) {
    const some = ids.slice(n, n + DEVICES_A_STATEMENT);
    for (const row of await storedDaysOf(relational, some, days, figure.id)) {
      if (slices.over) await slices.next();
      const own = found.get(row.device) ?? new Map<number, StoredResult[]>();
      found.set(row.device, own);
      // It can't be computed again: what was stored while its readings were there holds.
      if (row.day <= deleted) {
        const results = unpack(figure, row.day, row.body);
        if (results !== null) own.set(row.day, results);
        continue;
      }
      const { from, to } = window(figure, { from: dayStart(row.day), to: dayStart(row.day) + DAY });
      let due = row.day >= today || !known.upToDate;
      for (let day = dayOf(from); day <= dayOf(to - 1); day++)
        due ||= marked.get(row.device)?.has(day) === true;
      const circumstances = held.get(row.device) as Circumstances;
      const results = due ? null : current(figure, circumstances, row, sources.statements);
      if (results !== null) own.set(row.day, results);
    }
  }
  return found;
}

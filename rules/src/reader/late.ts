/**
 * Where readings came late: gathered by device in memory, and put down as marks with the reader's place. Whoever judges those stretches
 * again takes the marks away, unless they were made anew meanwhile.
 */
import { randomInt } from 'node:crypto';
import { HOUR } from '@village/core';
import type { RelationalAccess } from '@village/store/relational';
import { type AlertTables, alertTables } from '../alerts/tables.ts';

type Access = Pick<RelationalAccess, 'for'>;
export type LateMark = AlertTables['rules_late'];

interface Stretch {
  from: number;
  to: number;
  since: number;
  last: number;
}

/** Stretches of a device that lie closer together are one. */
const GAP_MS = HOUR;
/** Stretches of one device; of more the two that are nearest become one. */
const STRETCHES_MAX = 8;
const ROWS_A_STATEMENT = 500;

/** Adds a stretch to those of a device. */
function add(all: Stretch[], one: Stretch): void {
  const near = all.find(({ from, to }) => one.from <= to + GAP_MS && one.to >= from - GAP_MS);
  if (near === undefined) {
    all.push({ ...one });
    if (all.length > STRETCHES_MAX) joinNearest(all);
    return;
  }
  near.from = Math.min(near.from, one.from);
  near.to = Math.max(near.to, one.to);
  near.since = Math.min(near.since, one.since);
  near.last = Math.max(near.last, one.last);
}

function joinNearest(all: Stretch[]): void {
  all.sort((a, b) => a.from - b.from);
  const gap = (n: number): number => (all[n + 1] as Stretch).from - (all[n] as Stretch).to;
  let best = 0;
  for (let n = 1; n < all.length - 1; n++) if (gap(n) < gap(best)) best = n;
  const [one, other] = all.splice(best, 2) as [Stretch, Stretch];
  all.push({
    ...{ from: one.from, to: Math.max(one.to, other.to) },
    ...{ since: Math.min(one.since, other.since), last: Math.max(one.last, other.last) },
  });
}

/** All that touch each other as one each. */
function merged(all: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = [];
  for (const one of [...all].sort((a, b) => a.from - b.from)) add(found, one);
  return found;
}

export class Late {
  #of = new Map<string, Stretch[]>();

  /** Devices of which something is gathered. */
  get size(): number {
    return this.#of.size;
  }

  /** A reading of that time came at a time of the server. */
  note(device: string, at: number, now: number): void {
    let own = this.#of.get(device);
    if (own === undefined) {
      own = [];
      this.#of.set(device, own);
    }
    // Most of what comes late comes in order.
    const last = own.at(-1);
    if (last !== undefined && at >= last.from && at <= last.to + GAP_MS) {
      last.to = Math.max(last.to, at);
      last.last = now;
    } else add(own, { from: at, to: at, since: now, last: now });
  }

  /** Takes out all that is gathered. */
  take(): ReadonlyMap<string, readonly Stretch[]> {
    const taken = this.#of;
    this.#of = new Map();
    return taken;
  }
}

/** Puts down what was gathered, as one with the marks that are there. */
export async function putLate(
  tx: Access,
  gathered: ReadonlyMap<string, readonly Stretch[]>,
): Promise<void> {
  const devices = [...gathered.keys()];
  const db = alertTables(tx);
  for (let n = 0; n < devices.length; n += ROWS_A_STATEMENT) {
    const some = devices.slice(n, n + ROWS_A_STATEMENT);
    const there = await db
      .selectFrom('rules_late')
      .selectAll()
      .where('device', 'in', some)
      .execute();
    await db.deleteFrom('rules_late').where('device', 'in', some).execute();
    const known = Map.groupBy(there, ({ device }) => device);
    const revision = randomInt(1, 2 ** 31);
    const rows = some.flatMap((device) => {
      const before = (known.get(device) ?? []).map(stretchOf);
      return merged([...before, ...(gathered.get(device) ?? [])]).map(
        ({ from, to, since, last }): LateMark => ({
          ...{ device, from_at: from, to_at: to, since_at: since, last_at: last, revision },
        }),
      );
    });
    for (let m = 0; m < rows.length; m += ROWS_A_STATEMENT)
      await db
        .insertInto('rules_late')
        .values(rows.slice(m, m + ROWS_A_STATEMENT))
        .execute();
  }
}

const stretchOf = ({
  from_at: from,
  to_at: to,
  since_at: since,
  last_at: last,
}: LateMark): Stretch => ({
  ...{ from, to, since, last },
});

/** Marks of which nothing came since a time, or that wait since another, the oldest first. */
export const lateMarks = (
  access: Access,
  { quietSince, waitsSince, limit }: { quietSince: number; waitsSince: number; limit: number },
): Promise<LateMark[]> =>
  alertTables(access)
    .selectFrom('rules_late')
    .selectAll()
    .where((eb) => eb.or([eb('last_at', '<=', quietSince), eb('since_at', '<=', waitsSince)]))
    .orderBy('since_at')
    .orderBy('device')
    .limit(limit)
    .execute();

/** Takes back a mark that was worked off; one that was made again meanwhile stays. */
export const endLate = (
  access: Access,
  { device, from_at, revision }: LateMark,
): Promise<unknown> =>
  alertTables(access)
    .deleteFrom('rules_late')
    .where('device', '=', device)
    .where('from_at', '=', from_at)
    .where('revision', '=', revision)
    .execute();

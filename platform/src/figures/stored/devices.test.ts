/** The job over many devices: their days come from one reading, and one of them that fails holds up none of the others. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, MINUTE, OperationalError } from '@village/core';
import { registryStore } from '@village/registry';
import { openTimeSeries, type RangeManyQuery } from '@village/store/time-series';
import { afterEach, describe, expect, it } from 'vitest';
import { type Statement, StatementBook } from '../../corrections/statement.ts';
import { dayStart } from '../days.ts';
import {
  above,
  device,
  FIRST_DAY,
  Machine,
  moving,
  openTables,
  SetTimer,
  shy,
} from '../testing.ts';
import { figureTables } from './tables.ts';

const START = dayStart(FIRST_DAY);
const DEVICES = Array.from({ length: 150 }, (_, n) => `d${String(n).padStart(3, '0')}`);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A county of stations with a reading of each on two days, and what is asked of the archive. */
async function county(wrong: ReadonlySet<string> = new Set(), book?: () => StatementBook) {
  const folder = mkdtempSync(join(tmpdir(), 'village-figures-many-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const timer = new SetTimer(START + 3 * DAY + HOUR);
  const relational = await openTables({ file: join(folder, 'r.sqlite') }, timer.now);
  ends.push(() => relational.close());
  const devices = DEVICES.map((id) => device(id));
  const registry = registryStore(relational);
  await registry.importDevices({ at: 0, by: 'test', devices, gateways: [], credentials: [] });
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'series'), timer, tickMs: Number.POSITIVE_INFINITY },
    diskReserveBytes: 0,
  });
  ends.push(() => store.close());
  const asked = { range: 0, many: 0 };
  const [range, rangeMany] = [store.range.bind(store), store.rangeMany.bind(store)];
  store.range = (query, signal) => {
    asked.range++;
    return range(query, signal);
  };
  store.rangeMany = (query: RangeManyQuery, signal?: AbortSignal) => {
    asked.many++;
    if (query.spans.some((span) => wrong.has(span.device)))
      throw new OperationalError('store-busy', 'not now', { retry: true });
    return rangeMany(query, signal);
  };
  const own = book === undefined ? {} : { book };
  const machine = new Machine({ store, relational, timer, figures: [above, moving, shy], ...own });
  ends.push(() => machine.stop());
  await machine.put(
    DEVICES.flatMap((id, n) =>
      [3, 27].map((hour) => ({ device: id, at: START + hour * HOUR, values: { o3: 101 + n } })),
    ),
  );
  return { machine, asked, timer, db: figureTables(relational) };
}

describe('days of many devices', () => {
  it('come from one reading of the archive for those that look equally far, and equal computing them again', async () => {
    const { machine, asked, db } = await county();
    await machine.workOff();
    const stored = await db.selectFrom('figure_day').select(['device', 'figure', 'day']).execute();
    const days = (figure: string): number => stored.filter((one) => one.figure === figure).length;
    // The figure that looks back is computed of the day after, too.
    expect([days('above'), days('shy'), days('moving')]).toEqual([300, 300, 450]);
    expect(asked.range).toBe(0);
    expect(asked.many).toBeLessThanOrEqual(4);
    asked.many = 0;
    expect(await machine.check()).toMatchObject({ checked: 1_050, differing: 0, waiting: 0 });
    expect(asked.range).toBe(0);
    expect(asked.many).toBeLessThanOrEqual(12);
  });

  it('are there for all devices but those that fail, which stay marked and are told', async () => {
    const wrong = new Set(['d017', 'd018', 'd140']);
    const { machine, asked, timer, db } = await county(wrong);
    await expect(machine.workOff()).rejects.toMatchObject({ code: 'store-busy' });
    const stored = await db.selectFrom('figure_day').select('device').distinct().execute();
    expect(stored.map((one) => one.device).sort()).toEqual(DEVICES.filter((id) => !wrong.has(id)));
    const marked = await db.selectFrom('figure_mark').select('device').distinct().execute();
    expect(new Set(marked.map((one) => one.device))).toEqual(wrong);
    expect(machine.work.counters).toMatchObject({ failures: 3 });
    // Halves of halves, and not each device alone.
    expect(asked.many).toBeLessThan(100);
    wrong.clear();
    // They have waited for long enough by then.
    timer.at += MINUTE;
    await machine.workOff().catch(() => undefined);
    await machine.workOff();
    expect(await machine.check()).toMatchObject({ checked: 1_050, differing: 0, waiting: 0 });
  });

  it('are put down but for those of which a statement came to hold meanwhile', async () => {
    let book = new StatementBook([]);
    const { machine, db } = await county(new Set(), () => book);
    const computeMany = machine.sources.computeMany.bind(machine.sources);
    let said = false;
    machine.sources.computeMany = async function* (...query) {
      yield* computeMany(...query);
      if (said) return;
      said = true;
      const statement: Statement = {
        ...{ id: 1, kind: 'offset', device: 'd007', metric: null, value: 1_000, target: null },
        ...{ from: START, to: START + DAY },
      };
      book = book.changed([{ number: 1, statement, holds: true }]);
    };
    await machine.workOff();
    expect(said).toBe(true);
    const [value] = await machine.figures.values(above, 'd007', { from: START, to: START + DAY });
    expect(value).toMatchObject({ value: 1, corrections: [1] });
    expect(await db.selectFrom('figure_mark').select('device').execute()).toEqual([]);
    expect(await machine.check()).toMatchObject({ checked: 1_050, differing: 0, waiting: 0 });
  });
});

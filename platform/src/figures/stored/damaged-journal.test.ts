/** Stored figures when groups of the journal are damaged that their reader had not seen: what was in them may be in the archive. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DAY, HOUR } from '@village/core';
import { openTimeSeries } from '@village/store/time-series';
import { afterEach, expect, it } from 'vitest';
import { dayStart } from '../days.ts';
import { above, FIRST_DAY, Machine, openTables, SetTimer } from '../testing.ts';
import { catchUp } from './check.ts';

const START = dayStart(FIRST_DAY);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it.each([
  ['the newest', 0],
  ['one before others', 1],
])(
  '%s',
  async (_name, after) => {
    const folder = mkdtempSync(join(tmpdir(), 'village-damaged-journal-'));
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const timer = new SetTimer(START + 3 * DAY + HOUR);
    const open = async () => {
      const store = await openTimeSeries({
        ...{ folder: join(folder, 'series'), timer, tickMs: Number.POSITIVE_INFINITY },
        diskReserveBytes: 0,
      });
      const relational = await openTables({ file: join(folder, 'r.sqlite') }, timer.now);
      const machine = new Machine({ store, relational, timer, figures: [above] });
      return { store, relational, machine };
    };
    let now = await open();
    const stop = async (): Promise<void> => {
      await now.machine.stop();
      await now.store.close();
      await now.relational.close();
    };
    ends.push(() => stop());
    const put = (hour: number): Promise<void> =>
      now.machine.put([{ device: 'a', at: START + hour * HOUR, values: { o3: 200 } }]);
    const value = async (): Promise<number | null | undefined> =>
      (await now.machine.figures.values(above, 'a', { from: START, to: START + DAY }))[0]?.value;
    await put(1);
    await now.machine.workOff();
    expect(await value()).toBe(1);
    // In the archive's files, and nobody has marked it yet.
    await put(2);
    const { head } = now.store;
    for (let n = 0; n < after; n++) await put(30 + n);
    await now.store.flush();
    await stop();
    const log = new DatabaseSync(join(folder, 'series', 'log.sqlite'));
    const damage = `UPDATE log SET body = CAST(x'00' || substr(body, 2) AS BLOB) WHERE id = ${head}`;
    expect(log.prepare(damage).run().changes).toBe(1);
    log.close();
    now = await open();
    expect(await value()).toBe(2);
    await now.machine.workOff();
    expect(await now.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
    expect(await value()).toBe(2);
    // As the command does where no server runs.
    await now.machine.stop();
    await catchUp(now.store, now.machine.marks);
    expect(await now.machine.marks.isUpToDate(20_000)).toBe(true);
  },
  60_000,
);

/**
 * The process that the figures' kill test kills: readings of three days come in any order, statements are made and taken back, devices
 * move, marks are gathered and worked off, all at the same time.
 */
import { join } from 'node:path';
import { DAY, HOUR, seededRandom, systemTimer } from '@village/core';
import { registryStore } from '@village/registry';
import { openTimeSeries } from '@village/store/time-series';
import { putRow, tell } from '@village/store/time-series/testing';
import { dayStart } from './days.ts';
import {
  above,
  alone,
  areaAbove,
  COUNTY,
  DEVICES,
  device as deviceIn,
  EAST,
  FIRST_DAY,
  Machine,
  METRICS,
  moving,
  openBooks,
  openTables,
  PROFILE,
  shy,
  WEST,
} from './testing.ts';

const [folder = '', seed = ''] = process.argv.slice(2);
const random = seededRandom(seed);
const START = dayStart(FIRST_DAY);
const NOW = START + 4 * DAY;
const timer = {
  ...systemTimer,
  now: () => NOW,
  // What is gathered for ten seconds is put down ten times a second.
  elapsed: () => systemTimer.elapsed() * 100,
};
const store = await openTimeSeries({
  ...{ folder: join(folder, 'store'), timer: systemTimer, flushRows: 300 },
  ...{ diskReserveBytes: 0, tickMs: 50 },
});
const relational = await openTables({ file: join(folder, 'r.sqlite') }, () => NOW);
const corrections = await openBooks(relational, store, NOW);
const machine = new Machine({
  ...{ store, relational, timer, book: () => corrections.book },
  figures: [above, moving, shy, areaAbove],
});

tell('open');

function burst(): void {
  for (let i = 0; i < 8; i++) {
    const device = DEVICES[Math.floor(random() * DEVICES.length)] as string;
    const at = START + Math.floor(random() * 3 * 72) * (HOUR / 3);
    const o3 = Math.round(seededRandom(`${device} ${at}`)() * 2_000) / 10;
    putRow(store, PROFILE, METRICS, { device, at, values: { o3 } });
    store.settle(() => tell(`${device} ${at}`));
  }
  // A parent that died can't kill it any more.
  if (process.ppid === 1) process.exit(1);
  setTimeout(burst, 4);
}

/** Says something of an hour, or takes the last of it back; what contradicts something is refused, and tried no more. */
async function say(): Promise<void> {
  const author = {
    by: 'test',
    audited: (action: string, target: string) => ({
      ...{ actor: 'test', address: '', action, target, outcome: 'done' as const, detail: {} },
    }),
  };
  const active = await corrections.list({ scope: COUNTY, state: 'active', limit: 50 });
  const [last] = active;
  if (last !== undefined && (active.length > 5 || random() < 0.4))
    return void (await corrections.undo(last.id, null, author));
  const from = START + Math.floor(random() * 72) * HOUR;
  const device = DEVICES[Math.floor(random() * DEVICES.length)] as string;
  const common = { device, metric: 'o3', from, to: from + HOUR, target: null };
  await corrections
    .propose({ ...common, kind: 'offset', value: Math.floor(random() * 9) + 1 }, 'test', author)
    .catch((error: { code?: string }) => {
      if (error.code !== 'contradicts') throw error;
    });
}

/** One of the stations stands elsewhere from some hour on. */
async function move(): Promise<void> {
  const id = DEVICES[Math.floor(random() * DEVICES.length)] as string;
  const area = [COUNTY, EAST, WEST][Math.floor(random() * 3)] as string;
  const at = START + Math.floor(random() * 72) * HOUR;
  await registryStore(relational).importDevices({
    ...{ at, by: 'test', devices: [deviceIn(id, area)], gateways: [], credentials: [] },
  });
}

async function forever(pauseMs: number, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    await work();
    await systemTimer.sleep(pauseMs);
  }
}

burst();
await Promise.all([
  forever(20, () => machine.work.run(alone())),
  forever(30, () => machine.marks.flushWhenDue()),
  forever(40, say),
  // Not at each start: everything that is stored of areas is looked at after a move.
  systemTimer.sleep(250).then(() => forever(250, move)),
  forever(60, () => store.flush()),
]);

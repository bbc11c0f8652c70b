/**
 * `npm run bench -- live`: what many open pages cost. 200 streams watch a county of 5,000 devices, all of which change each second, then
 * have other corrections. Judged is the longest stretch of the process's own work in which nobody else had a turn, in time of its
 * thread, so that other processes count for nothing.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { MINUTE, SECOND, systemTimer } from '@village/core';
import {
  COUNTY,
  device,
  EAST,
  METRICS,
  openTables,
  PROFILE,
  profiles,
  SetTimer,
} from '@village/platform/figures/testing';
import { Directory, registryStore } from '@village/registry';
import { LiveHub } from '@village/server/live';
import { openTimeSeries } from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { type Case, judge, report } from '../report.ts';

const STREAMS = 200;
const DEVICES = 5_000;
const ROUNDS = 15;
const START = Date.UTC(2026, 2, 10, 4);

/** The longest time of this thread between two turns of the event loop, ms. */
class Holds {
  longest = 0;
  #over = false;

  watch(): void {
    let before = process.threadCpuUsage();
    const turn = (): void => {
      const { user, system } = process.threadCpuUsage(before);
      this.longest = Math.max(this.longest, (user + system) / 1_000);
      before = process.threadCpuUsage();
      if (!this.#over) setImmediate(turn);
    };
    setImmediate(turn);
  }

  stop(): number {
    this.#over = true;
    return this.longest;
  }
}

async function measure(folder: string): Promise<Case[]> {
  const timer = new SetTimer(START);
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'store'), timer, flushEveryMs: 60 * MINUTE },
    tickMs: Number.POSITIVE_INFINITY,
  });
  const relational = await openTables({ file: join(folder, 'r.sqlite') }, timer.now);
  const ids = Array.from({ length: DEVICES }, (_, n) => `s${String(n).padStart(4, '0')}`);
  const devices = ids.map((id) => device(id, EAST));
  const empty = { gateways: [], credentials: [] };
  await registryStore(relational).importDevices({ at: 0, by: 'bench', devices, ...empty });
  const directory = new Directory({ relational, store, profiles, log: () => undefined });
  await directory.load(START);
  const hub = new LiveHub({
    clientsMax: STREAMS,
    latest: (id) => {
      const entry = directory.known(id);
      if (entry === undefined) return null;
      const { state, lastSeenAt } = entry;
      return JSON.stringify({ device: id, state, lastSeenAt, values: store.latest(id) });
    },
    isIn: (id, area) => directory.entry(area, id) !== undefined,
    failed: (error) => {
      throw error;
    },
  });
  const server = createServer((_request, response) =>
    hub.add(
      response,
      {
        asker: `reader ${hub.counters().clients}`,
        node: () => directory.area(COUNTY, COUNTY),
        device: null,
        sees: (id) => directory.entry(COUNTY, id) !== undefined,
        seesAlerts: true,
        mayWatch: () => Promise.resolve(true),
      },
      {},
    ),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const readers = new Worker(new URL('./readers.ts', import.meta.url), {
    workerData: { port, streams: STREAMS },
  });
  const read = async (): Promise<number> => {
    readers.postMessage('read');
    const [bytes] = (await once(readers, 'message')) as [number];
    return bytes;
  };
  try {
    while (hub.counters().clients < STREAMS) await systemTimer.sleep(10);
    const rounds = async (work: (round: number) => Promise<void>): Promise<[number, number]> => {
      const holds = new Holds();
      holds.watch();
      const before = process.threadCpuUsage();
      for (let round = 0; round < ROUNDS; round++) await work(round);
      const { user, system } = process.threadCpuUsage(before);
      return [holds.stop(), (user + system) / 1_000 / ROUNDS];
    };
    const put = async (round: number): Promise<void> => {
      timer.at = START + round * SECOND;
      for (const id of ids)
        putRow(store, PROFILE, METRICS, {
          device: id,
          at: timer.at,
          values: { o3: round, no2: 1 },
        });
      await store.commitNow();
    };
    const [bare] = await rounds(async (round) => {
      await put(round);
      directory.tick(timer.at, []);
      await systemTimer.sleep(100);
    });
    const changed = await rounds(async (round) => {
      await put(ROUNDS + round);
      await hub.tick(directory.tick(timer.at, []), new Set());
      await systemTimer.sleep(100);
    });
    const corrected = new Set(ids.flatMap((id) => directory.known(id) ?? []));
    const told = await rounds(async () => {
      await hub.tick(new Set(), corrected);
      await systemTimer.sleep(100);
    });
    return [
      judge('5,000 readings of a second, nobody told: longest hold', Number(bare.toFixed(1)), 'ms'),
      judge('200 streams told of them: longest hold', Number(changed[0].toFixed(1)), 'ms', '<= 60'),
      judge('… work of a second', Number(changed[1].toFixed(1)), 'ms', '<= 120'),
      judge(
        '200 streams told of 5,000 corrections: longest hold',
        Number(told[0].toFixed(1)),
        'ms',
      ),
      judge('… work of a second', Number(told[1].toFixed(1)), 'ms', '<= 120'),
      judge('megabytes sent', Math.round((await read()) / 2 ** 20), 'MiB'),
      judge('memory', Math.round(process.memoryUsage().rss / 2 ** 20), 'MiB'),
    ];
  } finally {
    await hub.close();
    await readers.terminate();
    server.close();
    await store.close();
    await relational.close();
  }
}

/** Runs the benchmark. */
export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));
  try {
    report('live', await measure(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

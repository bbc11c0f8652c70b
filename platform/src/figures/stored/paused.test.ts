/** Two processes that compute figures of one database: one stands still beyond its lease and goes on, and nothing old is put over what the other computed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DAY, HOUR, systemTimer } from '@village/core';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import { openInfluxArchive, openTimeSeries } from '@village/store/time-series';
import { hasInfluxDB, InfluxServer } from '@village/store/time-series/influxdb-testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Jobs } from '../../jobs/jobs.ts';
import { every } from '../../jobs/schedule.ts';
import { dayStart } from '../days.ts';
import { above, areaAbove, FIRST_DAY, Machine, openTables, SetTimer } from '../testing.ts';
import { figureTables } from './tables.ts';

const START = dayStart(FIRST_DAY);
const LEASE_MS = 900;
const child = fileURLToPath(new URL('./paused-child.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'village-paused-'));
const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];

const until = async (holds: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  for (let n = 0; n < 1_500; n++) {
    if (await holds()) return;
    await systemTimer.sleep(20);
  }
  throw new Error(`waited in vain for: ${what}`);
};

/** Whether a process stands still, as the kernel tells. */
const stands = ({ pid }: ChildProcess): boolean =>
  /^\d+ \(.*\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describe.skipIf(!hasInfluxDB() || process.platform !== 'linux')(
  'a process that stood still',
  () => {
    let influx: InfluxServer;
    let postgres: TestPostgres | undefined;
    beforeAll(async () => {
      influx = await InfluxServer.in(join(folder, 'influx'));
      await influx.start();
      ends.push(() => influx.stop());
      const bin = postgresFolder();
      if (bin === undefined) return;
      postgres = await startPostgres(bin);
      ends.push(() => postgres?.stop());
    }, 60_000);
    afterAll(async () => {
      for (const end of ends.reverse()) await end();
    });

    const tablesOf = async (engine: string): Promise<{ file: string } | { url: string }> => {
      if (engine === 'SQLite') return { file: join(folder, 'r.sqlite') };
      const client = new pg.Client((postgres as TestPostgres).url('postgres'));
      await client.connect();
      await client.query('create database paused');
      await client.end();
      return { url: (postgres as TestPostgres).url('paused') };
    };

    it.each(postgresFolder() === undefined ? ['SQLite'] : ['SQLite', 'PostgreSQL'])(
      'on %s puts nothing down and takes no mark away once another has its job',
      async (engine) => {
        const tables = await tablesOf(engine);
        const database = `p${createHash('sha256').update(`${folder}${engine}`).digest('hex').slice(0, 12)}`;
        const target = { url: influx.url, database };
        const timer = new SetTimer(START + DAY + HOUR);
        const own = join(folder, engine);
        mkdirSync(own);
        const store = await openTimeSeries({
          ...{ folder: join(own, 'parent'), timer, tickMs: Number.POSITIVE_INFINITY },
          ...{ diskReserveBytes: 0, archive: () => Promise.resolve(openInfluxArchive(target)) },
        });
        const relational = await openTables(tables, timer.now);
        const figures = [above, areaAbove];
        const machine = new Machine({ store, relational, timer, figures });
        const put = async (hour: number): Promise<void> => {
          await machine.put([{ device: 'a', at: START + hour * HOUR, values: { o3: 200 } }]);
          await until(() => machine.marks.isUpToDate(1_000), 'marks');
          await machine.marks.flush();
          await store.flush();
        };
        await put(1);
        const told = { folder: join(own, 'child'), tables, influx: target };
        const other = spawn(
          process.execPath,
          [child, JSON.stringify({ ...told, now: timer.at, leaseMs: LEASE_MS })],
          { stdio: ['ignore', 'pipe', 'inherit'] },
        );
        let said = '';
        other.stdout.on('data', (text) => {
          said += String(text);
        });
        try {
          await until(() => stands(other), 'the child to stand still');
          await put(2);
          const stopped = new AbortController();
          const jobs = new Jobs({
            ...{ timer: systemTimer, relational, leaseMs: LEASE_MS, failed: () => undefined },
            jobs: [
              {
                kind: 'figures',
                title: { zh: '试', en: 'Test' },
                schedule: every(50),
                run: (run) => machine.work.run(run),
              },
            ],
          });
          const running = jobs.run(stopped.signal);
          const db = figureTables(relational);
          const marks = () => db.selectFrom('figure_mark').selectAll().execute();
          await until(
            async () => (await marks()).length === 0,
            'the other process to take the job over',
          );
          stopped.abort();
          await running;
          const stored = () =>
            db.selectFrom('figure_day').selectAll().orderBy('device').orderBy('figure').execute();
          const before = await stored();
          expect(before.map(({ figure, body }) => [figure, JSON.parse(body)[0][0]])).toEqual([
            ['above', 2],
            ['area-above', 2 * 1.0001],
          ]);
          // Marked anew: no mark of before is left that it could be counted on from.
          await put(3);
          expect(await marks()).toMatchObject([{ device: 'a', day: FIRST_DAY }]);
          const marked = await marks();
          // Its next run would work the mark off: nobody is let run again.
          await relational
            .for<{ job: { kind: string; next_at: number; lease_owner: string } }>('jobs')
            .updateTable('job')
            .set({ lease_owner: 'nobody', lease_until: 9_000_000_000_000 } as object)
            .execute();
          other.kill('SIGCONT');
          await until(() => said !== '', 'the child to go on');
          expect(await stored()).toEqual(before);
          expect(await marks()).toEqual(marked);
          await machine.workOff();
          expect(await machine.check()).toMatchObject({ differing: 0, waiting: 0 });
        } finally {
          other.kill('SIGKILL');
          await machine.stop();
          await store.close();
          await relational.close();
        }
      },
      120_000,
    );
  },
);

/** Places on every engine with a machine of figures over them, and what may happen there in any order, for tests. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, MINUTE, type Random, seededRandom } from '@village/core';
import type { Relational } from '@village/store/relational';
import {
  keepState,
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import {
  openInfluxArchive,
  openTimeSeries,
  type TimeSeriesStore,
} from '@village/store/time-series';
import { hasInfluxDB, InfluxServer } from '@village/store/time-series/influxdb-testing';
import type { TestRow } from '@village/store/time-series/testing';
import pg from 'pg';
import { type Statement, StatementBook } from '../../corrections/statement.ts';
import { dayStart } from '../days.ts';
import {
  above,
  alone,
  DEVICES,
  FIRST_DAY,
  Machine,
  type MachineOptions,
  moving,
  openTables,
  SetTimer,
  shy,
} from '../testing.ts';
import { figureTables } from './tables.ts';

export const START = dayStart(FIRST_DAY);
export const DAYS = 3;

/** Rows of both stations, every twenty minutes or so; a value says who measured when, so that a repeat is the same. */
export function readings(random: Random): TestRow[] {
  const rows: TestRow[] = [];
  for (const device of DEVICES)
    for (let at = START; at < START + DAYS * DAY; at += 20 * MINUTE) {
      if (random() < 0.2) continue;
      const value = Math.round(seededRandom(`${device} ${at}`)() * 2_000) / 10;
      const bad = seededRandom(`${at} ${device}`)() < 0.1;
      const quality = bad ? { quality: { o3: 'calibration' as const } } : {};
      rows.push({ device, at, values: { o3: value, no2: 1 }, ...quality });
    }
  return rows;
}

/** The same rows in any order, some of them twice. */
export function muddled(rows: readonly TestRow[], random: Random): TestRow[] {
  const all = rows.flatMap((row) => (random() < 0.15 ? [row, row] : [row]));
  for (let n = all.length - 1; n > 0; n--) {
    const other = Math.floor(random() * (n + 1));
    [all[n], all[other]] = [all[other] as TestRow, all[n] as TestRow];
  }
  return all;
}

const said = { metric: 'o3', value: null, target: null } as const;
const between = (from: number, to: number) => ({
  from: START + from * HOUR,
  to: START + to * HOUR,
});
/** Of every kind; the last two are taken back. */
export const STATEMENTS: readonly Statement[] = [
  { ...said, id: 1, kind: 'offset', device: 'a', value: 30, ...between(2, 5) },
  { ...said, id: 2, kind: 'factor', device: 'b', value: 1.1, ...between(10, 14) },
  { ...said, id: 3, kind: 'invalid', device: 'a', metric: null, ...between(26, 28) },
  // From the first hour of a day into the day before.
  {
    ...said,
    id: 4,
    kind: 'shift-clock',
    device: 'b',
    metric: null,
    value: -HOUR,
    ...between(24, 25),
  },
  { ...said, id: 5, kind: 'reassign', device: 'a', target: 'b', ...between(40, 43) },
  { ...said, id: 6, kind: 'offset', device: 'b', value: -20, ...between(50, 52) },
  { ...said, id: 7, kind: 'invalid', device: 'a', ...between(60, 61) },
];
export const TAKEN_BACK = 2;

/** What is said and taken back, in any order in which nothing is taken back before it was said. */
export function deeds(random: Random): number[] {
  const order = STATEMENTS.map(({ id }) => id).sort(() => random() - 0.5);
  for (const { id } of STATEMENTS.slice(-TAKEN_BACK)) {
    const after = order.indexOf(id) + 1;
    order.splice(after + Math.floor(random() * (order.length - after + 1)), 0, -id);
  }
  return order;
}

export interface Place {
  readonly openStore: (timer: SetTimer) => Promise<TimeSeriesStore>;
  readonly openTables: (timer: SetTimer) => Promise<Relational>;
  /** Keeps what the tables hold now; what it returns brings that back, also under whoever has them open. */
  readonly keepTables: () => Promise<() => Promise<void>>;
  /** The same of the folder of readings, while nobody has it open. */
  readonly keepReadings: () => () => void;
  readonly loseReadings: () => void;
  /** The same tables, and readings of another process. */
  readonly elsewhere: () => Place;
}

/** Where both archives and both databases are, as far as this machine has them. */
export class Places {
  readonly #folder = mkdtempSync(join(tmpdir(), 'village-figures-'));
  #influx: InfluxServer | undefined;
  #postgres: TestPostgres | undefined;
  #number = 0;

  has(archive: 'embedded' | 'influxdb', database: 'SQLite' | 'PostgreSQL'): boolean {
    return (
      (archive === 'embedded' || hasInfluxDB()) &&
      (database === 'SQLite' || postgresFolder() !== undefined)
    );
  }

  async open(): Promise<void> {
    const postgres = postgresFolder();
    if (postgres !== undefined) this.#postgres = await startPostgres(postgres);
    if (!hasInfluxDB()) return;
    this.#influx = await InfluxServer.in(join(this.#folder, 'influx'));
    await this.#influx.start();
  }

  async close(): Promise<void> {
    await this.#influx?.stop();
    await this.#postgres?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A new place with nothing in it. */
  of(archive: 'embedded' | 'influxdb', database: 'SQLite' | 'PostgreSQL'): Place {
    const own = join(this.#folder, String(this.#number++));
    mkdirSync(own);
    const hash = createHash('sha256').update(own).digest('hex').slice(0, 12);
    let made: Promise<unknown> | null = null;
    const make = async (): Promise<void> => {
      const client = new pg.Client(this.#postgres?.url('postgres'));
      await client.connect();
      await client.query(`create database f${hash}`);
      await client.end();
    };
    const target = (): { file: string } | { url: string } =>
      database === 'SQLite'
        ? { file: join(own, 'r.sqlite') }
        : { url: (this.#postgres as TestPostgres).url(`f${hash}`) };
    const series = join(own, 'series');
    const copy = join(own, 'copy');
    const bring = (from: string, to: string): void => {
      rmSync(to, { recursive: true, force: true });
      cpSync(from, to, { recursive: true });
    };
    const place: Place = {
      openStore: (timer) =>
        openTimeSeries({
          ...{ folder: series, timer, tickMs: Number.POSITIVE_INFINITY },
          diskReserveBytes: 0,
          ...(archive === 'embedded'
            ? {}
            : {
                archive: () =>
                  Promise.resolve(
                    openInfluxArchive({
                      url: (this.#influx as InfluxServer).url,
                      database: `f${hash}`,
                    }),
                  ),
              }),
        }),
      openTables: async (timer) => {
        if (database === 'PostgreSQL') {
          made ??= make();
          await made;
        }
        return openTables(target(), timer.now);
      },
      keepTables: () => keepState(target()),
      keepReadings: () => {
        bring(series, copy);
        return () => bring(copy, series);
      },
      loseReadings: () => rmSync(series, { recursive: true }),
      elsewhere: () => ({ ...place, openStore: this.of('embedded', 'SQLite').openStore }),
    };
    return place;
  }
}

/** Stores and a machine over them, which can be stopped and started again. */
export class Rig {
  readonly timer = new SetTimer(START + DAYS * DAY + HOUR);
  readonly #place: Place;
  readonly #more: Partial<MachineOptions>;
  book = new StatementBook([]);
  store!: TimeSeriesStore;
  relational!: Relational;
  machine!: Machine;

  constructor(place: Place, more: Partial<MachineOptions> = {}) {
    this.#place = place;
    this.#more = more;
  }

  async start(more: Partial<MachineOptions> = this.#more): Promise<this> {
    this.store = await this.#place.openStore(this.timer);
    this.relational = await this.#place.openTables(this.timer);
    const { store, relational, timer } = this;
    this.machine = new Machine({ store, relational, timer, book: () => this.book, ...more });
    return this;
  }

  /** Says one of the statements, or takes it back. */
  async say(deed: number): Promise<void> {
    const statement = STATEMENTS.find(({ id }) => id === Math.abs(deed)) as Statement;
    this.book = this.book.changed([{ number: this.book.number + 1, statement, holds: deed > 0 }]);
    await this.machine.note(statement, this.book);
  }

  async stop(): Promise<void> {
    await this.machine.stop();
    await this.store.close();
    await this.relational.close();
  }

  /** Everything stored, but for when. */
  stored(): Promise<object[]> {
    return figureTables(this.relational)
      .selectFrom('figure_day')
      .select(['figure', 'device', 'day', 'version', 'body', 'circumstances'])
      .orderBy('device')
      .orderBy('day')
      .orderBy('figure')
      .execute();
  }

  async answers(): Promise<unknown[]> {
    const all: unknown[] = [];
    for (const device of DEVICES)
      for (const figure of [above, moving, shy])
        for (const item of await this.machine.figures.values(figure, device, {
          from: START,
          to: START + DAYS * DAY,
        }))
          all.push([figure.id, device, item.at, item.value, item.completeness, item.version]);
    return all;
  }
}

/** Puts the rows in by random groups, with whatever else may happen between them. */
export async function muddle(
  rig: Rig,
  rows: readonly TestRow[],
  say: number[],
  random: Random,
): Promise<string[]> {
  const done: string[] = [];
  for (let n = 0; n < rows.length; ) {
    const size = 1 + Math.floor(random() * 60);
    await rig.machine.put(rows.slice(n, n + size));
    n += size;
    const deed = random() < 0.7 ? say.shift() : undefined;
    if (deed !== undefined) {
      await rig.say(deed);
      done.push(String(deed));
    }
    const what = Math.floor(random() * 8);
    if (what === 0) await rig.machine.workOff();
    else if (what === 1) await rig.machine.work.run(alone());
    else if (what === 2) await rig.store.flush();
    else if (what === 3) rig.timer.at += 11_000;
    else if (what === 4) {
      // Whatever was asked before must not show in an answer.
      const [device] = DEVICES;
      await rig.machine.figures.values(moving, device as string, { from: START, to: START + DAY });
    } else if (what === 5) {
      // The end of the process: what was gathered is in nobody's memory.
      await rig.stop();
      await rig.start();
    }
    done.push('wmft?sx.'[what] as string);
  }
  return done;
}

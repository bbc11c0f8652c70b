/** The stores a kill test runs on: those in the data folder, or servers of their own, which the kills leave alone. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { postgresFolder, startPostgres } from '@village/store/relational/testing';
import { InfluxServer } from '@village/store/time-series/influxdb-testing';
import pg from 'pg';

export const TIME_SERIES = ['embedded', 'influxdb'] as const;
export const RELATIONAL = ['sqlite', 'postgresql'] as const;

export interface Engines {
  readonly timeSeries: (typeof TIME_SERIES)[number];
  readonly relational: (typeof RELATIONAL)[number];
}

type Row = Record<string, unknown>;

export interface Stores {
  /** What names them in village.yaml. */
  readonly yaml: string;
  /** Asks the relational store beside the server. */
  rows(sql: string): Promise<Row[]>;
  close(): Promise<void>;
}

/** Starts what the engines need. @throws when one of them is not on this machine */
export async function openStores(folder: string, engines: Engines): Promise<Stores> {
  const ends: (() => Promise<unknown>)[] = [];
  const yaml: string[] = [];
  let rows: Stores['rows'] = (sql) => sqliteRows(join(folder, 'data', 'relational.sqlite'), sql);
  if (engines.timeSeries === 'influxdb') {
    const server = await InfluxServer.in(join(folder, 'influxdb'));
    await server.start();
    ends.push(() => server.stop());
    yaml.push(`timeSeries: { engine: influxdb, url: "${server.url}", database: village }\n`);
  }
  if (engines.relational === 'postgresql') {
    const bin = postgresFolder();
    if (bin === undefined) throw new Error('PostgreSQL is not on this machine');
    const server = await startPostgres(bin);
    ends.push(() => server.stop());
    const url = server.url('postgres');
    yaml.push(`relational: { url: "${url}" }\n`);
    rows = (sql) => postgresRows(url, sql);
  }
  return {
    yaml: yaml.join(''),
    rows,
    close: async () => {
      for (const end of ends) await end();
    },
  };
}

async function sqliteRows(file: string, sql: string): Promise<Row[]> {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}

async function postgresRows(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

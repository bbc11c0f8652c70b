/**
 * An archive in InfluxDB 1.x. The journal stands in front: what was acknowledged is kept there until the server says that
 * it is written, so the server may be away, slow or full. It is opened without asking the server for anything.
 */
import { OperationalError } from '@village/core';
import type { CommittedGroup } from '../../journal/contract.ts';
import type { Archive } from '../contract.ts';
import { aggregate } from './aggregate.ts';
import { InfluxClient, type InfluxOptions, identifier, type Point } from './client.ts';
import { completeness } from './completeness.ts';
import { countReadings } from './count.ts';
import { events, range } from './device-queries.ts';
import { exportTo } from './export.ts';
import { Locations } from './locations.ts';
import { bytesOf, EVENTS, eventPoints, rowPoints } from './points.ts';
import { rangeMany } from './range-many.ts';
import { Registrations } from './registrations.ts';

export type { InfluxOptions } from './client.ts';

/** Points and bytes of one request; the server takes 25 MB. */
const POINTS_MAX = 5_000;
const BYTES_MAX = 4 * 1024 * 1024;

/** Opens the archive of one database. */
export function openInfluxArchive(options: InfluxOptions): Archive {
  return new InfluxArchive(new InfluxClient(options)).archive;
}

function* pointsOf(groups: readonly CommittedGroup[]): Generator<Point> {
  for (const group of groups) {
    for (const rows of group.rows) yield* rowPoints(rows);
    yield* eventPoints(group);
  }
}

class InfluxArchive {
  readonly #client: InfluxClient;
  readonly #registrations = new Registrations();
  readonly #locations = new Locations();
  #prepared: Promise<void> | null = null;
  #pointsWritten = 0;
  #writes = 0;
  #writeFailures = 0;
  #rowsNotDurable = 0;

  constructor(client: InfluxClient) {
    this.#client = client;
  }

  get archive(): Archive {
    const client = this.#client;
    const registrations = this.#registrations;
    const ready = <T>(work: () => Promise<T>): Promise<T> => this.#ready().then(work);
    return {
      engine: 'influxdb',
      // The server keeps no place of ours; the journal remembers what it said was written.
      durableUpTo: null,
      take: (groups, signal) => this.#take(groups, signal),
      range: (query, signal) => ready(() => range(client, registrations, query, signal)),
      rangeMany: async function* (query, signal) {
        await ready(async () => undefined);
        yield* rangeMany(client, registrations, query, signal);
      },
      aggregate: (query, signal) => ready(() => aggregate(client, this.#locations, query, signal)),
      completeness: (query, signal) =>
        ready(() => completeness(client, registrations, query, signal)),
      events: (query, signal) => ready(() => events(client, query, signal)),
      exportTo: (path, format, query, signal) =>
        ready(() => exportTo(client, registrations, path, format, query, signal)),
      countReadings: (query, signal) =>
        ready(() => countReadings(client, registrations, query, signal)),
      retain: (before) => ready(() => this.#retain(before)),
      locate: (locations) => this.#locations.set(locations),
      counters: () => ({
        rowsNotDurable: this.#rowsNotDurable,
        archiveBytes: 0,
        own: {
          pointsWritten: this.#pointsWritten,
          writes: this.#writes,
          writeFailures: this.#writeFailures,
        },
      }),
      close: async () => undefined,
    };
  }

  /** Makes the database and reads the registrations, once; tried again by whoever comes next when it fails. */
  #ready(): Promise<void> {
    this.#prepared ??= this.#client
      .prepare()
      .then(() => this.#registrations.load(this.#client))
      .catch((error: unknown) => {
        this.#prepared = null;
        throw error;
      });
    return this.#prepared;
  }

  async #take(groups: readonly CommittedGroup[], signal: AbortSignal): Promise<number> {
    await this.#ready();
    const last = groups.at(-1);
    if (last === undefined) throw new Error('BUG: no group was given');
    this.#rowsNotDurable = groups.reduce((sum, group) => sum + group.rowCount, 0);
    for (const group of groups) for (const rows of group.rows) this.#registrations.note(rows);
    await this.#writeRegistrations(signal);
    await this.#writeAll(pointsOf(groups), signal);
    this.#rowsNotDurable = 0;
    return last.id;
  }

  async #writeRegistrations(signal?: AbortSignal): Promise<void> {
    const { points, written } = this.#registrations.unwritten();
    await this.#writeAll(points, signal);
    written();
  }

  /** Writes in requests that the server takes; points are made as they are sent. */
  async #writeAll(all: Iterable<Point>, signal?: AbortSignal): Promise<void> {
    let points: Point[] = [];
    let bytes = 0;
    for (const point of all) {
      points.push(point);
      bytes += bytesOf(point);
      if (points.length < POINTS_MAX && bytes < BYTES_MAX) continue;
      await this.#write(points, signal);
      points = [];
      bytes = 0;
    }
    await this.#write(points, signal);
  }

  async #write(points: readonly Point[], signal?: AbortSignal): Promise<void> {
    if (points.length === 0) return;
    try {
      await this.#client.write(points, signal);
      this.#writes++;
      this.#pointsWritten += points.length;
    } catch (error) {
      if (!(error instanceof OperationalError && error.code === 'query-aborted'))
        this.#writeFailures++;
      throw error;
    }
  }

  async #retain(before: number): Promise<{ files: number }> {
    this.#registrations.forgetBefore(before);
    await this.#writeRegistrations();
    for (const measurement of [...this.#registrations.profiles(), EVENTS])
      await this.#client.query(
        `DELETE FROM ${identifier(measurement)} WHERE time < ${Math.floor(before)}ms`,
      );
    return { files: 0 };
  }
}

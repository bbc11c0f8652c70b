/** Where figures get their inputs from: readings of the archive by pages, and what held of a device from the registry. */
import { setImmediate } from 'node:timers/promises';
import { BoundedMap } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { registryStore } from '@village/registry';
import type { RelationalAccess } from '@village/store/relational';
import type { ArchiveQueries, RangeRow } from '@village/store/time-series';
import type { StatementBook, StatementKind } from '../corrections/statement.ts';
import { Circumstances } from './circumstances.ts';
import { applies, computeSpan, type Readings, type Result, readingsOf } from './compute.ts';
import { dayStart, type Span, spansIn } from './days.ts';
import { type Figure, window } from './figure.ts';

/** Statements that put readings right, as far as figures ask of them. */
export interface Statements {
  /** Rises with each change of what holds. */
  readonly number: number;
  /** Ids of those that hold and touch a device's times, in order. */
  touching(device: string, span: Span): readonly number[];
  /** Devices that any of them touches. */
  devices(): readonly string[];
  /** Other times, and times of other devices, to which what was received from a device then is moved. */
  moved(device: string, span: Span): readonly (Span & { readonly device: string })[];
}

/** What figures ask of the statements that hold at the moment. */
export const statementsOf = (book: () => StatementBook): Statements => ({
  get number() {
    return book().number;
  },
  touching: (device, span) => book().touching(device, span),
  devices: () => book().devices(),
  moved: (device, { from, to }) => {
    const now = book();
    const moves = now
      .of(device)
      .some((one) => one.from < to && one.to > from && MOVING.has(one.kind));
    if (!moves) return [];
    const all = { kind: 'accept', metric: null, value: null, target: null } as const;
    return now.reach({ ...all, device, from, to });
  },
});

const MOVING: ReadonlySet<StatementKind> = new Set(['reassign', 'shift-clock']);

export interface SourceOptions {
  /** Corrected readings. */
  readonly rows: Pick<ArchiveQueries, 'range'>;
  readonly statements: Statements;
  readonly relational: Pick<RelationalAccess, 'for'>;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
}

/** Rows of one question to the archive. */
const PAGE_ROWS = 50_000;
/** Days whose rows are in memory at once. */
const CHUNK_DAYS = 31;
const KNOWN_MAX = 10_000;

/** Keys of all metrics that figures read of a device. */
function metricsOf(figures: readonly Figure[], held: Circumstances): string[] {
  const quantities = figures.flatMap(({ inputs }) => inputs.map(({ quantity }) => quantity));
  const measured = quantities.flatMap((quantity) => held.measured(quantity));
  return [...new Set(measured.map(({ metric }) => metric))];
}

export class Sources {
  readonly #options: SourceOptions;
  readonly #known = new BoundedMap<string, { version: number; held: Circumstances }>(KNOWN_MAX);

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  get statements(): Statements {
    return this.#options.statements;
  }

  /** Rises with each change of what holds of devices. */
  version(): Promise<number> {
    return registryStore(this.#options.relational).version();
  }

  /** What held of a device; kept in memory as long as nothing in the registry changes. */
  async circumstances(device: string, version?: number): Promise<Circumstances> {
    // Asked before what it stands for is read, so that nothing old is kept under a new number.
    const now = version ?? (await this.version());
    const known = this.#known.get(device);
    if (known !== undefined && known.version === now) return known.held;
    const registry = registryStore(this.#options.relational);
    const held = new Circumstances(
      device,
      this.#options.profiles,
      await registry.installations(device),
      await registry.properties({ kind: 'device', id: device }),
    );
    this.#known.set(device, { version: now, held });
    return held;
  }

  /** Of many devices at once; what is in memory is not asked for. */
  async circumstancesOf(
    devices: readonly string[],
    version: number,
  ): Promise<Map<string, Circumstances>> {
    const found = new Map<string, Circumstances>();
    const wanted: string[] = [];
    for (const device of devices) {
      const known = this.#known.get(device);
      if (known !== undefined && known.version === version) found.set(device, known.held);
      else wanted.push(device);
    }
    const { profiles, relational } = this.#options;
    for (const [device, history] of await registryStore(relational).histories(wanted)) {
      const { installations, properties } = history;
      const held = new Circumstances(device, profiles, installations, properties);
      this.#known.set(device, { version, held });
      found.set(device, held);
    }
    return found;
  }

  /** Readings of a span in order of time. */
  async #rows(
    device: string,
    metrics: readonly string[],
    span: Span,
    signal?: AbortSignal,
  ): Promise<RangeRow[]> {
    const { rows } = this.#options;
    const found: RangeRow[] = [];
    for (let { from } = span; from < span.to; ) {
      const asked = { device, metrics, from, to: span.to, limit: PAGE_ROWS };
      const page = await rows.range(asked, signal);
      for (const row of page) found.push(row);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) break;
      from = last.at + 1;
    }
    return found;
  }

  /** The result whose span holds an instant, with its readings. */
  async open(
    figure: Figure,
    held: Circumstances,
    at: number,
    signal?: AbortSignal,
  ): Promise<{ result: Result; readings: ReadonlyMap<string, Readings> }> {
    const [span] = spansIn(figure.span, { from: at, to: at + 1 }) as [Span];
    const rows = await this.#rows(
      held.device,
      metricsOf([figure], held),
      window(figure, span),
      signal,
    );
    const readings = readingsOf(figure, held, rows);
    return { result: computeSpan(figure, span, readings, held), readings };
  }

  /**
   * Computes figures of a device over whole days, from the first to before the end, a month of rows in memory at a time;
   * each month when it is its turn.
   */
  async *compute(
    figures: readonly Figure[],
    held: Circumstances,
    first: number,
    end: number,
    signal?: AbortSignal,
    turn: <T>(work: () => Promise<T>) => Promise<T> = (work) => work(),
  ): AsyncGenerator<readonly [Figure, Result]> {
    const own = figures.filter((figure) => applies(figure, held));
    if (own.length === 0) return;
    const metrics = metricsOf(own, held);
    for (let day = first; day < end; day += CHUNK_DAYS) {
      const part = { from: dayStart(day), to: dayStart(Math.min(day + CHUNK_DAYS, end)) };
      const windows = own.map((figure) => window(figure, part));
      const around = {
        from: Math.min(...windows.map(({ from }) => from)),
        to: Math.max(...windows.map(({ to }) => to)),
      };
      yield* await turn(async () => {
        const rows = await this.#rows(held.device, metrics, around, signal);
        const results: (readonly [Figure, Result])[] = [];
        for (const figure of own) {
          const readings = readingsOf(figure, held, rows);
          for (const span of spansIn(figure.span, part)) {
            results.push([figure, computeSpan(figure, span, readings, held)]);
            // Whoever else this process serves comes between any two days.
            if (results.length % 24 === 0 || figure.span === 'day') await setImmediate();
          }
        }
        return results;
      });
      signal?.throwIfAborted();
    }
  }
}

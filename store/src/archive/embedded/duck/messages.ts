/** What the archive and its DuckDB thread say to each other. */

/** Memory, threads and spill folder of the thread's DuckDB. */
export interface WorkerOptions {
  readonly threads: number;
  readonly memoryLimitMb: number;
  readonly spillFolder: string;
  readonly spillLimitMb: number;
}

/** An event as a row of its table. */
export interface EventRow {
  readonly at: number;
  readonly receivedAt: number;
  readonly device: string;
  readonly type: string;
  readonly detail: string;
}

/** Parallel columns: where each device stood and stands (since ≤ at < until); areas by number, 0 for none. */
export interface LocationColumns {
  readonly device: Int32Array;
  readonly since: Float64Array;
  readonly until: Float64Array;
  readonly county: Int32Array;
  readonly township: Int32Array;
  readonly village: Int32Array;
}

export type Request =
  | { readonly kind: 'create'; readonly table: string; readonly metrics: number }
  | {
      readonly kind: 'append';
      readonly table: string;
      /** Shared memory, which the thread only reads, until it answers with the number; or a copy. */
      readonly rows: Float64Array;
      readonly count: number;
      readonly number: number;
    }
  | {
      readonly kind: 'events';
      readonly table: string;
      readonly rows: readonly EventRow[];
      readonly count: number;
    }
  | { readonly kind: 'drop'; readonly tables: readonly string[] }
  | { readonly kind: 'locations'; readonly locations: LocationColumns }
  | {
      readonly kind: 'devices';
      readonly numbers: readonly number[];
      readonly ids: readonly string[];
      readonly profiles: readonly string[];
    }
  | { readonly kind: 'query'; readonly id: number; readonly sql: string }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'close' };

/** Doubles with NaN for null, or texts. */
export type Column = Float64Array | (string | null)[];

/** A query's answer, by column. */
export interface Columns {
  readonly rows: number;
  readonly columns: readonly Column[];
}

export type Answer =
  | { readonly kind: 'ready' }
  /** The self-test read something else than it wrote; the thread ends. */
  | { readonly kind: 'unfit'; readonly reason: string }
  /** The thread can't go on: it reads nothing any more, and ends once its queries have ended. */
  | { readonly kind: 'leaving'; readonly reason: string }
  /** So many rows more are in tables; the blocks with these numbers are not read any more. */
  | { readonly kind: 'appended'; readonly count: number; readonly blocks: readonly number[] }
  | { readonly kind: 'result'; readonly id: number; readonly result: Columns }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

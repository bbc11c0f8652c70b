/** What is said between the process and the threads that hold a connection to SQLite. */

export interface ThreadOptions {
  readonly file: string;
  /** A reader refuses to write. */
  readonly reads: boolean;
}

/** A statement, or a copy of the database into a file. */
export type Ask =
  | { readonly sql: string; readonly values: readonly unknown[] }
  | { readonly copyTo: string };

export type Request = Ask & { readonly id: number };

/** An error of SQLite as it can be sent. */
export interface SqliteFault {
  readonly message: string;
  readonly errcode?: number;
}

export interface Result {
  readonly rows: readonly unknown[];
  readonly changes?: number | bigint;
  readonly insertId?: number | bigint;
}

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: number; readonly result: Result }
  | { readonly kind: 'fault'; readonly id: number | null; readonly fault: SqliteFault };

/** What could not be decoded, kept in the log's database within limits: the oldest entries give way and are counted. */
import type { DeadLetter, StoredDeadLetter } from './contract.ts';
import type { JournalDb } from './journal-db.ts';

/** How many dead letters are kept. */
export interface DeadLetterLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/** Longest payload kept of one entry; the rest is cut. */
const PAYLOAD_BYTES_MAX = 256 * 1024;

/** The table of dead letters (`quarantine`) and its size. */
export class DeadLetters {
  readonly #db: JournalDb;
  readonly #limits: DeadLetterLimits;
  #entries: number;
  #bytes: number;
  dropped: number;

  constructor(db: JournalDb, limits: DeadLetterLimits) {
    this.#db = db;
    this.#limits = limits;
    const sums = db.sqlite
      .prepare(
        'SELECT count(*) AS entries, coalesce(sum(length(payload)), 0) AS bytes FROM quarantine',
      )
      .get();
    this.#entries = Number(sums?.['entries']);
    this.#bytes = Number(sums?.['bytes']);
    this.dropped = Number(db.state('quarantine-dropped') ?? 0);
  }

  get entries(): number {
    return this.#entries;
  }

  /** Inside the transaction of a commit; `settle` or `forget` must follow it. */
  add(entries: readonly DeadLetter[]): void {
    const insert = this.#db.sql(
      `INSERT INTO quarantine(received_at, source, device, topic, reason, message, payload)
       VALUES(?, ?, ?, ?, ?, ?, ?)`,
    );
    let bytes = this.#bytes;
    let count = this.#entries;
    for (const entry of entries) {
      const payload = entry.payload.subarray(0, PAYLOAD_BYTES_MAX);
      insert.run(
        entry.receivedAt,
        entry.source,
        entry.device,
        entry.topic,
        entry.reason,
        entry.message,
        payload,
      );
      bytes += payload.length;
      count++;
    }
    const oldest = this.#db.sql(
      'SELECT id, length(payload) AS bytes FROM quarantine ORDER BY id LIMIT 1',
    );
    const remove = this.#db.sql('DELETE FROM quarantine WHERE id = ?');
    let dropped = this.dropped;
    while (count > this.#limits.entriesMax || (bytes > this.#limits.bytesMax && count > 1)) {
      const row = oldest.get();
      if (row === undefined) break;
      remove.run(row['id'] as number);
      bytes -= row['bytes'] as number;
      count--;
      dropped++;
    }
    if (dropped !== this.dropped) this.#db.setState('quarantine-dropped', dropped);
    this.#pending = { bytes, count, dropped };
  }

  #pending: { bytes: number; count: number; dropped: number } | null = null;

  /** After the commit: the sizes counted in `add` hold. */
  settle(): void {
    if (this.#pending === null) return;
    this.#bytes = this.#pending.bytes;
    this.#entries = this.#pending.count;
    this.dropped = this.#pending.dropped;
    this.#pending = null;
  }

  /** After a failed commit. */
  forget(): void {
    this.#pending = null;
  }

  list(query: {
    after?: number;
    limit: number;
    state?: StoredDeadLetter['state'];
  }): StoredDeadLetter[] {
    const rows =
      query.state === undefined
        ? this.#db
            .sql('SELECT * FROM quarantine WHERE id > ? ORDER BY id LIMIT ?')
            .all(query.after ?? 0, query.limit)
        : this.#db
            .sql('SELECT * FROM quarantine WHERE id > ? AND state = ? ORDER BY id LIMIT ?')
            .all(query.after ?? 0, query.state, query.limit);
    return rows.map((row) => ({
      id: row['id'] as number,
      receivedAt: row['received_at'] as number,
      source: row['source'] as string,
      device: row['device'] as string | null,
      topic: row['topic'] as string,
      reason: row['reason'] as string,
      message: row['message'] as string,
      payload: row['payload'] as Uint8Array,
      state: row['state'] as StoredDeadLetter['state'],
    }));
  }

  resolve(ids: readonly number[], state: 'rerun' | 'discarded'): void {
    const update = this.#db.sql('UPDATE quarantine SET state = ? WHERE id = ?');
    this.#db.transaction(() => {
      for (const id of ids) update.run(state, id);
    });
  }
}

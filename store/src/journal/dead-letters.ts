/**
 * What could not be decoded, kept in the log's database within limits. When it is full, who has most in it gives way: the
 * oldest of the device with most entries of the sender with most, so that nobody's flood costs others theirs.
 */
import type {
  DeadLetter,
  DeadLetterLook,
  DeadLetterPart,
  DeadLettersSeen,
  StoredDeadLetter,
} from './contract.ts';
import type { JournalDb } from './journal-db.ts';

/** How many dead letters are kept. */
export interface DeadLetterLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/** Longest payload kept of one entry; the rest is cut. */
const PAYLOAD_BYTES_MAX = 256 * 1024;

interface Size {
  entries: number;
  bytes: number;
}

/** What one sender has in the table, by device. */
interface Share extends Size {
  readonly devices: Map<string, Size>;
}

/** What is counted of the table's content. */
class Shares implements Size {
  entries = 0;
  bytes = 0;
  readonly #senders = new Map<string, Share>();

  add(source: string, device: string, entries: number, bytes: number): void {
    let share = this.#senders.get(source);
    if (share === undefined) {
      share = { entries: 0, bytes: 0, devices: new Map() };
      this.#senders.set(source, share);
    }
    let own = share.devices.get(device);
    if (own === undefined) {
      own = { entries: 0, bytes: 0 };
      share.devices.set(device, own);
    }
    for (const size of [this, share, own]) {
      size.entries += entries;
      size.bytes += bytes;
    }
    if (own.entries <= 0) share.devices.delete(device);
    if (share.entries <= 0) this.#senders.delete(source);
  }

  /** Who has most. */
  largest(by: keyof Size): { readonly source: string; readonly device: string } | null {
    const sender = largestOf(this.#senders, by);
    if (sender === null) return null;
    const [source, { devices }] = sender;
    const [device] = largestOf(devices, by) ?? [''];
    return { source, device };
  }
}

function largestOf<S extends Size>(
  sizes: ReadonlyMap<string, S>,
  by: keyof Size,
): [string, S] | null {
  let most: [string, S] | null = null;
  for (const one of sizes) if (most === null || one[1][by] > most[1][by]) most = one;
  return most;
}

const COLUMNS =
  'id, received_at, source, device, topic, reason, message, state, part, length(payload) AS bytes';

/** The table of dead letters (`quarantine`) and its size. */
export class DeadLetters {
  readonly #db: JournalDb;
  readonly #limits: DeadLetterLimits;
  #shares: Shares;
  dropped = 0;
  /** Between `add` and what becomes of its transaction. */
  #open = false;

  constructor(db: JournalDb, limits: DeadLetterLimits) {
    this.#db = db;
    this.#limits = limits;
    this.#shares = this.#load();
  }

  #load(): Shares {
    const shares = new Shares();
    const rows = this.#db
      .sql(
        `SELECT source, coalesce(device, '') AS device, count(*) AS entries, sum(length(payload)) AS bytes
         FROM quarantine GROUP BY 1, 2`,
      )
      .all();
    for (const { source, device, entries, bytes } of rows)
      shares.add(String(source), String(device), Number(entries), Number(bytes));
    this.dropped = Number(this.#db.state('quarantine-dropped') ?? 0);
    return shares;
  }

  get entries(): number {
    return this.#shares.entries;
  }

  /** Inside the transaction of a commit; `settle` or `forget` must follow it. */
  add(entries: readonly DeadLetter[]): void {
    this.#open = true;
    const insert = this.#db.sql(
      `INSERT INTO quarantine(received_at, source, device, topic, reason, message, payload, part, key)
       VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    for (const entry of entries) {
      const payload = entry.payload.subarray(0, PAYLOAD_BYTES_MAX);
      const { changes } = insert.run(
        entry.receivedAt,
        entry.source,
        entry.device,
        entry.topic,
        entry.reason,
        entry.message,
        payload,
        entry.part === undefined ? null : JSON.stringify(entry.part),
        entry.key ?? null,
      );
      if (changes > 0) this.#shares.add(entry.source, entry.device ?? '', 1, payload.length);
    }
    this.#makeRoom();
  }

  #makeRoom(): void {
    // What was run again or given up goes before what still waits.
    const oldest = this.#db.sql(
      `SELECT id, length(payload) AS bytes FROM quarantine WHERE source = ? AND coalesce(device, '') = ?
       ORDER BY state = 'open', id LIMIT 1`,
    );
    const remove = this.#db.sql('DELETE FROM quarantine WHERE id = ?');
    const before = this.dropped;
    const { entriesMax, bytesMax } = this.#limits;
    const shares = this.#shares;
    while (shares.entries > entriesMax || (shares.bytes > bytesMax && shares.entries > 1)) {
      const most = shares.largest(shares.entries > entriesMax ? 'entries' : 'bytes');
      const row = most === null ? undefined : oldest.get(most.source, most.device);
      if (most === null || row === undefined) break;
      remove.run(row['id'] as number);
      shares.add(most.source, most.device, -1, -Number(row['bytes']));
      this.dropped++;
    }
    if (this.dropped !== before) this.#db.setState('quarantine-dropped', this.dropped);
  }

  /** After the commit: what was counted in `add` holds. */
  settle(): void {
    this.#open = false;
  }

  /** After a failed commit: nothing of it was written. */
  forget(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#shares = this.#load();
  }

  list(query: {
    after?: number;
    limit: number;
    state?: StoredDeadLetter['state'];
    payloadBytesMax?: number;
  }): StoredDeadLetter[] {
    const { after = 0, limit, state, payloadBytesMax = PAYLOAD_BYTES_MAX } = query;
    const select = `SELECT ${COLUMNS}, substr(payload, 1, ?) AS payload FROM quarantine WHERE id > ?`;
    const rows =
      state === undefined
        ? this.#db.sql(`${select} ORDER BY id LIMIT ?`).all(payloadBytesMax, after, limit)
        : this.#db
            .sql(`${select} AND state = ? ORDER BY id LIMIT ?`)
            .all(payloadBytesMax, after, state, limit);
    return rows.map(letterOf);
  }

  /** A row's state lies behind its payload: to pass it over costs as much as to read it. */
  lookThrough({
    after,
    state,
    rowsMax,
    bytesMax,
    payloadBytesMax,
  }: DeadLetterLook): DeadLettersSeen {
    const all = this.#db
      .sql(
        `SELECT ${COLUMNS}, substr(payload, 1, ?) AS payload, coalesce(length(part), 0) AS part_length
         FROM quarantine WHERE id > ? ORDER BY id`,
      )
      .iterate(payloadBytesMax, after);
    const entries: StoredDeadLetter[] = [];
    let [rows, bytes, last] = [0, 0, after];
    for (const row of all) {
      if (rows === rowsMax || bytes >= bytesMax) return { entries, looked: rows, next: last };
      rows++;
      bytes += (row['bytes'] as number) + (row['part_length'] as number);
      last = row['id'] as number;
      if (state === undefined || row['state'] === state) entries.push(letterOf(row));
    }
    return { entries, looked: rows, next: null };
  }

  byId(id: number): StoredDeadLetter | null {
    const row = this.#db.sql(`SELECT ${COLUMNS}, payload FROM quarantine WHERE id = ?`).get(id);
    return row === undefined ? null : letterOf(row);
  }

  resolve(ids: readonly number[], state: 'rerun' | 'discarded'): void {
    const update = this.#db.sql('UPDATE quarantine SET state = ? WHERE id = ?');
    this.#db.transaction(() => {
      for (const id of ids) update.run(state, id);
    });
  }
}

function letterOf(row: Record<string, unknown>): StoredDeadLetter {
  const part = row['part'] as string | null;
  return {
    id: row['id'] as number,
    receivedAt: row['received_at'] as number,
    source: row['source'] as string,
    device: row['device'] as string | null,
    topic: row['topic'] as string,
    reason: row['reason'] as string,
    message: row['message'] as string,
    payload: row['payload'] as Uint8Array,
    bytes: row['bytes'] as number,
    state: row['state'] as StoredDeadLetter['state'],
    ...(part === null ? {} : { part: JSON.parse(part) as DeadLetterPart }),
  };
}

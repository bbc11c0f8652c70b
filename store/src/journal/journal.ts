/** The journal: group commit in front, what follows from the groups in memory, and the readers behind. */
import { randomUUID } from 'node:crypto';
import { OperationalError } from '@village/core';
import { decodeGroup, emptyNotes, type GroupNotes, type RowSection } from './codec.ts';
import { Group, RowBlock } from './committed.ts';
import {
  type Appender,
  type DeadLetterLook,
  type DeadLettersSeen,
  type FollowOptions,
  type Journal,
  type JournalCounters,
  type JournalPlace,
  type LatestValue,
  type ReceivedFrame,
  type RememberedKind,
  ROW,
  type SequenceState,
  type StoredDeadLetter,
  type Touched,
} from './contract.ts';
import { DeadLetters } from './dead-letters.ts';
import { BlockPool, rowShape } from './group.ts';
import { type JournalDb, STATE_JOURNAL_ID } from './journal-db.ts';
import { Latest } from './latest.ts';
import { Names } from './names.ts';
import { type Follower, Readers, type ReadersHost } from './readers.ts';
import { Remembered } from './remembered.ts';
import { Sequences } from './sequences.ts';
import type { JournalSettings } from './settings.ts';
import { type Derived, restoreSnapshot, STATE_SEALED_UP_TO, saveSnapshot } from './snapshot.ts';
import { LogSpans } from './spans.ts';
import { TouchedHours } from './touched.ts';
import { type Committed, Writer, type WriterHost } from './writer.ts';

/** Log rows deleted at once, and the pause between: one large deletion would hold up acknowledgements. */
const TRIM_ROWS = 32;
const TRIM_PAUSE_MS = 20;
/** Bytes that can be deleted before it is worth a snapshot, and the longest time without one. */
const TRIM_BYTES = 64 * 1024 * 1024;
const TRIM_EVERY_MS = 60_000;
const TOUCHED_LIMIT = 50_000;

/** An open journal. */
export class JournalCore implements Omit<Journal, keyof Appender>, WriterHost, ReadersHost {
  readonly settings: JournalSettings;
  readonly db: JournalDb;
  readonly id: string;
  readonly pool = new BlockPool();
  readonly names: Names;
  readonly latestValues = new Latest();
  readonly sequenceBook = new Sequences();
  readonly memory = new Remembered();
  readonly touchedHours = new TouchedHours();
  readonly letters: DeadLetters;
  readonly spans = new LogSpans();
  readonly readers: Readers;
  /** The appender; what takes rows calls it without a detour. */
  readonly writer: Writer;
  /** Newest event times, by device number, as of the last group in the archive's files or a little later. */
  newestAtSealed: Float64Array = new Float64Array(0);
  head = 0;
  committedAt = 0;
  #rows = 0;
  #readings = 0;
  #damaged = 0;
  #trimming: Promise<void> | null = null;
  #trimmedAt: number;
  #snapshotAt = 0;
  #closed = false;

  constructor(settings: JournalSettings, db: JournalDb) {
    this.settings = settings;
    this.db = db;
    this.names = new Names(this.pool);
    this.letters = new DeadLetters(db, {
      entriesMax: settings.deadLettersMax,
      bytesMax: settings.deadLetterBytesMax,
    });
    this.id = (db.state(STATE_JOURNAL_ID) as string | undefined) ?? randomUUID();
    db.setState(STATE_JOURNAL_ID, this.id);
    this.readers = new Readers(this);
    this.#trimmedAt = settings.timer.elapsed();
    this.#restore();
    this.writer = new Writer(this);
  }

  #restore(): void {
    const { db, names, settings } = this;
    for (const row of db
      .sql('SELECT number, profile, metrics FROM layouts ORDER BY number')
      .all()) {
      const layout = names.addLayout(row['profile'] as string);
      layout.addMetrics(JSON.parse(row['metrics'] as string) as string[]);
      layout.changed = false;
    }
    for (const row of db.sql('SELECT number, id, layout FROM devices ORDER BY number').all())
      names.addDevice(
        row['number'] as number,
        row['id'] as string,
        names.layouts[row['layout'] as number]!,
      );
    const snapshot = restoreSnapshot(db, this.#derived(), names, settings.log);
    this.#snapshotAt = snapshot.group;
    // The number of a group that was moved away as damaged is not given again: readers have a place there.
    this.head = Math.max(snapshot.group, this.#sealedUpTo(), db.highestDamaged());
    this.committedAt = snapshot.committedAt;
    this.readers.restore(db);
    // Never beyond what the holds and the snapshot allowed: a damaged row that was moved aside leaves a gap as well.
    const first = db.next(0)?.id ?? snapshot.group + 1;
    this.readers.trimmedUpTo = Math.min(first - 1, snapshot.group, this.readers.neededAfter);
    this.#replay(this.spans.restore(db));
    this.readers.openedAt = this.head;
  }

  #derived(): Derived {
    return {
      latest: this.latestValues,
      sequences: this.sequenceBook,
      remembered: this.memory,
      touched: this.touchedHours,
    };
  }

  /** The last group in the archive's files; 0 where the archive keeps no place here. */
  #sealedUpTo(): number {
    return Number(this.db.state(STATE_SEALED_UP_TO) ?? 0);
  }

  /** Reads the groups that the snapshot or the saved sizes do not cover. */
  #replay(measured: number): void {
    const sealed = this.#sealedUpTo();
    let newest: Float64Array | null = null;
    for (let id = Math.min(measured, this.#snapshotAt) + 1; ; ) {
      const row = this.db.next(id);
      if (row === null) break;
      id = row.id + 1;
      const group = this.#decode(row);
      this.head = Math.max(this.head, row.id);
      if (group === null) continue;
      const { from, to } = receivedSpan(group.sections, group.notes);
      this.committedAt = Math.max(this.committedAt, row.committedAt ?? to);
      if (row.id > sealed) newest ??= this.latestValues.newestTimes();
      if (row.id > this.#snapshotAt) this.#derive(row.id, group.sections, group.notes);
      if (row.id > measured) this.spans.note({ id: row.id, bytes: row.body.length, from, to });
    }
    // What damaged groups held follows from nothing any more, those that were moved away at earlier starts included.
    const damaged = this.db.highestDamaged();
    if (damaged > this.#snapshotAt) this.touchedHours.suspect(damaged);
    this.newestAtSealed = newest ?? this.latestValues.newestTimes();
    if (!Number.isFinite(this.committedAt)) this.committedAt = 0;
  }

  /** The content of a log row, or null when it is damaged: then it is kept aside. */
  #decode(row: {
    readonly id: number;
    readonly body: Uint8Array;
  }): { sections: RowSection[]; notes: GroupNotes; frames: ReceivedFrame[] } | null {
    try {
      return decodeGroup(row.body);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#damaged++;
      this.db.setAside(row.id, row.body, error.message);
      this.settings.log('error', `log row ${row.id} is damaged and kept in the table "damaged"`, {
        code: error.code,
        id: row.id,
      });
      return null;
    }
  }

  /** Everything that follows from a group. */
  #derive(id: number, sections: readonly RowSection[], notes: GroupNotes): void {
    for (const { layout, metrics, count, rows } of sections) {
      if (count === 0) continue;
      this.#readings += this.latestValues.apply(layout, metrics, rows, count);
      this.touchedHours.apply(id, metrics, rows, count);
      this.#rows += count;
    }
    for (const { gateway, epoch, seq } of notes.sequences)
      this.sequenceBook.see(gateway, epoch, seq);
    for (const { gateway, epoch, ranges } of notes.dropped)
      this.sequenceBook.drop(gateway, epoch, ranges);
    for (const [kind, key, value] of notes.remembered ?? []) this.memory.note(kind, key, value);
  }

  /** After a commit: the group becomes visible in memory and to the readers. */
  committed({ id, committedAt, bytes, sections, notes, frames }: Committed): void {
    this.#derive(id, sections, notes);
    const { from, to } = receivedSpan(sections, notes);
    this.head = id;
    this.committedAt = committedAt;
    if (this.spans.note({ id, bytes, from, to })) this.readers.checkLags();
    this.readers.committed(this.#group({ id, committedAt, bytes, sections, notes, frames }));
  }

  #group({ id, committedAt, bytes, sections, notes, frames }: Committed): Group {
    const rows = sections
      .filter(({ count }) => count > 0)
      .map((section) => new RowBlock(section, this.names));
    return new Group(id, committedAt, { rows, notes, frames, logBytes: bytes }, this.pool);
  }

  read(id: number, notBefore: number): Group {
    const row = this.db.next(id);
    const content = row?.id === id ? this.#decode(row) : null;
    if (row === null || content === null) return this.#damagedAt(id, row, notBefore);
    const { to } = receivedSpan(content.sections, content.notes);
    const committedAt = row.committedAt ?? Math.max(notBefore, to);
    return this.#group({ id, committedAt, bytes: row.body.length, ...content });
  }

  /** In place of groups that are damaged and, at an earlier start or now, were moved away. */
  #damagedAt(id: number, next: { readonly id: number } | null, notBefore: number): Group {
    const last = next === null ? this.head : Math.max(id, next.id - 1);
    const nothing = { rows: [], notes: emptyNotes(), frames: [], logBytes: 0, damaged: true };
    return new Group(last, notBefore, nothing, this.pool);
  }

  held(): OperationalError | null {
    if (this.readers.essentialLag() <= this.settings.journalBytesMax) return null;
    return new OperationalError(
      'journal-full',
      'The archive is too far behind: the journal holds as much as it may.',
      { retry: true },
    );
  }

  report(message: string, detail: Readonly<Record<string, unknown>>): void {
    this.settings.log('warn', message, detail);
  }

  get commitFault(): Error | null {
    return this.writer.commitFault;
  }

  latest(device: string): LatestValue[] {
    const { numbersOf, layoutOf, layouts } = this.names;
    const values: LatestValue[] = [];
    const numbers = numbersOf.get(device) ?? [];
    for (const number of numbers) {
      const layout = layouts[layoutOf[number]!]!;
      this.latestValues.values(layout.number, number, layout.metrics, values);
    }
    if (numbers.length < 2) return values;
    const newest = new Map<string, LatestValue>();
    for (const value of values)
      if (!(value.at < (newest.get(value.metric)?.at ?? Number.NEGATIVE_INFINITY)))
        newest.set(value.metric, value);
    return [...newest.values()];
  }

  spoke(device: number, receivedAt: number): void {
    this.latestValues.spoke(device, receivedAt);
  }

  lastSeen(device: string): number | null {
    let newest: number | null = null;
    for (const number of this.names.numbersOf.get(device) ?? []) {
      const seen = this.latestValues.lastSeen(number);
      if (!Number.isNaN(seen)) newest = Math.max(newest ?? Number.NEGATIVE_INFINITY, seen);
    }
    return newest;
  }

  changedSince(cursor: number): { devices: string[]; cursor: number } {
    const changed = this.latestValues.changedSince(cursor);
    const ids = new Set(changed.devices.map((device) => this.names.id(device)));
    return { devices: [...ids], cursor: changed.cursor };
  }

  sequences(gateway: string): SequenceState[] {
    return this.sequenceBook.of(gateway);
  }

  remembered(kind: RememberedKind): [key: string, value: number][] {
    return this.memory.of(kind);
  }

  deadLetters(query: {
    after?: number;
    limit: number;
    state?: StoredDeadLetter['state'];
    payloadBytesMax?: number;
  }): StoredDeadLetter[] {
    return this.letters.list(query);
  }

  lookThroughDeadLetters(look: DeadLetterLook): DeadLettersSeen {
    return this.letters.lookThrough(look);
  }

  deadLetterById(id: number): StoredDeadLetter | null {
    return this.letters.byId(id);
  }

  resolveDeadLetters(ids: readonly number[], state: 'rerun' | 'discarded'): void {
    this.letters.resolve(ids, state);
  }

  follow(reader: string, from: JournalPlace | null, options: FollowOptions = {}): Follower {
    return this.readers.follow(reader, from, options);
  }

  hold(reader: string, group: number): void {
    this.readers.hold(reader, group);
  }

  forget(reader: string): void {
    this.readers.forget(reader);
  }

  touched(cursor: JournalPlace | null, limit = TOUCHED_LIMIT): Touched {
    // A place beyond the head is of groups that are gone: the folder was brought back by a copy.
    const same = cursor === null || (cursor.journal === this.id && cursor.group <= this.head);
    const { list, upTo, complete } = this.touchedHours.since(
      same ? (cursor?.group ?? 0) : 0,
      limit,
    );
    return {
      hours: list.map(({ device, hour }) => ({ device: this.names.id(device), hour })),
      cursor: { journal: this.id, group: upTo ?? this.head },
      complete: same && complete,
      more: upTo !== null,
    };
  }

  /** A reader moved on: what nobody needs is deleted once it is worth while. */
  released(): void {
    if (this.#closed || this.#trimming !== null) return;
    const bytes = this.spans.bytes - this.spans.bytesAfter(this.readers.neededAfter);
    const { timer } = this.settings;
    if (bytes >= TRIM_BYTES || timer.elapsed() - this.#trimmedAt >= TRIM_EVERY_MS)
      void this.trim().catch((error: Error) =>
        this.settings.log('warn', 'the log could not be trimmed and is tried again', {
          reason: error.message,
        }),
      );
  }

  /** Deletes the log rows that no reader and no restart needs, in small slices. */
  trim(): Promise<void> {
    this.#trimming ??= this.#trim().finally(() => {
      this.#trimming = null;
    });
    return this.#trimming;
  }

  async #trim(): Promise<void> {
    const { db, readers, settings } = this;
    const upTo = readers.neededAfter;
    this.#trimmedAt = settings.timer.elapsed();
    if (upTo <= readers.trimmedUpTo) return;
    db.transaction(() => {
      if (upTo > this.#snapshotAt)
        saveSnapshot(db, this.#derived(), { group: this.head, committedAt: this.committedAt });
      readers.save(db);
    });
    if (upTo > this.#snapshotAt) this.#snapshotAt = this.head;
    readers.trimmedUpTo = upTo;
    while (!this.#closed && db.trim(upTo, TRIM_ROWS) === TRIM_ROWS)
      await settings.timer.sleep(TRIM_PAUSE_MS);
    if (!this.#closed) this.spans.trim(db, upTo);
  }

  counters(): JournalCounters {
    const { writer, letters, readers } = this;
    return {
      rows: this.#rows,
      readings: this.#readings,
      commits: writer.commits,
      commitFailures: writer.commitFailures,
      rowsPending: writer.rowsPending,
      logRowsDamaged: this.#damaged,
      deadLetters: letters.entries,
      deadLettersDropped: letters.dropped,
      logBytes: this.db.bytes(),
      systemEventsDropped: writer.systemEventsDropped,
      readersCutOff: readers.cutOffs,
      commitSeconds: writer.commitSeconds(),
      readerLag: readers.lags(),
    };
  }

  /** After this nothing is read, written or deleted any more; the database stays open for others of the store. */
  async close(): Promise<void> {
    this.#closed = true;
    this.readers.close();
    await this.#trimming?.catch(() => undefined);
  }
}

/** When the rows and events of a group were received; Infinity and −Infinity without any. */
function receivedSpan(
  sections: readonly RowSection[],
  notes: GroupNotes,
): { from: number; to: number } {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { metrics, count, rows } of sections) {
    const { stride } = rowShape(metrics);
    for (let row = 0, at = ROW.receivedAt; row < count; row++, at += stride) {
      from = Math.min(from, rows[at]!);
      to = Math.max(to, rows[at]!);
    }
  }
  for (const { event } of notes.events) {
    from = Math.min(from, event.receivedAt);
    to = Math.max(to, event.receivedAt);
  }
  return { from, to };
}

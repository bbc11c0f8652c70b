/**
 * Who reads the journal and how far: groups come from memory right after their commit, from the log when a reader is
 * behind. A reader that falls too far behind is cut off, so that it costs neither disk nor an acknowledgement.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { OperationalError } from '@village/core';
import type { Group } from './committed.ts';
import type {
  CommittedGroup,
  FollowOptions,
  JournalPlace,
  MissedSpan,
  ReaderCutOff,
} from './contract.ts';
import type { JournalDb } from './journal-db.ts';
import type { LogSpans } from './spans.ts';

/** Memory of groups that wait for readers; what is older is read from the log. */
const RECENT_BYTES_MAX = 32 * 1024 * 1024;
const RECENT_GROUPS_MAX = 2_048;

/** What the readers need of the journal. */
export interface ReadersHost {
  readonly id: string;
  readonly head: number;
  /** When the newest group was committed. */
  readonly committedAt: number;
  readonly db: JournalDb;
  readonly spans: LogSpans;
  /** The group at this id, not beyond the newest, read from the log; of several damaged ones the last. Groups of before had no stamp. */
  read(id: number, notBefore: number): Group;
  /** A hold moved: log rows may be deletable. */
  released(): void;
  report(message: string, detail: Readonly<Record<string, unknown>>): void;
}

/** What is known of a reader, whether it follows now or not. */
interface Reader {
  readonly name: string;
  /** It needs this group and those before no more. */
  hold: number;
  /** Undefined for one that commits wait for. */
  lagMax: number | undefined;
  follower: Follower | null;
  /** Set when it was cut off and has not been told. */
  missedFrom: number | null;
  cutOff: boolean;
}

function saveReader(db: JournalDb, { name, hold, lagMax, missedFrom, cutOff }: Reader): void {
  db.sql(
    'INSERT OR REPLACE INTO holds(reader, id, lag_max, missed_from, cut_off) VALUES(?, ?, ?, ?, ?)',
  ).run(name, hold, lagMax ?? null, missedFrom, cutOff ? 1 : 0);
}

class CutOff extends OperationalError implements ReaderCutOff {
  override readonly code: ReaderCutOff['code'];
  readonly missed: MissedSpan;
  readonly resume: JournalPlace;

  constructor(
    code: ReaderCutOff['code'],
    reader: string,
    missed: MissedSpan,
    resume: JournalPlace,
  ) {
    super(code, `The journal no longer holds what the reader ${reader} has not read.`);
    this.code = code;
    this.missed = missed;
    this.resume = resume;
  }
}

/** One reader's way through the journal. */
export class Follower implements AsyncIterableIterator<CommittedGroup> {
  readonly #readers: Readers;
  readonly #reader: Reader;
  readonly #signal: AbortSignal | undefined;
  readonly #fault: ReaderCutOff | null;
  #current: Group[] = [];
  #wake: (() => void) | null = null;
  #ended = false;
  #committedAt = 0;
  /** The last group given. */
  place: number;

  constructor(
    readers: Readers,
    reader: Reader,
    start: { place: number; fault: ReaderCutOff | null; signal: AbortSignal | undefined },
  ) {
    this.#readers = readers;
    this.#reader = reader;
    this.place = start.place;
    this.#fault = start.fault;
    this.#signal = start.signal;
    start.signal?.addEventListener('abort', this.#stop);
  }

  readonly #stop = (): void => {
    this.#wake?.();
  };

  /** The groups that follow, at most so many; null when the signal came. They are let go at the next call. */
  async batch(groupsMax: number, bytesMax = Number.POSITIVE_INFINITY): Promise<Group[] | null> {
    this.#release();
    while (!this.#over()) {
      const fault = this.#fault ?? this.#readers.faultOf(this.#reader);
      if (fault !== null) {
        this.#end();
        throw fault;
      }
      if (this.place < this.#readers.head) {
        const found = this.#fromMemory(groupsMax, bytesMax) ?? (await this.#fromLog());
        if (found.length > 0) return this.#give(found);
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    this.#end();
    return null;
  }

  #over(): boolean {
    return this.#ended || this.#signal?.aborted === true;
  }

  #give(groups: Group[]): Group[] {
    this.#current = groups;
    const last = groups.at(-1)!;
    this.place = last.id;
    this.#committedAt = last.committedAt;
    this.#readers.prune();
    return groups;
  }

  #fromMemory(groupsMax: number, bytesMax: number): Group[] | null {
    const groups: Group[] = [];
    let bytes = 0;
    for (let id = this.place + 1; groups.length < groupsMax && bytes < bytesMax; id++) {
      const group = this.#readers.recent(id);
      if (group === undefined) break;
      bytes += group.bytes;
      groups.push(group.retain());
    }
    return groups.length > 0 ? groups : null;
  }

  /** One group from the log, after a turn of the event loop, so that catching up holds up nobody. */
  async #fromLog(): Promise<Group[]> {
    await turn();
    if (this.#over() || this.#reader.cutOff) return [];
    return [this.#readers.read(this.place + 1, this.#committedAt)];
  }

  #release(): void {
    for (const group of this.#current.splice(0)) group.release();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.#signal?.removeEventListener('abort', this.#stop);
    this.#readers.ended(this.#reader, this);
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<CommittedGroup>> {
    const groups = await this.batch(1);
    return groups === null ? { done: true, value: undefined } : { done: false, value: groups[0]! };
  }

  async return(): Promise<IteratorResult<CommittedGroup>> {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** A group was committed. */
  wake(): void {
    this.#wake?.();
  }
}

/** All readers, and the groups in memory for them. */
export class Readers {
  readonly #host: ReadersHost;
  readonly #readers = new Map<string, Reader>();
  #recent: Group[] = [];
  #recentBytes = 0;
  /** Groups up to here are not in the log any more. */
  trimmedUpTo = 0;
  /** The newest group when the journal was opened. */
  openedAt = 0;
  /** Readers that have followed since then. */
  readonly #followed = new Set<string>();
  cutOffs = 0;

  constructor(host: ReadersHost) {
    this.#host = host;
  }

  get head(): number {
    return this.#host.head;
  }

  restore(db: JournalDb): void {
    for (const row of db.sql('SELECT * FROM holds').all())
      this.#readers.set(row['reader'] as string, {
        name: row['reader'] as string,
        hold: row['id'] as number,
        lagMax: (row['lag_max'] as number | null) ?? undefined,
        follower: null,
        missedFrom: row['missed_from'] as number | null,
        cutOff: row['cut_off'] === 1,
      });
  }

  /** Inside a transaction: how far each reader needs the log, for the next start. */
  save(db: JournalDb): void {
    for (const reader of this.#readers.values()) saveReader(db, reader);
  }

  follow(name: string, from: JournalPlace | null, options: FollowOptions): Follower {
    const known = this.#readers.get(name);
    if (known?.follower != null)
      throw new OperationalError('reader-twice', `${name} follows the journal already.`);
    const place = from?.group ?? this.trimmedUpTo;
    const reader: Reader = known ?? {
      name,
      hold: Math.max(place, this.trimmedUpTo),
      lagMax: options.lagMax,
      follower: null,
      missedFrom: null,
      cutOff: false,
    };
    reader.lagMax = options.lagMax;
    let fault: ReaderCutOff | null = null;
    // A place from before the start is of no group that came since: the folder was brought back by a copy.
    const newest = this.#followed.has(name) ? this.#host.head : this.openedAt;
    this.#followed.add(name);
    if (from !== null && (from.journal !== this.#host.id || from.group > newest))
      fault = this.#cutOffError('journal-changed', reader);
    else if (!reader.cutOff && place < this.trimmedUpTo)
      fault = this.#cutOffError('reader-cut-off', reader);
    // Whatever was held before: what follows the place is needed from now on.
    else if (!reader.cutOff) reader.hold = Math.min(reader.hold, place);
    if (known === undefined) {
      saveReader(this.#host.db, reader);
      this.#readers.set(name, reader);
    }
    const follower = new Follower(this, reader, { place, fault, signal: options.signal });
    reader.follower = follower;
    return follower;
  }

  /** The error that a cut-off reader's step ends with; it goes on at the head. */
  faultOf(reader: Reader): ReaderCutOff | null {
    return reader.cutOff ? this.#cutOffError('reader-cut-off', reader) : null;
  }

  #cutOffError(code: ReaderCutOff['code'], reader: Reader): ReaderCutOff {
    const { head, id, spans, committedAt } = this.#host;
    const missed = {
      from: reader.missedFrom ?? 0,
      to: Math.max(spans.receivedAfter(0)?.to ?? 0, committedAt),
    };
    // Who is waited for is never cut off by the bound: what follows the part that is gone is its own still.
    const resume =
      code === 'reader-cut-off' && reader.lagMax === undefined ? this.trimmedUpTo : head;
    reader.cutOff = false;
    reader.missedFrom = null;
    reader.hold = resume;
    this.#host.released();
    return new CutOff(code, reader.name, missed, { journal: id, group: resume });
  }

  hold(name: string, group: number): void {
    const reader = this.#readers.get(name);
    if (reader === undefined)
      throw new OperationalError('no-such-reader', `${name} does not follow the journal.`);
    if (reader.cutOff || !(group > reader.hold)) return;
    reader.hold = Math.min(group, this.#host.head);
    this.#host.released();
  }

  forget(name: string): void {
    const reader = this.#readers.get(name);
    if (reader === undefined) return;
    this.#readers.delete(name);
    this.#host.db.sql('DELETE FROM holds WHERE reader = ?').run(name);
    void reader.follower?.return();
    this.#host.released();
  }

  ended(reader: Reader, follower: Follower): void {
    if (reader.follower === follower) reader.follower = null;
    this.prune();
  }

  /** How far the log may be deleted as far as readers go. */
  get neededAfter(): number {
    let least = this.#host.head;
    for (const { hold, cutOff } of this.#readers.values())
      if (!cutOff && hold < least) least = hold;
    return least;
  }

  /** Where the durable place of a reader is that keeps none itself. */
  holdOf(name: string): number | null {
    return this.#readers.get(name)?.hold ?? null;
  }

  /** Bytes that wait for readers without a bound. */
  essentialLag(): number {
    let most = 0;
    for (const { lagMax, hold } of this.#readers.values())
      if (lagMax === undefined) most = Math.max(most, this.#host.spans.bytesAfter(hold));
    return most;
  }

  lags(): Record<string, number> {
    return Object.fromEntries(
      [...this.#readers.values()].map(({ name, hold }) => [
        name,
        this.#host.spans.bytesAfter(hold),
      ]),
    );
  }

  /** Cuts off those that are further behind than they may. */
  checkLags(): void {
    const { spans } = this.#host;
    for (const reader of this.#readers.values()) {
      if (reader.lagMax === undefined || reader.cutOff) continue;
      if (spans.bytesAfter(reader.hold) <= reader.lagMax) continue;
      reader.missedFrom = spans.receivedAfter(reader.hold)?.from ?? null;
      reader.cutOff = true;
      this.cutOffs++;
      this.#host.report(`the reader ${reader.name} is too far behind and was cut off`, {
        code: 'reader-cut-off',
        reader: reader.name,
      });
      this.#host.released();
    }
  }

  /** A group was committed. */
  committed(group: Group): void {
    this.#recent.push(group);
    this.#recentBytes += group.bytes;
    for (const { follower } of this.#readers.values()) follower?.wake();
    this.prune();
  }

  recent(id: number): Group | undefined {
    const first = this.#recent[0];
    return first === undefined ? undefined : this.#recent[id - first.id];
  }

  read(id: number, notBefore: number): Group {
    return this.#host.read(id, notBefore);
  }

  /** Lets go of groups in memory that every follower has, and of the oldest beyond the bounds. */
  prune(): void {
    let least = this.#host.head;
    for (const { follower } of this.#readers.values())
      if (follower !== null && follower.place < least) least = follower.place;
    let gone = 0;
    while (gone < this.#recent.length) {
      const group = this.#recent[gone]!;
      const over =
        this.#recentBytes > RECENT_BYTES_MAX || this.#recent.length - gone > RECENT_GROUPS_MAX;
      if (group.id > least && !over) break;
      this.#recentBytes -= group.bytes;
      group.release();
      gone++;
    }
    if (gone > 0) this.#recent.splice(0, gone);
  }

  /** Ends every follower. */
  close(): void {
    for (const { follower } of this.#readers.values()) void follower?.return();
    for (const group of this.#recent.splice(0)) group.release();
  }
}

/**
 * The contract of the journal: the durable log in front of every archive. Rows are put into an open group, the group is
 * committed durably, then every waiting acknowledgement is called. What was committed is read in order by readers, each
 * of which keeps its own place; none of them is part of a commit.
 */
import type { DeviceEvent, Lane, OperationalError, Quality } from '@village/core';

/** Place of each head field in a row of doubles; quality words follow, then one value per metric. */
export const ROW = { at: 0, receivedAt: 1, device: 2, quality: 3 } as const;

/** Bits beside the device number: `row[ROW.device] = device * 4 + flags`. */
export const ROW_FLAG = { backfill: 1, clockReplaced: 2 } as const;

/** Metrics whose quality codes (4 bits each) one double holds exactly. */
export const METRICS_PER_QUALITY_WORD = 13;

/**
 * Rows of one profile in the open group, row-major. A metric that a row does not carry is NaN; a quality word is the
 * sum of `code * 16 ** (metric % 13)` over its metrics, so 0 is all good. Columns are only ever added at the end.
 */
export interface Layout {
  readonly profile: string;
  readonly number: number;
  readonly metrics: readonly string[];
  readonly metricIndex: ReadonlyMap<string, number>;
  /** Doubles a row takes. */
  readonly stride: number;
  /** Where the values start in a row: ROW.quality + quality words. */
  readonly valuesAt: number;
  /** The open group's rows; replaced when it grows or is committed, so read it anew after each `reserve`. */
  rows: Float64Array;
  count: number;
}

/** Of a frame that was taken in parts: the part that was refused. */
export interface DeadLetterPart {
  /** Event time of the frame, under which the rest of it is stored, ms since 1970. */
  readonly at: number;
  /** Where the part stands in the frame; empty for all of it. */
  readonly place: string;
  /** The metric that it would have been; null where nothing says so. */
  readonly metric: string | null;
  /** Metrics that the frame gave all the same. */
  readonly taken: readonly string[];
  /** What must be known besides the payload to decode it by the profile; null when it is a row of our own wire. */
  readonly framing: string | null;
  /** Bytes that the frame had, when the payload holds only the first of them. */
  readonly size?: number;
}

export interface DeadLetter {
  readonly receivedAt: number;
  /** Who sent it: credential id, or `http:<user>`. */
  readonly source: string;
  /** Device it claims to be from, where known. */
  readonly device: string | null;
  readonly topic: string;
  /** Error code, kebab-case. */
  readonly reason: string;
  readonly message: string;
  readonly payload: Uint8Array;
  /** Absent when a whole message was refused that no device is known of. */
  readonly part?: DeadLetterPart;
  /** What tells it from others: of the same key one entry is kept. Absent where each is kept. */
  readonly key?: string;
}

export interface StoredDeadLetter extends Omit<DeadLetter, 'key'> {
  readonly id: number;
  /** Bytes of the payload that are kept; a list holds only the first of them. */
  readonly bytes: number;
  readonly state: 'open' | 'rerun' | 'discarded';
}

export interface LatestValue {
  readonly metric: string;
  readonly value: number;
  readonly at: number;
  readonly receivedAt: number;
  readonly quality: Quality;
}

/** What a store has seen of one gateway's sequence numbers, for one outbox (epoch). */
export interface SequenceState {
  readonly epoch: string;
  /** Highest number seen. */
  readonly highest: number;
  /** Numbers below it never seen and not given up by the gateway, as inclusive ranges, lowest first. */
  readonly gaps: readonly (readonly [from: number, to: number])[];
}

/** What a device said, as it was received: kept for devices whose figures may be evidence. */
export interface ReceivedFrame {
  readonly device: string;
  /** Event time of what it says, ms. */
  readonly at: number;
  readonly receivedAt: number;
  /** Who sent it: credential id, or `http:<user>`. */
  readonly source: string;
  /** The way it came: the MQTT topic, or `http`. */
  readonly way: string;
  /** Outbox of the gateway that sent it; empty without one. */
  readonly epoch: string;
  /** Number of the gateway's batch it came in. */
  readonly sequence: number | null;
  /** How the payload is decoded; a text that nobody in the store looks into. */
  readonly decoding: string;
  readonly payload: Uint8Array;
}

/** A larger payload is not kept as a frame. */
export const FRAME_BYTES_MAX = 64 * 1024;
/** Nor is one with more characters about it: its way, its sender, how it is decoded. */
export const FRAME_TEXTS_MAX = 4 * 1024;

/** What happened to the platform itself or to a device of it; readers see it between the readings around it. */
export interface SystemEvent {
  readonly type: SystemEventType;
  /** By the wall clock, ms; order is told by the group alone. */
  readonly at: number;
  /** The gateway, device or area concerned. */
  readonly subject?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export const SYSTEM_EVENT_TYPES = [
  'platform-start',
  'platform-tick',
  'platform-stop',
  'gateway-status',
  'connect',
  'disconnect',
  'device-moved',
  'device-retired',
  'maintenance-window',
  'correction',
] as const;
export type SystemEventType = (typeof SYSTEM_EVENT_TYPES)[number];

/** A position in the order of commits. A restored copy is another journal, so that its numbers are never mistaken. */
export interface JournalPlace {
  readonly journal: string;
  readonly group: number;
}

/** The rows of one profile in a committed group, in the order in which they were put in. */
export interface CommittedRows {
  readonly profile: string;
  /** Names of the columns; metrics are only ever added at the end. */
  readonly metrics: readonly string[];
  readonly count: number;
  device(row: number): string;
  /** Event time, ms. */
  at(row: number): number;
  receivedAt(row: number): number;
  lane(row: number): Lane;
  /** Whether the device's own time was unusable and replaced. */
  clockReplaced(row: number): boolean;
  /** The value of a metric by its index; NaN when the row does not carry it. */
  value(row: number, metric: number): number;
  /** The quality of a metric that the row carries. */
  quality(row: number, metric: number): Quality;
}

/**
 * What one commit made durable. Immutable. It may be read until the reader asks for what follows; who needs it longer
 * copies what it needs, because the memory is used again.
 */
export interface CommittedGroup {
  /** Rises by one with each commit. */
  readonly id: number;
  /** When it was committed, ms; never less than that of the group before, also when the wall clock is set back. */
  readonly committedAt: number;
  /** Rows of all profiles. */
  readonly rowCount: number;
  readonly rows: readonly CommittedRows[];
  readonly events: readonly { readonly event: DeviceEvent; readonly lane: Lane }[];
  readonly system: readonly SystemEvent[];
  readonly frames: readonly ReceivedFrame[];
  /** Whether it, or with it those before it back to the last that was given, can't be read any more: nothing is in it then. */
  readonly damaged: boolean;
}

/** How a reader is treated. */
export interface FollowOptions {
  /** Bytes of journal that may wait for it; beyond it is cut off. Without a bound it is essential: commits wait for it. */
  readonly lagMax?: number;
  readonly signal?: AbortSignal;
}

/** A stretch of receive times, ms, both inclusive. */
export interface MissedSpan {
  readonly from: number;
  readonly to: number;
}

/** What a reader's step rejects with when groups that it had not read are gone; it follows again from `resume`. */
export interface ReaderCutOff extends OperationalError {
  /** `journal-changed`: what it has read was of another journal, or of this one before it was brought back to an earlier state. */
  readonly code: 'reader-cut-off' | 'journal-changed';
  /** Everything it missed was received in this span, so that it can be rebuilt from the archive. */
  readonly missed: MissedSpan;
  readonly resume: JournalPlace;
}

/** Hours of devices that got rows. */
export interface Touched {
  /** Hours since 1970, each (device, hour) once. */
  readonly hours: readonly { readonly device: string; readonly hour: number }[];
  /** To be given at the next call, after what was found has been dealt with. */
  readonly cursor: JournalPlace;
  /** False when older entries were dropped, or the cursor is of no group of this journal: everything may have been touched. */
  readonly complete: boolean;
  /** More wait behind the cursor. */
  readonly more: boolean;
}

export interface JournalCounters {
  readonly rows: number;
  readonly readings: number;
  readonly commits: number;
  readonly commitFailures: number;
  readonly rowsPending: number;
  /** Log rows whose checksum failed; they are kept aside. */
  readonly logRowsDamaged: number;
  readonly deadLetters: number;
  readonly deadLettersDropped: number;
  readonly logBytes: number;
  /** System events that came while too many waited for the disk. */
  readonly systemEventsDropped: number;
  /** Readers that fell behind further than they may. */
  readonly readersCutOff: number;
  /** Of the last 1,000 commits or so, seconds. */
  readonly commitSeconds: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Bytes of journal that wait for each reader. */
  readonly readerLag: Readonly<Record<string, number>>;
}

/** What is remembered over a restart: the time that a message was given, by what tells it, and how far clocks are off, by device. */
export type RememberedKind = 'given-time' | 'clock';

/** What the writer side of the pipeline may do. Everything here is synchronous and cheap. */
export interface Appender {
  /** The layout of a profile's rows; metrics it lacks are added as new columns. Same object each time. */
  layout(profile: string, metrics: readonly string[]): Layout;
  /** The dense number of a device under a profile; a new one becomes durable with the next commit. */
  device(id: string, layout: Layout): number;
  /** Opens one row (head set, quality 0, values NaN) and returns where it starts in `layout.rows`. */
  reserve(layout: Layout, device: number, at: number, receivedAt: number, flags: number): number;
  /** Takes back the row reserved last in this layout. */
  unreserve(layout: Layout): void;
  event(event: DeviceEvent, lane: Lane): void;
  /** Notes that a gateway's batch is in this group. */
  sequence(gateway: string, epoch: string, seq: number): void;
  /** Seq ranges that a gateway says it dropped for good: no longer gaps. */
  sequenceDropped(
    gateway: string,
    epoch: string,
    ranges: readonly (readonly [number, number])[],
  ): void;
  /** Keeps a number with the open group, so that it is known again after a restart exactly when what is in the group is. */
  remember(kind: RememberedKind, key: string, value: number): void;
  deadLetter(entry: DeadLetter): void;
  /** Keeps what a device said beside its rows; the payload is copied. One too large or beyond the day's budget is counted, not kept. */
  frame(frame: ReceivedFrame): void;
  /** Puts a system event into the open group; it becomes durable with the next commit. */
  note(event: SystemEvent): void;
  /**
   * Called at the end of each message. `done` runs once everything put in so far is durable. It is not called while
   * the disk refuses: the caller's own limit on what is in flight holds the senders back.
   */
  settle(done: () => void): void;
  /** Commits what is open now and resolves when it is durable. */
  commitNow(): Promise<void>;
  /** Rows put in and not yet durable. */
  readonly rowsPending: number;
  /** Bytes of frames put in and not yet durable. */
  readonly frameBytesPending: number;
  /** Set while commits fail (disk full, I/O error, archive too far behind); cleared by the next success. */
  readonly commitFault: Error | null;
}

/** The journal as the rest of the platform sees it. */
/** What is looked for among dead letters, and how far at once. */
export interface DeadLetterLook {
  /** Those of greater ids. */
  readonly after: number;
  readonly state?: StoredDeadLetter['state'] | undefined;
  /** Found or not. */
  readonly rowsMax: number;
  /** Of what is read of the disk, found or not: their payloads and what is told of their parts. One is read in any case. */
  readonly bytesMax: number;
  /** Of each payload that is told. */
  readonly payloadBytesMax: number;
}

export interface DeadLettersSeen {
  readonly entries: StoredDeadLetter[];
  /** How many were looked at. */
  readonly looked: number;
  /** Where to go on; null when there is nothing more. */
  readonly next: number | null;
}

export interface Journal extends Appender {
  /** Which journal this is; a restored copy gets another id. */
  readonly id: string;
  /** The newest committed group; 0 before the first. */
  readonly head: number;
  /** When that was committed, ms; 0 before the first. */
  readonly committedAt: number;

  /** From memory: newest by event time for each metric; older data never changes it. Empty when never heard. */
  latest(device: string): LatestValue[];
  /**
   * A device, by its dense number, has said something of whatever time: it is there. Live rows say so by themselves, and
   * durably; this is kept from the next snapshot on.
   */
  spoke(device: number, receivedAt: number): void;
  /** When it was heard last: with a live row, or as `spoke` says; null when never. */
  lastSeen(device: string): number | null;
  /** Devices whose latest values or last-seen changed since the cursor (0 = all), and the new cursor. */
  changedSince(cursor: number): { devices: string[]; cursor: number };
  sequences(gateway: string): SequenceState[];
  /** What was remembered and is durable, the newest last. */
  remembered(kind: RememberedKind): [key: string, value: number][];

  deadLetters(query: {
    after?: number;
    limit: number;
    state?: StoredDeadLetter['state'];
    /** Of each payload; all when absent. */
    payloadBytesMax?: number;
  }): StoredDeadLetter[];
  /** Looks through them from an id on, as far as one turn of the event loop should. */
  lookThroughDeadLetters(look: DeadLetterLook): DeadLettersSeen;
  /** One of them with its payload; null when there is none of that id (any more). */
  deadLetterById(id: number): StoredDeadLetter | null;
  /** Marks entries after they were run again or given up. */
  resolveDeadLetters(ids: readonly number[], state: 'rerun' | 'discarded'): void;

  /**
   * The committed groups after `from` in order, each once, and then each new one right after its commit. A reader keeps
   * its place with its results, in one transaction, and follows from there after a restart; null begins with the
   * oldest group that is kept. One follower of a name at a time.
   * @throws ReaderCutOff from a step when groups after `from` are gone.
   */
  follow(
    reader: string,
    from: JournalPlace | null,
    options?: FollowOptions,
  ): AsyncIterableIterator<CommittedGroup>;
  /** Says that the reader needs this group and those before no more. What nobody needs is deleted. */
  hold(reader: string, group: number): void;
  /** Forgets a reader for good: nothing is kept for it. */
  forget(reader: string): void;

  /** What got rows after the cursor (null = all that is known), at most `limit` entries or so, oldest first. */
  touched(cursor: JournalPlace | null, limit?: number): Touched;
  counters(): JournalCounters;
}

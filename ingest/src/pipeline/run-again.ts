/** Runs dead letters again, a few at a time, so that nobody else waits for a full quarantine. */
import { setImmediate } from 'node:timers/promises';
import { OperationalError } from '@village/core';
import { decodeKept } from '@village/device-profiles';
import type { DeadLetterPart, StoredDeadLetter, TimeSeriesStore } from '@village/store/time-series';
import type { Reject, RejectedPart } from '../dialects/dialect.ts';
import { type TopicRouter, takeMessage } from '../dialects/topic-router.ts';
import type { KeptFrame } from './kept-frames.ts';
import { isOfTopic, MessageContext } from './message-context.ts';
import { rejectParts } from './refused-parts.ts';
import type { Rows } from './rows.ts';
import { object, parseJson, refuse, TOP } from './shape.ts';
import { takeRow } from './wire-rows.ts';

export interface Rerun {
  readonly accepted: number;
  readonly refused: { readonly id: number; readonly reason: string; readonly message: string }[];
}

/** Entries that one call runs again. */
const RERUN_MAX = 10_000;
/** Of them between two turns of the event loop, and of one commit; one that is large has a turn of its own. */
const RERUN_AT_ONCE = 100;
const RERUN_LARGE = 16 * 1024;
/** Entries listed between two turns. */
const LISTED_AT_ONCE = 1_000;
/** Bytes of the table that are read in one turn: some milliseconds. */
const READ_AT_ONCE = 4 * 1024 * 1024;

/** A dead letter whose payload is a device's own frame. */
interface FramePart extends StoredDeadLetter {
  readonly device: string;
  readonly part: DeadLetterPart & { readonly framing: string };
}

/** What is used of the pipeline. */
export interface RunAgainParts {
  readonly store: Pick<
    TimeSeriesStore,
    'lookThroughDeadLetters' | 'deadLetterById' | 'resolveDeadLetters'
  >;
  readonly router: TopicRouter;
  readonly rows: Rows;
  /** Keeps a part aside that nobody has met yet. */
  readonly reject: (
    row: unknown,
    context: MessageContext,
    error: OperationalError,
    part?: RejectedPart,
  ) => void;
  /** Resolves once everything put in so far is durable. */
  readonly settled: () => Promise<void>;
}

export class RunAgain {
  readonly #parts: RunAgainParts;

  constructor(parts: RunAgainParts) {
    this.#parts = parts;
  }

  /**
   * Runs dead letters again, after a profile was mended or a device registered. What is stored then is backfill with its
   * first receive time. All open entries when `ids` is absent, at most 10,000 a call.
   */
  async run(ids?: readonly number[]): Promise<Rerun> {
    const refused: { id: number; reason: string; message: string }[] = [];
    const open = await this.#openDeadLetters(ids === undefined ? null : new Set(ids));
    let accepted = 0;
    for (let at = 0; at < open.length; at += RERUN_AT_ONCE) {
      const stored: number[] = [];
      for (const id of open.slice(at, at + RERUN_AT_ONCE)) {
        const entry = this.#parts.store.deadLetterById(id);
        // Somebody else has run it meanwhile, or it made room.
        if (entry?.state !== 'open') continue;
        try {
          this.#runOne(entry);
          stored.push(id);
        } catch (error) {
          if (!(error instanceof OperationalError)) throw error;
          refused.push({ id, reason: error.code, message: error.message });
        }
        if (entry.bytes > RERUN_LARGE) await setImmediate();
      }
      await this.#parts.settled();
      this.#parts.store.resolveDeadLetters(stored, 'rerun');
      accepted += stored.length;
      await setImmediate();
    }
    return { accepted, refused };
  }

  /** Ids of those that are open now: what running them adds is not run in turn. */
  async #openDeadLetters(wanted: ReadonlySet<number> | null): Promise<number[]> {
    const ids: number[] = [];
    for (let after: number | null = 0, read = 0; after !== null && read < RERUN_MAX; ) {
      const { entries, next } = this.#parts.store.lookThroughDeadLetters({
        ...{ after, state: 'open', payloadBytesMax: 0 },
        ...{ rowsMax: LISTED_AT_ONCE, bytesMax: READ_AT_ONCE },
      });
      for (const { id } of entries.slice(0, RERUN_MAX - read))
        if (wanted?.has(id) !== false) ids.push(id);
      read += entries.length;
      after = next;
      await setImmediate();
    }
    return ids;
  }

  /** Throws what is still wrong; rows before that are stored, and storing them once more does no harm. */
  #runOne(entry: StoredDeadLetter): void {
    const { source, topic, receivedAt, reason, message } = entry;
    const viaHttp = source.startsWith('http:');
    // Whoever sent it had no right to; that somebody else runs it again does not give it one.
    if (viaHttp && reason === 'not-your-device') throw new OperationalError(reason, message);
    const payload = Buffer.from(entry.payload);
    const found = this.#parts.router.find(topic);
    const { part, device } = entry;
    if (part !== undefined && part.framing !== null && device !== null) {
      const { framing } = part;
      const context = new MessageContext(
        { kind: 'rerun', id: source },
        topic,
        receivedAt,
        'backfill',
        false,
      );
      context.settled = true;
      this.#runFrame({ ...entry, device, part: { ...part, framing } }, context);
      return;
    }
    const named = isOfTopic(source) ? found?.dialect.speaker(found.route) : undefined;
    const context = new MessageContext(
      { kind: 'rerun', id: named?.id ?? source },
      topic,
      receivedAt,
      'backfill',
      false,
    );
    const reject: Reject = (row, _index, error, refused) => {
      // What a gateway could not take of a frame is no fault of the entry that told it.
      if (refused?.byGateway !== true) throw error;
      context.paced = true;
      this.#parts.reject(row, context, error, refused);
    };
    if (viaHttp)
      takeRow(this.#parts.rows, object(parseJson(payload), ''), context, reject, payload);
    else takeMessage(found, payload, context, reject);
  }

  /**
   * Decodes a frame again for the sake of the part that was refused. What the frame gave then stays as it is: only that
   * part is stored, under the frame's time. Parts that nobody has met yet are kept aside in turn.
   */
  #runFrame(entry: FramePart, context: MessageContext): void {
    const { device, part, payload } = entry;
    const registered = this.#parts.rows.deviceFor(device, context, TOP);
    if (part.size !== undefined)
      refuse('frame-cut', '', `of ${part.size} bytes only ${payload.length} are kept`);
    const decoded = decodeKept(registered.profile, payload, part.framing, {
      options: registered.device.options,
    });
    const refused = decoded.refused ?? [];
    const still = refused.find(({ metric, place }) =>
      part.metric === null ? metric === null && place === part.place : metric === part.metric,
    );
    if (still !== undefined) throw new OperationalError(still.reason, still.message);
    const taken = new Set(part.taken);
    const readings = decoded.readings.filter(({ metric }) =>
      part.metric === null ? !taken.has(metric) : metric === part.metric,
    );
    const events = decoded.events.filter(
      ({ type }) => part.place === '' || part.place === `event ${type}`,
    );
    const own = { at: part.at, readings, events };
    const kept = (): KeptFrame => ({ payload, framing: part.framing });
    // Where something of it was taken it has been kept already.
    const frame = part.taken.length === 0 ? kept : undefined;
    this.#parts.rows.putDecoded(registered, own, context, () => part.framing, frame);
    if (part.metric !== null) return;
    context.paced = true;
    const reject: Reject = (row, _index, error, more) =>
      this.#parts.reject(row, context, error, more);
    const known = { readings: decoded.readings, refused };
    rejectParts(registered, known, part.at, kept, reject);
  }
}

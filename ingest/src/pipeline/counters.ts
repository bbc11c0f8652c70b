/** What the pipeline did with what came in, by outcome. */

export interface PipelineCounters {
  readonly messages: number;
  /** Rows, their values, and events put into the store. */
  readonly rows: number;
  readonly readings: number;
  readonly events: number;
  /** Status messages of gateways. */
  readonly statuses: number;
  /** Rows that came as history, not as news. */
  readonly backfilled: number;
  /** Values outside the plausible range of their metric. */
  readonly implausible: number;
  /** Values that took the place of others of the same device, metric and time. */
  readonly replaced: number;
  /** Rows whose own time was ahead or absurd and was replaced by the receive time. */
  readonly clockReplaced: number;
  /** Rejected messages and rows, by reason. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** Rejected input beyond what one source may store in a minute: counted and dropped. */
  readonly quarantineFlooded: number;
  /** Refused parts that were counted and not kept, since many like them were in that hour. */
  readonly quarantineSampled: number;
  /** Messages of refused parts that were stored and whose acknowledgement waited, since their gateway sent too fast. */
  readonly refusedHeld: number;
  /** Messages of refused parts that were not taken, since too many of their sender waited already. */
  readonly refusedFlooded: number;
}

/** Reasons that gateways tell which are counted by name; a newer one may know others than we do. */
const TOLD_MAX = 64;
const CODE = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const CODE_LENGTH_MAX = 40;
/** What is counted together. */
const OTHER = 'other';

/** The counters of a running pipeline. */
export class Counters implements PipelineCounters {
  messages = 0;
  rows = 0;
  readings = 0;
  statuses = 0;
  backfilled = 0;
  implausible = 0;
  replaced = 0;
  events = 0;
  clockReplaced = 0;
  quarantineFlooded = 0;
  quarantineSampled = 0;
  refusedHeld = 0;
  refusedFlooded = 0;
  /** Names that only gateways have told. */
  readonly #told = new Set<string>();
  readonly quarantined: Record<string, number> = Object.create(null) as Record<string, number>;

  /** A reason of our own. */
  countQuarantined(reason: string): void {
    this.quarantined[reason] = (this.quarantined[reason] ?? 0) + 1;
  }

  /** A reason that somebody else has told: whatever it says, there are only so many. */
  countTold(reason: string): void {
    const known = this.quarantined[reason] !== undefined;
    const isCode = CODE.test(reason) && reason.length <= CODE_LENGTH_MAX;
    const byName = known || (isCode && this.#told.size < TOLD_MAX);
    if (byName && !known) this.#told.add(reason);
    this.countQuarantined(byName ? reason : OTHER);
  }
}

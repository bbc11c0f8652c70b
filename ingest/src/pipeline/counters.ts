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
  /** Rows whose own time was ahead or absurd and was replaced by the receive time. */
  readonly clockReplaced: number;
  /** Rejected messages and rows, by reason. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** Rejected input beyond what one source may store in a minute: counted and dropped. */
  readonly quarantineFlooded: number;
}

/** The counters of a running pipeline. */
export class Counters implements PipelineCounters {
  messages = 0;
  rows = 0;
  readings = 0;
  statuses = 0;
  backfilled = 0;
  implausible = 0;
  events = 0;
  clockReplaced = 0;
  quarantineFlooded = 0;
  readonly quarantined: Record<string, number> = Object.create(null) as Record<string, number>;

  countQuarantined(reason: string): void {
    this.quarantined[reason] = (this.quarantined[reason] ?? 0) + 1;
  }
}

/** Alerts of a test on record, as the database holds them in life: opened, ended, found late, held back. */
import type { Severity, Suppression } from '@village/core';
import { isWorse } from '@village/core';
import type { Interval } from '../engine/history.ts';
import type { Transition } from '../engine/transition.ts';
import type { Rule } from '../model.ts';
import type { Change, Recorded } from '../past/reconcile.ts';

/** An alert on record. */
export interface TestRecord extends Omit<Recorded, 'isLate'> {
  readonly rule: string;
  readonly subject: string;
  readonly suppression: readonly Suppression[];
}

/** People would have been told of it then. */
export interface Told {
  readonly rule: string;
  readonly at: number;
}

interface Kept {
  id: string;
  rule: string;
  subject: string;
  severity: Severity;
  from: number;
  to: number | null;
  suppression: Suppression[];
  /** Somebody has heard of it, and will hear that it is over. */
  wasTold: boolean;
  /** Over, and waits for somebody to acknowledge it. */
  latched: boolean;
}

export class TestRecords {
  readonly #latching: ReadonlySet<string>;
  readonly #all: Kept[] = [];
  readonly told: Told[] = [];
  #next = 1;

  constructor(rules: readonly Rule[]) {
    this.#latching = new Set(rules.filter(({ latch }) => latch).map(({ id }) => id));
  }

  get all(): readonly TestRecord[] {
    return this.#all;
  }

  /** The one that is open or latched of a rule and subject. */
  open(rule: string, subject: string): TestRecord | undefined {
    return this.#open(rule, subject);
  }

  #open(rule: string, subject: string): Kept | undefined {
    return this.#all.find(
      (one) => one.rule === rule && one.subject === subject && (one.to === null || one.latched),
    );
  }

  of(rule: string, subject: string): Recorded[] {
    return this.#all
      .filter((one) => one.rule === rule && one.subject === subject)
      .map((one) => ({ ...one, isLate: one.suppression.includes('backfill') }));
  }

  take({ kind, rule, subject, severity, since, at, suppression }: Transition, now: number): void {
    const open = this.#open(rule, subject);
    if (kind === 'open') {
      if (open !== undefined) {
        // It was over and nobody had said that they know: it is the same one.
        open.to = null;
        open.latched = false;
        return;
      }
      const held = suppression === null ? [] : [suppression];
      this.#add(rule, subject, severity, since, null, held, suppression === null, now);
      return;
    }
    if (open === undefined) return;
    if (kind === 'worse' && isWorse(severity, open.severity)) {
      open.severity = severity;
      if (open.wasTold) this.#tell(rule, now);
    } else if (kind === 'released') {
      open.suppression = [];
      open.wasTold = true;
      this.#tell(rule, now);
    } else if (kind === 'close') {
      open.to = at;
      open.latched = this.#latching.has(rule) && open.wasTold;
      if (open.wasTold && !open.latched) this.#tell(rule, now);
    }
  }

  /** What judging the past again found. */
  change(rule: string, subject: string, change: Change, now: number): void {
    if (change.kind === 'drop') {
      const place = this.#all.findIndex(({ id }) => id === change.id);
      if (place !== -1) this.#all.splice(place, 1);
      return;
    }
    const { severity, from, to }: Interval = change.interval;
    if (change.kind === 'add')
      this.#add(rule, subject, severity, from, to, ['backfill'], false, now);
    else if (change.kind === 'raise') this.#add(rule, subject, severity, from, null, [], true, now);
    else if (change.kind === 'replace') {
      const known = this.#all.find(({ id }) => id === change.id);
      if (known !== undefined) Object.assign(known, { severity, from, to });
    }
  }

  /** Somebody says that they know. */
  acknowledge(rule: string, subject: string, now: number): void {
    const open = this.#open(rule, subject);
    if (open === undefined || !open.latched) return;
    open.latched = false;
    this.#tell(rule, now);
  }

  #add(
    rule: string,
    subject: string,
    severity: Severity,
    from: number,
    to: number | null,
    suppression: Suppression[],
    wasTold: boolean,
    now: number,
  ): void {
    const id = String(this.#next++);
    this.#all.push({ id, rule, subject, severity, from, to, suppression, wasTold, latched: false });
    if (wasTold) this.#tell(rule, now);
  }

  #tell(rule: string, at: number): void {
    this.told.push({ rule, at });
  }
}

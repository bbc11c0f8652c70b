/**
 * The reader of rules: takes groups of the journal through the engine and puts down what it tells, together with the place up to which all
 * is put down (P). The engine's state is kept at a place before that (S). Whoever starts again takes it up, goes through S to P in
 * silence, and on from there: what the engine tells follows from the journal, so that each transition is put down once.
 */
import { MINUTE, SECOND, type Timer } from '@village/core';
import { MarkedPlace, type ModuleReader } from '@village/platform';
import type { Relational } from '@village/store/relational';
import type {
  CommittedGroup,
  JournalPlace,
  MissedSpan,
  TimeSeriesStore,
} from '@village/store/time-series';
import type { ChangedAlert, Keeper } from '../alerts/keeper.ts';
import { RULES } from '../alerts/tables.ts';
import type { LimitOf } from '../engine/index.ts';
import type { RuleSet } from '../model.ts';
import { Judge } from './judge.ts';
import { Putter, putMissed } from './putter.ts';
import { activeAlerts, reconcile } from './reconcile.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import type { SubjectBooks, Subjects } from './subjects.ts';

export interface RulesReaderOptions {
  readonly store: Pick<TimeSeriesStore, 'id' | 'head'>;
  readonly relational: Relational;
  readonly timer: Timer;
  readonly rules: RuleSet;
  readonly limitOf: LimitOf;
  readonly subjects: Pick<Subjects, 'load' | 'isOver'>;
  readonly snapshots: Snapshots;
  readonly keeper: Keeper;
  /** When a device was heard last, ms; asked where the engine begins without memory. */
  readonly heardAt: (device: string) => number | null;
  /** How gateways stand then. */
  readonly gateways: () => Promise<
    readonly { readonly gateway: string; readonly online: boolean; readonly at: number }[]
  >;
  /** Told of alerts once what became of them is put down; must not throw. */
  readonly changed: (alerts: readonly ChangedAlert[]) => void;
  readonly failed: (kind: string, error: unknown) => void;
  readonly log: (message: string, detail: Readonly<Record<string, unknown>>) => void;
  /** Bytes of journal that may wait for it; the usual ones when absent. */
  readonly lagMax?: number;
}

/** Journal that may wait; it holds what came since the snapshot before the last. */
const LAG_MAX = 1024 * 1024 * 1024;
/** Transitions that wait to be put down; beyond it groups wait. */
const WAITING_MAX = 5_000;
/** A snapshot is made this often, and after so many rows, since the journal keeps them until then. */
const SNAPSHOT_MS = MINUTE;
const SNAPSHOT_ROWS = 2_000_000;
/** Making snapshots takes one part in so many of the time at most. */
const SNAPSHOT_SHARE = 30;
/** What is registered is read again so long after a fault. */
const SUBJECTS_RETRY_MS = 5 * SECOND;

export interface ReaderCounters {
  /** Readings that were judged; of them those that came too late for that, and those of clocks that are ahead. */
  readings: number;
  late: number;
  future: number;
  /** Groups that were gone through in silence after a start. */
  replayed: number;
  /** Begins without the engine's state. */
  begun: number;
  /** Open alerts that the engine had to be told of by the tables, and transitions that were found by comparing the two. */
  adopted: number;
  mended: number;
  /** Stretches of the journal that were never judged. */
  missed: number;
  snapshots: number;
}

/** What it begins from: the place up to which all is put down, and the engine's state before it; null without one. */
interface Begin {
  readonly put: number;
  readonly snapshot: Snapshot | null;
  /** Nothing of this database was ever judged: what came before is not. */
  readonly isFirst: boolean;
}

export class RulesReader implements ModuleReader {
  readonly name = RULES;
  readonly lagMax: number;
  readonly counters: ReaderCounters = {
    ...{ readings: 0, late: 0, future: 0 },
    ...{ replayed: 0, begun: 0, adopted: 0, mended: 0, missed: 0, snapshots: 0 },
  };
  readonly #options: RulesReaderOptions;
  readonly #place: MarkedPlace;
  readonly #putter: Putter;
  #begin: Begin = { put: 0, snapshot: null, isFirst: true };
  #judge: Judge | null = null;
  /** What the tables have as open and what the engine knows are one. */
  #isSettled = false;
  /** When the last group was committed. */
  #committedAt = Number.NaN;
  #rules: RuleSet;
  #nextRules: RuleSet | null = null;
  #loading: Promise<void> | null = null;
  #loaded: SubjectBooks | null = null;
  #loadAfter = Number.NEGATIVE_INFINITY;
  #snapshotAt = Number.NEGATIVE_INFINITY;
  #snapshotMs = 0;
  /** Rows since the last snapshot. */
  #rows = 0;

  constructor(options: RulesReaderOptions) {
    const { store, relational, keeper, timer, changed } = options;
    this.#options = options;
    this.lagMax = options.lagMax ?? LAG_MAX;
    this.#rules = options.rules;
    this.#place = new MarkedPlace(store.id, RULES, 'rules_place');
    this.#putter = new Putter({ relational, keeper, timer, changed, place: this.#place });
  }

  /** Groups that wait, the age of the newest snapshot (null without one), and its bytes. */
  get gauges(): { behind: number; snapshotAgeMs: number | null; snapshotBytes: number } {
    const { store, timer, snapshots } = this.#options;
    const age = timer.elapsed() - this.#snapshotAt;
    return {
      behind: Math.max(0, store.head - this.#putter.taken),
      snapshotAgeMs: Number.isFinite(age) ? age : null,
      snapshotBytes: snapshots.bytes,
    };
  }

  async place(): Promise<JournalPlace | null> {
    const { store, relational, snapshots } = this.#options;
    await this.#putter.idle();
    const kept = await this.#place.read(relational);
    if (kept === null) {
      // Of a database that was lost.
      await snapshots.clear();
      this.#begin = { put: store.head, snapshot: null, isFirst: true };
      await this.#putter.reset(store.head);
      return null;
    }
    const isOwn = kept.journal === store.id;
    const snapshot = isOwn ? await snapshots.newest(kept.group) : null;
    this.#begin = { put: kept.group, snapshot, isFirst: false };
    await this.#putter.reset(kept.group);
    return { journal: kept.journal, group: snapshot?.group ?? kept.group };
  }

  begins(): void {
    this.#judge = null;
    this.#isSettled = false;
    this.#loaded = null;
    this.#snapshotAt = Number.NEGATIVE_INFINITY;
    this.#rows = 0;
  }

  stands(): Promise<boolean> {
    return this.#place.isThere(this.#options.relational);
  }

  /** Of two snapshots the older, so that each of them will do. */
  kept(): number {
    const { put, snapshot } = this.#begin;
    return this.#options.snapshots.oldest ?? snapshot?.group ?? put;
  }

  async take(group: CommittedGroup): Promise<void> {
    if (this.#putter.fault !== null) throw this.#putter.fault;
    const { put, isFirst } = this.#begin;
    if (isFirst && group.id <= put) return;
    this.#judge ??= await this.#makeJudge(group);
    if (group.id <= put) {
      await this.#judge.take(group);
      this.#judge.takeTold();
      this.counters.replayed++;
      this.#committedAt = group.committedAt;
      return;
    }
    await this.#judgeGroup(group, this.#judge);
    await this.#snapshotWhenDue();
  }

  async #makeJudge(group: CommittedGroup): Promise<Judge> {
    const { subjects, heardAt } = this.#options;
    const { snapshot } = this.#begin;
    const judge = this.#newJudge();
    await judge.refresh(await subjects.load(null));
    if (snapshot !== null) await judge.resume(snapshot.parts);
    else {
      judge.engine.begin(group.committedAt, heardAt);
      this.counters.begun++;
    }
    return judge;
  }

  #newJudge(): Judge {
    const { limitOf } = this.#options;
    return new Judge({
      ...{ set: this.#rules, limitOf },
      // What was found on the way to P is put down already.
      late: (device, at, now) => {
        if (this.#isSettled) this.#putter.late(device, at, now);
      },
    });
  }

  async #judgeGroup(group: CommittedGroup, before: Judge): Promise<void> {
    if (!this.#isSettled) await this.#settle(before);
    const judge = await this.#withRules(before);
    await this.#withSubjects(judge);
    if (group.damaged) {
      this.counters.missed++;
      const from = Number.isNaN(this.#committedAt) ? group.committedAt : this.#committedAt;
      this.#putter.missed({ from, to: group.committedAt });
    }
    this.#putter.tell(judge.takeTold());
    const judged = { ...judge.engine.counters };
    await judge.take(group);
    for (const name of ['readings', 'late', 'future'] as const)
      this.counters[name] += judge.engine.counters[name] - judged[name];
    this.#putter.took(group.id, judge.takeTold());
    this.#committedAt = group.committedAt;
    this.#rows += group.rowCount;
    this.#putter.putWhenDue();
    if (this.#putter.waiting > WAITING_MAX) await this.#putter.idle();
  }

  /** Makes one of what the tables have and what the engine knows. */
  async #settle(judge: Judge): Promise<void> {
    const { relational, gateways, log } = this.#options;
    const { adopted, told } = reconcile(judge.engine, await activeAlerts(relational));
    this.#putter.tell(told.map((one) => judge.known(one)));
    this.counters.adopted += adopted;
    this.counters.mended += told.length;
    if (adopted + told.length > 0)
      log('open alerts and what the rules know of them were made one', {
        ...{ adopted, mended: told.length },
      });
    if (this.#begin.snapshot === null && this.#judge === judge)
      for (const { gateway, online, at } of await gateways())
        judge.engine.gateway(gateway, online, at);
    this.#isSettled = true;
  }

  /** Other rules hold from the next group on. */
  use(rules: RuleSet): void {
    this.#nextRules = rules;
  }

  async #withRules(judge: Judge): Promise<Judge> {
    const next = this.#nextRules;
    const { books } = judge;
    if (next === null || books === null) return judge;
    this.#nextRules = null;
    this.#rules = next;
    const other = this.#newJudge();
    await other.refresh(books);
    await other.resume(judge.parts());
    this.#judge = other;
    // Alerts of rules that are no more end by what is on record.
    await this.#putter.flush();
    this.#isSettled = false;
    const { relational } = this.#options;
    const { told } = reconcile(other.engine, await activeAlerts(relational));
    this.#putter.tell(told.map((one) => other.known(one)));
    this.#isSettled = true;
    // What was judged by the rules of before is not judged again by these.
    this.#snapshotAt = Number.NEGATIVE_INFINITY;
    return other;
  }

  /** Takes in what is registered now, once that is read; groups do not wait for it. */
  async #withSubjects(judge: Judge): Promise<void> {
    const { subjects, timer, failed } = this.#options;
    const { books } = judge;
    const loaded = this.#loaded;
    if (loaded !== null) {
      this.#loaded = null;
      await judge.refresh(loaded);
      return;
    }
    if (books === null || this.#loading !== null || !subjects.isOver(books)) return;
    if (timer.elapsed() < this.#loadAfter) return;
    this.#loading = subjects
      .load(books)
      .then((next) => {
        // It may have begun again meanwhile.
        if (this.#judge?.books === books) this.#loaded = next;
      })
      .catch((error: unknown) => {
        this.#loadAfter = timer.elapsed() + SUBJECTS_RETRY_MS;
        failed('rules-subjects', error);
      })
      .finally(() => {
        this.#loading = null;
      });
  }

  async #snapshotWhenDue(): Promise<void> {
    const age = this.#options.timer.elapsed() - this.#snapshotAt;
    const wait = Math.max(SNAPSHOT_MS, SNAPSHOT_SHARE * this.#snapshotMs);
    if (age >= wait || this.#rows >= SNAPSHOT_ROWS) await this.#snapshot();
  }

  /** First all that was told is put down: a snapshot holds nothing beyond that. */
  async #snapshot(): Promise<void> {
    const { timer, snapshots, failed } = this.#options;
    await this.#putter.flush();
    const judge = this.#judge;
    if (judge === null) return;
    const began = timer.elapsed();
    this.#snapshotAt = began;
    this.#rows = 0;
    try {
      await snapshots.write(this.#putter.taken, judge.parts());
      this.counters.snapshots++;
    } catch (error) {
      // The journal keeps what it needs for those that there are.
      failed('rules-snapshot', error);
    }
    this.#snapshotMs = timer.elapsed() - began;
  }

  /** What it has read is of another journal, or groups are gone: it begins anew, and what was missed is on record. */
  async missed(span: MissedSpan, resume: JournalPlace): Promise<void> {
    const { relational, snapshots, timer } = this.#options;
    await this.#putter.idle();
    // What they hold is followed by groups that are gone.
    await snapshots.clear();
    await this.#place.write(
      (write) =>
        relational.transaction(async (tx) => {
          await putMissed(tx, [span], timer.now());
          await write(tx);
        }),
      resume.group,
    );
    this.counters.missed++;
  }

  /** Called by the clock, for when nothing comes. */
  async putWhenDue(): Promise<void> {
    this.#putter.putWhenDue();
    await this.#putter.idle();
  }

  /** Puts down all that there is, and the engine's state; called when nothing is taken any more. */
  async stop(): Promise<void> {
    await this.#loading;
    if (this.#putter.fault !== null || !this.#isSettled) return;
    await this.#snapshot();
  }
}

/** Statements from being proposed to being undone: what holds is in memory and follows each commit at once. */
import { type Clock, DAY, OperationalError, SECOND, systemTimer } from '@village/core';
import type { AuditEntry, Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import { listStatements, type StatementsQuery } from './lists.ts';
import { checkSaying, type DeviceSpan, type Saying, StatementBook } from './statement.ts';
import {
  changesAfter,
  contradicted,
  devicesSaid,
  holding,
  insertStatement,
  insertStep,
  isThere,
  lastStep,
  markNoted,
  notNoted,
  type Step,
  type StoredStatement,
  sameStep,
  statementById,
  takeTurn,
} from './tables.ts';

/** What is known of a device's metrics. */
export interface DeviceFacts {
  /** Quantity, span and statistic as a text by metric; equal texts can take each other's place. */
  readonly metrics: ReadonlyMap<string, string>;
  /** Whether its figures may be evidence. */
  readonly evidence: boolean;
  /** Event time of the newest that it said; null when nothing. It is at least so late, whatever the clock says. */
  readonly newestAt: number | null;
}

export interface CorrectionsOptions {
  readonly relational: Relational;
  readonly store: Pick<TimeSeriesStore, 'note' | 'commitNow'>;
  readonly clock: Clock;
  /** Undefined for a device that nobody knows. */
  readonly facts: (device: string) => DeviceFacts | undefined;
  /** What is older has been reported, as far as devices are evidence: a second person has to agree. */
  readonly reportedAfterMs?: number;
  readonly failed: (kind: string, error: unknown) => void;
}

/** Who does something, and the entry that the audit log gets in the same transaction. */
export interface Author {
  readonly by: string;
  audited(action: string, target: string, detail: AuditEntry['detail']): AuditEntry;
}

/** Figures of evidence devices are reported within a week. */
export const REPORTED_AFTER_MS: number = 7 * DAY;
const REASON_MAX = 500;
/** Changes taken in at once. */
const CHANGES_PAGE = 1_000;
/** How long an answer waits for the journal to be told; it is told later otherwise. */
const NOTE_WAIT_MS = 2 * SECOND;

/** What every database keeps as it is. */
const fits = (text: string): boolean =>
  text.length <= REASON_MAX && !text.includes('\0') && text.isWellFormed();

const refuse = (code: string, message: string): never => {
  throw new OperationalError(code, message);
};

/** Work that runs once at a time; all who ask for it before a run begins have that one. */
class Shared {
  readonly #work: () => Promise<void>;
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Begins, or waits until what runs is over and begins then: that may have looked too early. */
  run(): Promise<void> {
    if (this.#next === null) {
      const begin = (): Promise<void> => {
        this.#next = null;
        return this.#work();
      };
      this.#next = this.#last.then(begin, begin);
      this.#last = this.#next;
    }
    return this.#next;
  }
}

export class Corrections {
  readonly #options: CorrectionsOptions;
  #book = new StatementBook([]);
  /** The last step that the book follows. */
  #last: Step | null = null;
  /** Times in which something else holds since the database was brought back; the journal is to be told. */
  #broughtBack: readonly DeviceSpan[] = [];
  /** The number up to which the journal was told, or was last tried to. */
  #noted = 0;
  readonly #listeners = new Set<(devices: ReadonlySet<string>) => void>();
  readonly #following = new Shared(() => this.#follow());
  readonly #noting = new Shared(() => this.#note());

  constructor(options: CorrectionsOptions) {
    this.#options = options;
  }

  /** What holds at the moment. */
  get book(): StatementBook {
    return this.#book;
  }

  /** Reads what holds, and tells the journal what it was not told before a kill. */
  async load(): Promise<void> {
    await this.#loadAll();
    await this.noteAll();
  }

  /** Devices that any statement is or was about, also one that was taken back. */
  said(): Promise<string[]> {
    return devicesSaid(this.#options.relational);
  }

  /** Calls `listener`, which must not throw, with devices of which other statements hold than before. */
  onChange(listener: (devices: ReadonlySet<string>) => void): void {
    this.#listeners.add(listener);
  }

  /** Takes in what was committed since, by this process or another. */
  follow(): Promise<void> {
    return this.#following.run();
  }

  /**
   * Called every few seconds: takes in what was committed, and tells the journal of it where whoever said it could not, since the
   * answer of the database was lost. What came since the last call it is still telling.
   */
  async keepUp(): Promise<void> {
    const { number } = this.#book;
    await this.follow();
    if (this.#book.number === number && this.#noted !== number) await this.noteAll();
  }

  /** Whether the book is what holds in a transaction: nobody has said anything since, and no other state was brought back. */
  async isCurrent(access: Pick<Relational, 'for'>): Promise<boolean> {
    return sameStep(this.#last, await lastStep(access));
  }

  async #follow(): Promise<void> {
    const { relational } = this.#options;
    if (this.#last !== null && !(await isThere(relational, this.#last))) return this.#goBack();
    for (;;) {
      const changes = await changesAfter(relational, this.#book.number, CHANGES_PAGE);
      const last = changes.at(-1);
      if (last !== undefined) this.#swap(this.#book.changed(changes), last.step);
      if (changes.length < CHANGES_PAGE) return;
    }
  }

  async #loadAll(): Promise<void> {
    const { statements, last } = await holding(this.#options.relational);
    this.#swap(new StatementBook(statements, last?.number), last);
  }

  /** The database was brought back to an earlier state: what was lost holds no longer, though no step says so. */
  async #goBack(): Promise<void> {
    const before = this.#book;
    await this.#loadAll();
    const now = this.#book;
    const lost = before.without(now).flatMap((one) => before.reach(one));
    const found = now.without(before).flatMap((one) => now.reach(one));
    this.#broughtBack = [...this.#broughtBack, ...lost, ...found];
    await this.noteAll();
  }

  #swap(book: StatementBook, last: Step | null): void {
    const before = this.#book;
    this.#book = book;
    this.#last = last;
    if (this.#listeners.size === 0) return;
    const devices = before.differing(book);
    if (devices.size > 0) for (const listener of this.#listeners) listener(devices);
  }

  /**
   * Whether another person than who says it has to agree. Until there are reports: where it changes evidence that is a week
   * old, also when it is said of something newer and moves that there.
   */
  needsSecond(saying: Saying): boolean {
    const { clock, facts, reportedAfterMs = REPORTED_AFTER_MS } = this.#options;
    const reach = this.#book.reach(saying);
    const concerned = reach.map(({ device }) => facts(device));
    const now = Math.max(clock(), ...concerned.map((one) => one?.newestAt ?? 0));
    const old = reach.some(({ from }) => now > from + reportedAfterMs);
    return old && concerned.some((one) => one?.evidence === true);
  }

  /** Whether what holds is undone by another than who proposed it: where that took two persons, or would now. */
  undoneByAnother(statement: StoredStatement): boolean {
    return statement.state === 'active' && (statement.second || this.needsSecond(statement));
  }

  /** Whether the parts fit together and the device has the metric. @throws bad-statement unknown-metric unequal-metrics */
  check(saying: Saying): void {
    checkSaying(saying);
    const { device, metric, target } = saying;
    const { facts } = this.#options;
    const own = facts(device)?.metrics ?? new Map<string, string>();
    if (metric !== null && !own.has(metric))
      refuse('unknown-metric', `${device} has no metric ${metric}`);
    if (target === null) return;
    const others = facts(target)?.metrics ?? new Map<string, string>();
    for (const [key, terms] of own) {
      if (metric !== null && key !== metric) continue;
      if (others.get(key) !== terms)
        refuse(
          'unequal-metrics',
          `${key} of ${device} is no metric of ${target}, or another quantity`,
        );
    }
  }

  /** What a statement contradicts; null when it fits. */
  contradicted(saying: Saying): Promise<StoredStatement | null> {
    return contradicted(this.#options.relational, saying);
  }

  list(query: StatementsQuery): Promise<StoredStatement[]> {
    return listStatements(this.#options.relational, query);
  }

  byId(id: number): Promise<StoredStatement | null> {
    return statementById(this.#options.relational, id);
  }

  /**
   * Says something; it holds at once where no second person is needed.
   * @throws bad-statement unknown-metric unequal-metrics bad-text contradicts too-many-statements
   */
  async propose(saying: Saying, reason: string, author: Author): Promise<StoredStatement> {
    this.check(saying);
    if (reason.trim() === '' || !fits(reason))
      refuse('bad-text', `reason: must have 1 to ${REASON_MAX} characters, none of them NUL`);
    const { relational, clock } = this.#options;
    const second = this.needsSecond(saying);
    const deed = { by: author.by, at: clock() };
    const { kind, device, metric, from, to, value, target } = saying;
    const said = { kind, device, metric, from, to, value, target };
    const made = await relational.transaction(
      async (tx) => {
        await takeTurn(tx);
        const other = await contradicted(tx, said);
        if (other !== null)
          refuse(
            'contradicts',
            `contradicts correction ${other.id}, which ${other.state === 'active' ? 'holds' : 'waits'}`,
          );
        const id = await insertStatement(tx, { ...said, ...deed, reason, second });
        if (!second) await insertStep(tx, id, 'activated', deed);
        return { id };
      },
      {
        audit: ({ id }) =>
          author.audited('propose-correction', String(id), { ...said, reason, second }),
      },
    );
    return this.#hold(made.id);
  }

  /** Lets a statement hold that waits for a second person. @throws not-found not-waiting second-person contradicts */
  async approve(id: number, author: Author): Promise<StoredStatement> {
    const { relational, clock } = this.#options;
    await relational.transaction(
      async (tx) => {
        await takeTurn(tx);
        const statement =
          (await statementById(tx, id)) ?? refuse('not-found', 'no such correction');
        if (statement.state !== 'waiting')
          refuse('not-waiting', `correction ${id} is ${statement.state}`);
        if (statement.by === author.by)
          refuse('second-person', 'another person than who proposed it has to approve it');
        await insertStep(tx, id, 'activated', { by: author.by, at: clock() });
      },
      { audit: author.audited('approve-correction', String(id), {}) },
    );
    return this.#hold(id);
  }

  /**
   * Takes a statement back. One that took two persons, or would now, is undone by another than who proposed it, who may
   * withdraw it while it waits. @throws not-found already-undone second-person bad-text
   */
  async undo(id: number, why: string | null, author: Author): Promise<StoredStatement> {
    if (why !== null && !fits(why))
      refuse('bad-text', `why: must have at most ${REASON_MAX} characters, none of them NUL`);
    const { relational, clock } = this.#options;
    await relational.transaction(
      async (tx) => {
        await takeTurn(tx);
        const statement =
          (await statementById(tx, id)) ?? refuse('not-found', 'no such correction');
        const { state, by } = statement;
        if (state === 'undone' || state === 'withdrawn')
          refuse('already-undone', `correction ${id} is ${state}`);
        if (by === author.by && this.undoneByAnother(statement))
          refuse('second-person', 'another person than who proposed it has to undo it');
        const step = state === 'active' ? 'undone' : 'withdrawn';
        await insertStep(tx, id, step, { by: author.by, at: clock(), why });
      },
      { audit: author.audited('undo-correction', String(id), { why }) },
    );
    return this.#hold(id);
  }

  /** Takes in what was committed; the journal learns of it, now or later. */
  async #hold(id: number): Promise<StoredStatement> {
    await this.follow();
    const stored = await statementById(this.#options.relational, id);
    if (stored === null)
      throw new OperationalError(
        'relational-unavailable',
        `correction ${id} is gone: the database was brought back to an earlier state`,
        { retry: true },
      );
    await this.noteAll();
    return stored;
  }

  /**
   * Puts into the journal what it may not have yet. A fault is told, and what is left is noted the next time; a journal that
   * takes nothing now is not waited for.
   */
  async noteAll(): Promise<void> {
    const over = new AbortController();
    const late = systemTimer.sleep(NOTE_WAIT_MS, over.signal).catch(() => undefined);
    await Promise.race([this.#noting.run(), late]);
    over.abort();
  }

  async #note(): Promise<void> {
    const { relational, failed } = this.#options;
    try {
      await this.#noteBroughtBack();
      const { number } = this.#book;
      const steps = await notNoted(relational);
      this.#noted = number;
      // Also what no longer holds moved readings until now: its step may not have been noted either.
      const book = this.#book.changed(
        steps.map(({ statement, step }) => ({ number: step.number, statement, holds: true })),
      );
      for (const { statement, step } of steps) {
        await this.#tell(statement.device, step.number, book.reach(statement));
        await markNoted(relational, step);
      }
    } catch (error) {
      failed('note-correction', error);
    }
  }

  async #noteBroughtBack(): Promise<void> {
    const spans = this.#broughtBack;
    for (const [device, own] of Map.groupBy(spans, (one) => one.device))
      await this.#tell(device, this.#book.number, own);
    this.#broughtBack = this.#broughtBack.slice(spans.length);
  }

  async #tell(subject: string, number: number, spans: readonly DeviceSpan[]): Promise<void> {
    const { store, clock } = this.#options;
    store.note({ type: 'correction', at: clock(), subject, detail: { number, spans } });
    await store.commitNow();
  }
}

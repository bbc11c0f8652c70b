/** The engine over what is registered, with stops so that others have their turn, and with what must be known of each alert that it tells. */
import { type AlertSubject, bug, Slices } from '@village/core';
import type { CommittedGroup } from '@village/store/time-series';
import type { ToldTransition } from '../alerts/keeper.ts';
import { Engine, type LimitOf, type StatePart, type Transition } from '../engine/index.ts';
import type { Rule, RuleSet } from '../model.ts';
import type { SubjectBooks } from './subjects.ts';

export interface JudgeOptions {
  readonly set: RuleSet;
  readonly limitOf: LimitOf;
  /** Told of readings that page nobody; `now` is by the journal. */
  readonly late: (device: string, at: number, now: number) => void;
}

const kindOf = ({ subject }: Rule): AlertSubject =>
  subject.kind === 'area'
    ? 'area'
    : subject.kind === 'watch' && subject.watch === 'gateway-offline'
      ? 'gateway'
      : 'device';

export class Judge {
  readonly engine: Engine;
  readonly #rules: ReadonlyMap<string, Rule>;
  readonly #slices = new Slices();
  #books: SubjectBooks | null = null;
  #told: ToldTransition[] = [];

  constructor({ set, limitOf, late }: JudgeOptions) {
    const rules = set.rules.filter(({ enabled }) => enabled);
    this.#rules = new Map(rules.map((rule) => [rule.id, rule]));
    this.engine = new Engine({
      ...{ rules, inhibit: set.inhibit, limitOf },
      tell: (transition) => this.#told.push(this.known(transition)),
      late: (device, at) => late(device, at, this.engine.now),
    });
  }

  get books(): SubjectBooks | null {
    return this.#books;
  }

  /** What has to be known of its alert to put it down. */
  known(transition: Transition): ToldTransition {
    const { rule: id, subject } = transition;
    const rule = this.#rules.get(id);
    const subjectKind = rule === undefined ? 'device' : kindOf(rule);
    return {
      ...{ transition, subjectKind, latch: rule?.latch ?? false, at: this.engine.now },
      areas: this.#books?.find(subjectKind, subject)?.areas ?? [],
    };
  }

  /** Takes in what there is. */
  async refresh(books: SubjectBooks): Promise<void> {
    this.#books = books;
    await this.#sliced(this.engine.refreshing(books));
  }

  /** Goes on from a state of before, after `refresh`. */
  async resume(parts: Iterable<StatePart>): Promise<void> {
    for (const part of parts) {
      this.engine.takeUp(part);
      if (this.#slices.over) await this.#slices.next();
    }
    await this.#sliced(this.engine.settling());
  }

  async take(group: CommittedGroup): Promise<void> {
    if (this.#books === null) bug('the rules judge before it is known what there is');
    await this.#sliced(this.engine.taking(group));
  }

  /** Takes out what was told. */
  takeTold(): readonly ToldTransition[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  /** How it stands, with a stop after each part: nothing else may be done with it meanwhile. */
  parts(): Iterable<StatePart> {
    return this.engine.parts();
  }

  async #sliced(steps: Generator<undefined>): Promise<void> {
    for (const _ of steps) if (this.#slices.over) await this.#slices.next();
  }
}

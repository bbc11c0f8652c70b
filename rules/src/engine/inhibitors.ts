/** Causes that make alerts of what depends on them no news: those are told of once the cause is over and they are still there. */
import type { Severity, Suppression } from '@village/core';
import type { Inhibition } from '../model.ts';
import type { Program } from './program.ts';
import type { RuleSubject } from './program-types.ts';
import type { AlertKey, TransitionKind } from './transition.ts';

export interface Held {
  readonly key: AlertKey;
  readonly why: Suppression;
  /** The cause. */
  readonly by: string;
  readonly severity: Severity;
}

const nameOf = ({ rule, subject, discriminator }: AlertKey): string =>
  JSON.stringify([rule, subject, discriminator]);

const causeOf = (program: Program, subject: RuleSubject): string =>
  `${program.rule.id}:${subject.id}`;

export class Inhibitors {
  /** By rule that may be inhibited: what may do it. */
  readonly #of = new Map<
    Program,
    { readonly source: Program; readonly how: Inhibition['targets'] }[]
  >();
  readonly #sources = new Set<Program>();
  /** Alerts that nobody was told of, by key. */
  readonly #held = new Map<string, Held>();

  constructor(inhibit: readonly Inhibition[], programs: readonly Program[]) {
    const byId = new Map(programs.map((program) => [program.rule.id, program]));
    for (const { source, targets, kinds, rules } of inhibit) {
      const cause = byId.get(source.rule);
      if (cause === undefined) continue;
      this.#sources.add(cause);
      for (const program of programs) {
        if (program === cause || !(rules.includes(program.rule.id) || isOfKind(program, kinds)))
          continue;
        const list = this.#of.get(program) ?? [];
        this.#of.set(program, list);
        list.push({ source: cause, how: targets });
      }
    }
  }

  /** What inhibits an alert of a rule on a subject now, as `rule:subject`; null when nothing does. */
  of(program: Program, subject: RuleSubject): string | null {
    for (const { source, how } of this.#of.get(program) ?? [])
      for (let i = 0; i < source.size; i++) {
        const cause = source.subjects[i] as RuleSubject;
        if (reaches(how, cause, subject) && source.isUnderWay(i)) return causeOf(source, cause);
      }
    return null;
  }

  hold({ key, ...held }: Held): void {
    const { rule, subject, discriminator } = key;
    this.#held.set(nameOf(key), { ...held, key: { rule, subject, discriminator } });
  }

  /** What holds an alert back; undefined where nothing does. */
  holding(key: AlertKey): Held | undefined {
    return this.#held.get(nameOf(key));
  }

  forget(key: AlertKey): void {
    this.#held.delete(nameOf(key));
  }

  /** Of a transition that ends a cause its name; null of others. What it held back is looked at after a while. */
  over(program: Program, subject: RuleSubject, kind: TransitionKind): string | null {
    return kind === 'close' && this.#sources.has(program) ? causeOf(program, subject) : null;
  }

  /** Alerts that a cause holds back no more and that are still there. */
  release(cause: string): readonly Held[] {
    for (const program of this.#sources)
      for (let i = 0; i < program.size; i++)
        if (causeOf(program, program.subjects[i] as RuleSubject) === cause && program.isUnderWay(i))
          return [];
    const released = [...this.#held.values()].filter(({ by }) => by === cause);
    for (const { key } of released) this.forget(key);
    return released;
  }

  state(): readonly Held[] {
    return [...this.#held.values()];
  }

  restore(held: readonly Held[]): void {
    for (const one of held) this.#held.set(nameOf(one.key), one);
  }
}

function reaches(how: Inhibition['targets'], cause: RuleSubject, target: RuleSubject): boolean {
  if (how === 'behind-gateway') return target.gateway === cause.id;
  return how === 'same-device' ? target.id === cause.id : target.areas.includes(cause.id);
}

function isOfKind({ rule: { subject } }: Program, kinds: Inhibition['kinds']): boolean {
  if (subject.kind !== 'watch') return false;
  return (
    kinds.includes('silence') &&
    (subject.watch === 'device-silent' || subject.watch === 'device-never-seen')
  );
}

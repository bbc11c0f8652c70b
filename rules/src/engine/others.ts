/** Gateways and areas that rules are about: which there are, by rule. Devices have more to them and are kept elsewhere. */
import type { Program } from './program.ts';
import type { RuleSubject } from './program-types.ts';

/** What there is for rules to be about. */
export interface Directory {
  devices(): Iterable<RuleSubject>;
  gateways(): Iterable<RuleSubject>;
  areas(level: 'county' | 'township' | 'village'): Iterable<RuleSubject>;
}

/** What one that is there becomes another by: it stands elsewhere. */
type Moved = (program: Program, i: number, before: RuleSubject, after: RuleSubject) => void;

export class Others {
  readonly #known = new Map<Program, Map<string, number>>();
  readonly #moved: Moved;

  constructor(programs: readonly Program[], moved: Moved) {
    for (const program of programs) this.#known.set(program, new Map());
    this.#moved = moved;
  }

  /** Where it is among a rule's instances. */
  find(program: Program, id: string): number | undefined {
    return this.#known.get(program)?.get(id);
  }

  /** Takes in what there is at a time; of what is gone everything ends. */
  refresh(directory: Directory, now: number): void {
    for (const [program, known] of this.#known) {
      const gone = new Set(known.keys());
      for (const one of of(program, directory)) {
        gone.delete(one.id);
        const i = known.get(one.id);
        if (i === undefined) known.set(one.id, program.add(one));
        else this.#change(program, i, one);
      }
      for (const id of gone) {
        program.remove(known.get(id) as number, now);
        known.delete(id);
      }
    }
  }

  #change(program: Program, i: number, after: RuleSubject): void {
    const before = program.subjects[i] as RuleSubject;
    if (before === after) return;
    program.change(i, after);
    if (before.areas.join() !== after.areas.join()) this.#moved(program, i, before, after);
  }
}

/** Those that a rule is for. */
function* of({ rule }: Program, directory: Directory): Generator<RuleSubject> {
  const { subject, scope } = rule;
  const all =
    subject.kind === 'area'
      ? directory.areas(subject.level)
      : subject.kind === 'watch' && subject.watch === 'gateway-offline'
        ? directory.gateways()
        : [];
  for (const one of all)
    if (scope.areas.length === 0 || scope.areas.some((area) => one.areas.includes(area))) yield one;
}

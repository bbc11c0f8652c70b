/** The levels of a rule: from conditions as they are written to compiled ones, and whether they make sense together. */
import { isWorse } from '@village/core';
import { type Code, type Compiled, compileExpression, type Slots } from '../../language/index.ts';
import { canHold, opposite } from '../../language/intervals.ts';
import type { Level } from '../../model.ts';
import type { LevelFile } from '../schema.ts';
import type { Notes } from '../shape/fault.ts';
import { durationMs } from '../shape/parts.ts';
import { type BoundContext, boundConditions, type Conditions } from './bounds.ts';

export interface LevelsContext {
  readonly slots: Slots;
  /** Of above and below; null where they can't stand. */
  readonly bound: Omit<BoundContext, 'notes'> | null;
  /** What is watched, or an event: it is there or not, and nothing more can be asked of it. */
  readonly thing: boolean;
  readonly notes: Notes;
}

/** A level with what its conditions mean. */
export interface ReadLevel {
  readonly level: Level;
  readonly codes: readonly Code[];
}

interface Read extends ReadLevel {
  readonly when: Code;
  /** Where it stands in the file. */
  readonly index: number;
}

const BOUNDS = ['above', 'below'] as const;

/** The conditions as they are written or as the shorthand says them; null after a fault was told. */
function conditionsOf(level: LevelFile, context: LevelsContext, notes: Notes): Conditions | null {
  const { thing, bound } = context;
  const said = (['when', ...BOUNDS] as const).filter((key) => level[key] !== undefined);
  if (thing) {
    for (const key of [...said, 'clear', 'deadband'] as const)
      if (level[key] !== undefined)
        notes.error(
          'no-condition',
          [key],
          '监视和事件类规则没有条件：发生即告警，可用 for 和 schedule 限定',
          'what is watched and events have no condition: that it is so is all; `for` and `schedule` can stand',
        );
    return { when: 'true', clear: null };
  }
  if (said.length !== 1) {
    notes.error(
      'one-condition',
      [],
      'when、above、below 要写且只写一个',
      'needs one of when, above and below, and no more',
    );
    return null;
  }
  if (level.when !== undefined) {
    if (level.deadband !== undefined)
      notes.error(
        'no-deadband',
        ['deadband'],
        'deadband 只能和 above 或 below 一起用；用 when 时请写 clear',
        'stands with above or below alone; beside `when` write `clear`',
      );
    return { when: level.when, clear: level.clear ?? null };
  }
  if (level.clear !== undefined)
    notes.error(
      'no-clear',
      ['clear'],
      'above、below 的解除条件用 deadband 写',
      'beside above and below say it with `deadband`',
    );
  if (bound !== null) return boundConditions(level, { ...bound, notes });
  notes.error(
    'no-bound',
    [said[0] as string],
    '这类规则没有输入，不能用 above、below',
    'a rule of this kind has no inputs, so that above and below can not stand',
  );
  return null;
}

function compile(source: string, key: string, slots: Slots, notes: Notes): Compiled | null {
  const { compiled, faults } = compileExpression(source, slots);
  // What the shorthand says stands nowhere in the file.
  const written = key === 'when' || key === 'clear';
  for (const { code, start, end, message } of faults)
    notes.error(code, [key], message.zh, message.en, written ? { start, end } : undefined);
  return compiled;
}

function readLevel(file: LevelFile, index: number, context: LevelsContext): Read | null {
  const notes = context.notes.below(index);
  const conditions = conditionsOf(file, context, notes);
  if (conditions === null) return null;
  const key = BOUNDS.find((one) => file[one] !== undefined) ?? 'when';
  const when = compile(conditions.when, key, context.slots, notes);
  const clear =
    conditions.clear === null
      ? null
      : compile(conditions.clear, key === 'when' ? 'clear' : key, context.slots, notes);
  if (when === null || (conditions.clear !== null && clear === null)) return null;
  checkSense(file, when.code, clear?.code ?? null, context, notes);
  return {
    level: {
      severity: file.severity,
      when: when.expression,
      clear: clear?.expression ?? null,
      forMs: file.for === undefined ? 0 : durationMs(file.for),
    },
    when: when.code,
    codes: clear === null ? [when.code] : [when.code, clear.code],
    index,
  };
}

/** Conditions that are never or always so, and those that are so together with their end. */
function checkSense(
  file: LevelFile,
  when: Code,
  clear: Code | null,
  { thing }: LevelsContext,
  notes: Notes,
): void {
  if (thing) return;
  const key = BOUNDS.find((one) => file[one] !== undefined) ?? 'when';
  if (canHold([when]) === 'no')
    notes.error('never-true', [key], '这个条件永远不成立', 'can never be true');
  else if (canHold([opposite(when)]) === 'no')
    notes.error('always-true', [key], '这个条件永远成立', 'is always true');
  if (clear === null) return;
  const end = key === 'when' ? 'clear' : 'deadband';
  if (canHold([clear]) === 'no')
    notes.error(
      'never-clear',
      [end],
      '解除条件永远不成立，告警不会结束',
      'can never be true, so that an alert would not end',
    );
  else if (canHold([when, clear]) === 'yes')
    notes.error(
      'clear-and-when',
      [end],
      '触发和解除条件会同时成立',
      'can be true together with the condition that raises the alert',
    );
}

/** A level that a worse one leaves nothing: whenever it holds, the worse one holds as well, and no later. */
function checkReach(levels: readonly Read[], notes: Notes): void {
  levels.forEach((one, i) => {
    const worse = levels
      .slice(0, i)
      .find(
        ({ when, level }) =>
          level.forMs <= one.level.forMs && canHold([one.when, opposite(when)]) === 'no',
      );
    if (worse !== undefined)
      notes
        .below(one.index)
        .error(
          'unreachable-level',
          [],
          `这一级用不到：条件成立时，更重的 ${worse.level.severity} 也成立`,
          `is never reached: whenever it holds, ${worse.level.severity} holds as well`,
        );
  });
}

/** The levels of a rule, worst first; those with faults are left out. */
export function readLevels(
  files: readonly LevelFile[],
  context: LevelsContext,
): readonly ReadLevel[] {
  const seen = new Set<string>();
  files.forEach(({ severity }, i) => {
    if (seen.has(severity))
      context.notes.error(
        'severity-twice',
        [i, 'severity'],
        `${severity} 写了两次`,
        `${severity} stands twice`,
      );
    seen.add(severity);
  });
  const levels = files
    .flatMap((file, i) => readLevel(file, i, context) ?? [])
    .toSorted((a, b) => (isWorse(a.level.severity, b.level.severity) ? -1 : 1));
  checkReach(levels, context.notes);
  return levels;
}

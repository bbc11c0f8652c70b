/** Whether a standard sets the limit that a rule compares with, and whether it is compared the right way round. */
import type { AnyStandard } from '@village/platform';
import { type Code, partsOf } from '../language/code.ts';
import { compileExpression } from '../language/index.ts';
import type { LimitRef, Rule } from '../model.ts';
import type { Known, LevelAt } from './known.ts';
import type { Notes } from './shape/fault.ts';
import { meant } from './shape/nearest.ts';

type LimitTables = Extract<AnyStandard, { kind: 'limits' }>;
type Rows = LimitTables['versions'][number]['data']['rows'];

/** The standard of limits, or null after a fault was told. */
function standardOf(
  { standard: id }: LimitRef,
  { standards }: Known,
  notes: Notes,
): LimitTables | null {
  const found = standards.find(id);
  if (found?.kind === 'limits') return found;
  const ids = standards.all.filter(({ kind }) => kind === 'limits').map((one) => one.id);
  const { zh, en } = meant(id, ids);
  const list = ids.join(', ');
  notes.error(
    'unknown-standard',
    ['standard'],
    `没有限值标准 ${id}${zh || `；有 ${list}`}`,
    `there is no standard of limits ${id}${en || `; known are ${list}`}`,
  );
  return null;
}

/** Rows of the newest version that a limit may be of; null after a fault was told. */
function rowsOf(limit: LimitRef, { versions }: LimitTables, notes: Notes): Rows | null {
  const all =
    versions.at(-1)?.data.rows.filter(({ quantity }) => quantity === limit.quantity) ?? [];
  if (all.length === 0) {
    notes.error(
      'no-limit',
      ['standard'],
      `${limit.standard} 没有 ${limit.quantity} 的限值`,
      `${limit.standard} sets no limit on ${limit.quantity}`,
    );
    return null;
  }
  const rows = all.filter(({ period }) => period === 'any' || (limit.period ?? period) === period);
  const periods = [...new Set(all.map(({ period }) => period))];
  if (rows.length > 0 && (limit.period !== null || periods.length === 1)) return rows;
  const there = periods.join(', ');
  notes.error(
    'limit-period',
    limit.period === null ? [] : ['period'],
    `${limit.standard} 的 ${limit.quantity} 限值要写明 period：${there}`,
    `limits of ${limit.standard} on ${limit.quantity} are of a period: ${there}`,
  );
  return null;
}

const has = (code: Code, op: Code['op']): boolean =>
  code.op === op || partsOf(code).some((part) => has(part, op));

/** Whether what is measured is looked at for being less than the limit, or more; both where it is not one comparison. */
function sidesOf(code: Code): ('above' | 'below')[] {
  if (code.op === '>' || code.op === '>=' || code.op === '<' || code.op === '<=') {
    const [left, right] = [has(code.left, 'limit'), has(code.right, 'limit')];
    if (left === right) return [];
    return [code.op.startsWith('>') === right ? 'above' : 'below'];
  }
  // Behind a negation it is the other way round.
  return code.op === 'not' ? [] : partsOf(code).flatMap(sidesOf);
}

function checkSides(rule: Rule, rows: Rows, notes: Notes, levelAt: LevelAt): void {
  const wrong = rows.every(({ bound }) => bound.sense === 'at-most') ? 'below' : 'above';
  rule.levels.forEach(({ when }, i) => {
    const slots = { ...rule.slots, windows: [], attributes: [] };
    const code = compileExpression(when.source, slots).compiled?.code;
    if (code === undefined || !sidesOf(code).includes(wrong)) return;
    const [zh, en] = wrong === 'below' ? ['上限', 'highest'] : ['下限', 'lowest'];
    notes.error(
      'limit-side',
      ['levels', levelAt(i)],
      `这个限值是${zh}，比较的方向反了`,
      `this limit is the ${en} that is allowed: it is compared the wrong way round`,
    );
  });
}

/** The limit of a rule, if it has one. */
export function checkLimit(rule: Rule, known: Known, notes: Notes, levelAt: LevelAt): void {
  const { limit } = rule;
  if (limit === null) return;
  const below = notes.below('limit');
  const standard = standardOf(limit, known, below);
  const rows = standard === null ? null : rowsOf(limit, standard, below);
  if (rows === null) return;
  if (rows.some(({ bound }) => bound.sense === 'between')) {
    below.error(
      'two-limits',
      [],
      `${limit.standard} 对 ${limit.quantity} 规定的是范围，不是一个限值：请在条件里写数字`,
      `${limit.standard} sets a range of ${limit.quantity}, not one limit: write the numbers`,
    );
    return;
  }
  checkSides(rule, rows, notes, levelAt);
  if (limit.temperature === null && rows.some(({ when }) => when.cold !== undefined))
    below.warning(
      'limit-temperature',
      [],
      '限值随水温而变：请用 temperature 写明哪个输入是水温，否则限值未知',
      'is another in cold water: without `temperature`, the input that says it, it is not known',
    );
}

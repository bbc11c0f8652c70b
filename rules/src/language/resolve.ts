/** Gives every name of a syntax tree its slot and every part its type; tells all faults that there are. */
import { type Code, partsOf } from './code.ts';
import { evaluatorOf } from './compile.ts';
import type { Context, Type, Typed } from './context.ts';
import type { Facts, Slots } from './expression.ts';
import { type ExpressionFault, fault, type Range } from './fault.ts';
import { type Call, callOf, qualityOf } from './functions.ts';
import type { Syntax } from './syntax.ts';

const TYPE_NAMES = {
  number: { zh: '数字', en: 'a number' },
  truth: { zh: '真假', en: 'a truth' },
} as const;

const NO_FACTS: Facts = {
  values: new Float64Array(0),
  ages: new Float64Array(0),
  qualities: new Int8Array(0),
  windows: new Float64Array(0),
  attributes: new Float64Array(0),
  limit: Number.NaN,
  at: 0,
};

const isConstant = (code: Code): code is Extract<Code, { op: 'constant' }> =>
  code.op === 'constant';

/** The same with what is constant already computed. */
function folded(code: Code): Code {
  const parts = partsOf(code);
  if (parts.length === 0 || !parts.every(isConstant)) return code;
  return { op: 'constant', value: evaluatorOf(code)(NO_FACTS) };
}

function nameOf(name: string, range: Range, { slots, note }: Context): Typed | null {
  const number = (code: Code): Typed => ({ type: 'number', code, ...range });
  if (name === 'limit') {
    if (slots.hasLimit) return number({ op: 'limit' });
    return note(
      'unknown-name',
      range,
      '规则没有写 limit（按哪个标准），这里不能用 limit',
      'the rule names no limit, so that there is none here',
    );
  }
  const input = slots.inputs.indexOf(name);
  if (input >= 0) return number({ op: 'value', slot: input, name });
  const counter = slots.counters.indexOf(name);
  if (counter >= 0) return number({ op: 'value', slot: slots.inputs.length + counter, name });
  const known = [...slots.inputs, ...slots.counters, ...(slots.hasLimit ? ['limit'] : [])];
  const list = known.length === 0 ? null : known.join(', ');
  return note(
    'unknown-name',
    range,
    list === null ? `没有 ${name}；这里没有可用的名称` : `没有 ${name}；可用的有 ${list}`,
    list === null
      ? `there is no ${name}, nor any other name`
      : `there is no ${name}; known are ${list}`,
  );
}

type Operation = Extract<Syntax, { kind: 'arithmetic' | 'comparison' | 'logic' }>;

function operation(syntax: Operation, context: Context): Typed | null {
  const { operator: op, left: l, right: r, start, end } = syntax;
  if (syntax.kind === 'comparison') {
    const quality = qualityComparison(syntax, context);
    if (quality !== undefined) return quality;
  }
  if (op === '==' || op === '!=') {
    const left = context.resolve(l);
    const right = left === null ? context.resolve(r) : context.typed(r, left.type);
    if (left === null || right === null) return null;
    return { type: 'truth', code: { op, left: left.code, right: right.code }, start, end };
  }
  const of: Type = syntax.kind === 'logic' ? 'truth' : 'number';
  const left = context.typed(l, of);
  const right = context.typed(r, of);
  if (left === null || right === null) return null;
  const type: Type = syntax.kind === 'arithmetic' ? 'number' : 'truth';
  return { type, code: { op, left: left.code, right: right.code }, start, end };
}

/** `quality(x) == 'word'`, either way round; undefined when it is another comparison. */
function qualityComparison(
  syntax: Extract<Syntax, { kind: 'comparison' }>,
  context: Context,
): Typed | null | undefined {
  const { operator, left, right, start, end } = syntax;
  const isQuality = (one: Syntax): boolean => one.kind === 'call' && one.name === 'quality';
  const call = isQuality(left) ? left : right;
  if (!isQuality(call)) return undefined;
  const word = call === left ? right : left;
  if (operator !== '==' && operator !== '!=')
    return context.note(
      'type-clash',
      syntax,
      'quality(…) 只能用 == 或 != 比较',
      'a quality is compared with == or != alone',
    );
  const code = qualityOf(call as Call, word, context);
  if (code === null) return null;
  return { type: 'truth', code: operator === '==' ? code : { op: 'not', of: code }, start, end };
}

function choice(syntax: Extract<Syntax, { kind: 'choice' }>, context: Context): Typed | null {
  const { start, end } = syntax;
  const test = context.typed(syntax.test, 'truth');
  const yes = context.resolve(syntax.yes);
  const no = yes === null ? context.resolve(syntax.no) : context.typed(syntax.no, yes.type);
  if (test === null || yes === null || no === null) return null;
  return {
    type: yes.type,
    code: { op: 'choice', test: test.code, yes: yes.code, no: no.code },
    start,
    end,
  };
}

function resolvePlain(syntax: Syntax, context: Context): Typed | null {
  const { start, end } = syntax;
  switch (syntax.kind) {
    case 'number':
      return { type: 'number', code: { op: 'constant', value: syntax.value }, start, end };
    case 'truth':
      return { type: 'truth', code: { op: 'constant', value: syntax.value ? 1 : 0 }, start, end };
    case 'text':
      return context.note(
        'type-clash',
        syntax,
        "文字只能作函数的参数（如 avg(x, '10m')），或与 quality(…) 比较",
        "a text is an argument, such as in avg(x, '10m'), or compared with quality(…)",
      );
    case 'name':
      return nameOf(syntax.name, { start, end }, context);
    case 'negate':
    case 'not': {
      const type: Type = syntax.kind === 'not' ? 'truth' : 'number';
      const of = context.typed(syntax.of, type);
      return of === null ? null : { type, code: { op: syntax.kind, of: of.code }, start, end };
    }
    case 'choice':
      return choice(syntax, context);
    case 'call':
      return callOf(syntax, context);
    default:
      return operation(syntax, context);
  }
}

/** Resolves a whole expression, which must be a truth. Slots of windows and attributes are added to `slots`. */
export function resolve(
  syntax: Syntax,
  slots: Slots,
): { readonly code: Code | null; readonly faults: readonly ExpressionFault[] } {
  const faults: ExpressionFault[] = [];
  const context: Context = {
    slots,
    note(code, range, zh, en) {
      faults.push(fault(code, range, zh, en));
      return null;
    },
    resolve(part) {
      const found = resolvePlain(part, context);
      if (found === null) return null;
      const code = folded(found.code);
      if (code.op === 'constant' && Number.isNaN(code.value))
        return context.note(
          'never-known',
          part,
          '结果永远算不出来（除以零或超出范围）',
          'is never known: it divides by zero or is too large',
        );
      return { ...found, code };
    },
    typed(part, type) {
      const found = context.resolve(part);
      if (found === null || found.type === type) return found;
      const wanted = TYPE_NAMES[type];
      const is = TYPE_NAMES[found.type];
      return context.note(
        'type-clash',
        part,
        `这里要${wanted.zh}，写的却是${is.zh}`,
        `must be ${wanted.en}, and is ${is.en}`,
      );
    },
  };
  const whole = context.typed(syntax, 'truth');
  return { code: faults.length > 0 ? null : (whole?.code ?? null), faults };
}

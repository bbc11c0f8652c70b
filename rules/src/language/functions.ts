/** The functions that expressions may call, and nothing else: what each takes, and what it becomes. */
import { ATTRIBUTES, DAY, parseDuration, QUALITIES, qualityCode, SECOND } from '@village/core';
import type { Code } from './code.ts';
import type { Context, Type, Typed } from './context.ts';
import { WINDOW_FUNCTIONS, type WindowFunction } from './expression.ts';
import type { Range } from './fault.ts';
import type { Syntax } from './syntax.ts';

/** Different series functions of one rule. */
export const WINDOWS_MAX = 16;
export const WINDOW_MS_MAX = 31 * DAY;
export const WINDOW_MS_MIN = SECOND;

export type Call = Extract<Syntax, { kind: 'call' }>;

/** Functions that look at the one reading before, so that they take no length. */
const WITHOUT_LENGTH: ReadonlySet<WindowFunction> = new Set<WindowFunction>(['rate', 'changed']);

const isWindowFunction = (name: string): name is WindowFunction =>
  (WINDOW_FUNCTIONS as readonly string[]).includes(name);

/** How each is written, for messages. */
const WRITTEN: Readonly<Record<string, string>> = {
  abs: 'abs(x)',
  min: "min(a, b, …) · min(x, '10m')",
  max: "max(a, b, …) · max(x, '10m')",
  clamp: 'clamp(x, low, high)',
  hypot: 'hypot(a, b)',
  between: 'between(x, low, high)',
  ratio: 'ratio(part, whole)',
  isKnown: 'isKnown(x)',
  age: 'age(x)',
  quality: "quality(x) == 'calibration'",
  attribute: "attribute('design-capacity')",
  hour: 'hour()',
  weekday: 'weekday()',
};

const written = (name: string): string => {
  if (Object.hasOwn(WRITTEN, name)) return WRITTEN[name] as string;
  return isWindowFunction(name) && WITHOUT_LENGTH.has(name) ? `${name}(x)` : `${name}(x, '10m')`;
};

const wrongArguments = (call: Call, { note }: Context): null =>
  note(
    'wrong-arguments',
    call,
    `参数不对，应写作 ${written(call.name)}`,
    `has other arguments: it is written ${written(call.name)}`,
  );

/** The slot of an input that an argument names. */
function inputOf(call: Call, argument: Syntax | undefined, context: Context): number | null {
  if (argument === undefined) return wrongArguments(call, context);
  const slot = argument.kind === 'name' ? context.slots.inputs.indexOf(argument.name) : -1;
  if (slot >= 0) return slot;
  const { inputs } = context.slots;
  const list = inputs.length === 0 ? ['（无）', 'none'] : [inputs.join(', '), inputs.join(', ')];
  return context.note(
    'not-an-input',
    argument,
    `${call.name}(…) 的第一个参数必须是输入的名称，可用的有 ${list[0]}`,
    `the first argument of ${call.name}(…) is the name of an input; known are ${list[1]}`,
  );
}

/** Slot of a series function; equal calls share one. */
function windowOf(
  call: Call,
  name: WindowFunction,
  input: number,
  ms: number,
  { slots, note }: Context,
): Code | null {
  const { windows } = slots;
  const same = windows.findIndex(
    (one) => one.function === name && one.input === input && one.ms === ms,
  );
  if (same < 0 && windows.length >= WINDOWS_MAX)
    return note(
      'too-many-windows',
      call,
      `一条规则最多用 ${WINDOWS_MAX} 个时段函数`,
      `a rule has at most ${WINDOWS_MAX} series functions`,
    );
  const slot = same >= 0 ? same : windows.length;
  const made = windows[slot] ?? { function: name, input, ms };
  if (same < 0) windows.push(made);
  return { op: 'window', slot, call: made };
}

function lengthOf(call: Call, argument: Syntax, { note }: Context): number | null {
  if (argument.kind !== 'text')
    return note(
      'bad-duration',
      argument,
      "时长要写在引号里，如 '10m'、'24h'、'7d'",
      "a duration stands in quotes, such as '10m', '24h' or '7d'",
    );
  const ms = parseDuration(argument.value);
  if (ms >= WINDOW_MS_MIN && ms <= WINDOW_MS_MAX) return ms;
  return note(
    'bad-duration',
    argument,
    `${call.name}(…) 的时长要在 1s 到 31d 之间，如 '10m'`,
    `the duration of ${call.name}(…) must be from 1s to 31d, such as '10m'`,
  );
}

function series(call: Call, name: WindowFunction, context: Context): Typed | null {
  const [first, second, ...more] = call.args;
  const without = WITHOUT_LENGTH.has(name);
  if (first === undefined || more.length > 0 || (second === undefined) !== without)
    return wrongArguments(call, context);
  const input = inputOf(call, first, context);
  const ms = second === undefined ? 0 : lengthOf(call, second, context);
  if (input === null || ms === null) return null;
  const code = windowOf(call, name, input, ms, context);
  const type: Type = name === 'changed' ? 'truth' : 'number';
  return code === null ? null : { type, code, start: call.start, end: call.end };
}

/** All arguments as numbers, or null; with `count` given exactly so many, else two at least. */
function numbers(call: Call, count: number | null, context: Context): Code[] | null {
  const { length } = call.args;
  if (count === null ? length < 2 : length !== count) return wrongArguments(call, context);
  const found = call.args.map((argument) => context.typed(argument, 'number')?.code ?? null);
  return found.includes(null) ? null : (found as Code[]);
}

/** What functions of a fixed number of values become. */
const OF_NUMBERS: Readonly<
  Record<
    string,
    { readonly count: number; readonly type: Type; readonly code: (args: Code[]) => Code }
  >
> = {
  abs: { count: 1, type: 'number', code: ([of]) => ({ op: 'abs', of: of as Code }) },
  hypot: {
    count: 2,
    type: 'number',
    code: ([left, right]) => ({ op: 'hypot', left: left as Code, right: right as Code }),
  },
  ratio: {
    count: 2,
    type: 'number',
    code: ([left, right]) => ({ op: '/', left: left as Code, right: right as Code }),
  },
  clamp: {
    count: 3,
    type: 'number',
    code: ([x, low, high]) => ({
      op: 'min',
      left: { op: 'max', left: x as Code, right: low as Code },
      right: high as Code,
    }),
  },
  between: {
    count: 3,
    type: 'truth',
    code: ([x, low, high]) => ({
      op: '&&',
      left: { op: '>=', left: x as Code, right: low as Code },
      right: { op: '<=', left: x as Code, right: high as Code },
    }),
  },
};

function extreme(call: Call, op: 'min' | 'max', context: Context): Typed | null {
  if (call.args[1]?.kind === 'text') return series(call, op, context);
  const args = numbers(call, null, context);
  if (args === null) return null;
  const code = args.reduce((left, right) => ({ op, left, right }));
  return { type: 'number', code, start: call.start, end: call.end };
}

function attributeOf(call: Call, { slots, note }: Context): Code | null {
  const [argument] = call.args;
  const key = argument?.kind === 'text' ? argument.value : '';
  const numeric = Object.keys(ATTRIBUTES).filter((one) => ATTRIBUTES[one]?.type === 'number');
  if (!numeric.includes(key)) {
    const list = numeric.join(', ');
    return note(
      'unknown-attribute',
      argument ?? call,
      `没有这个数值属性；可用的有 ${list}`,
      `is no attribute that is a number; known are ${list}`,
    );
  }
  const { attributes } = slots;
  if (!attributes.includes(key)) attributes.push(key);
  return { op: 'attribute', slot: attributes.indexOf(key), key };
}

/** Those that are neither over series nor over any numbers. */
function special(call: Call, context: Context): Typed | null | undefined {
  const { name, args, start, end } = call;
  const as = (type: Type, code: Code | null): Typed | null =>
    code === null ? null : { type, code, start, end };
  const counts: Readonly<Record<string, number>> = {
    hour: 0,
    weekday: 0,
    isKnown: 1,
    age: 1,
    attribute: 1,
    quality: 1,
  };
  if (!Object.hasOwn(counts, name)) return undefined;
  if (args.length !== counts[name]) return wrongArguments(call, context);
  if (name === 'hour' || name === 'weekday') return as('number', { op: name });
  if (name === 'attribute') return as('number', attributeOf(call, context));
  if (name === 'isKnown') {
    const of = context.resolve(args[0] as Syntax);
    return as('truth', of && { op: 'known', of: of.code });
  }
  if (name === 'age') {
    const slot = inputOf(call, args[0], context);
    return as('number', slot === null ? null : { op: 'age', slot });
  }
  return context.note(
    'type-clash',
    call,
    "quality(…) 只能与质量标记比较，如 quality(x) == 'calibration'",
    "a quality is compared with a word: quality(x) == 'calibration'",
  );
}

/** A call, with its faults told. */
export function callOf(call: Call, context: Context): Typed | null {
  const { name, start, end } = call;
  if (name === 'min' || name === 'max') return extreme(call, name, context);
  if (isWindowFunction(name)) return series(call, name, context);
  if (Object.hasOwn(OF_NUMBERS, name)) {
    const { count, type, code } = OF_NUMBERS[name] as (typeof OF_NUMBERS)[string];
    const args = numbers(call, count, context);
    return args === null ? null : { type, code: code(args), start, end };
  }
  const found = special(call, context);
  if (found !== undefined) return found;
  const list = [...new Set([...Object.keys(WRITTEN), ...WINDOW_FUNCTIONS])].join(', ');
  return context.note(
    'unknown-function',
    { start, end: start + name.length },
    `没有函数 ${name}；可用的有 ${list}`,
    `there is no function ${name}; known are ${list}`,
  );
}

/** Whether the quality of an input is a word. */
export function qualityOf(call: Call, word: Range & Syntax, context: Context): Code | null {
  if (call.args.length !== 1) return wrongArguments(call, context);
  const slot = inputOf(call, call.args[0], context);
  const quality = word.kind === 'text' ? qualityCode(word.value) : undefined;
  if (quality === undefined)
    return context.note(
      'unknown-quality',
      word,
      `不是质量标记；可用的有 ${QUALITIES.join(', ')}`,
      `is no word of quality; known are ${QUALITIES.join(', ')}`,
    );
  return slot === null ? null : { op: 'quality', slot, quality };
}

/**
 * From the text of an expression to its syntax tree. The grammar is CEL's and so is the parser; of what it reads only a short
 * white list is let through: no text that is searched, no lists, no loops, no members, nothing of the host.
 */

import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import type { Label } from '@village/core';
import { type ExpressionFault, fault, type Range } from './fault.ts';

export const EXPRESSION_CHARACTERS_MAX = 1024;
export const EXPRESSION_NODES_MAX = 200;
export const EXPRESSION_DEPTH_MAX = 32;

export const COMPARISONS = ['<', '<=', '>', '>=', '==', '!='] as const;
export type Comparison = (typeof COMPARISONS)[number];
export const ARITHMETIC = ['+', '-', '*', '/'] as const;
export type Arithmetic = (typeof ARITHMETIC)[number];

export type Syntax = Range &
  (
    | { readonly kind: 'number'; readonly value: number }
    | { readonly kind: 'truth'; readonly value: boolean }
    | { readonly kind: 'text'; readonly value: string }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'negate' | 'not'; readonly of: Syntax }
    | {
        readonly kind: 'arithmetic';
        readonly operator: Arithmetic;
        readonly left: Syntax;
        readonly right: Syntax;
      }
    | {
        readonly kind: 'comparison';
        readonly operator: Comparison;
        readonly left: Syntax;
        readonly right: Syntax;
      }
    | {
        readonly kind: 'logic';
        readonly operator: '&&' | '||';
        readonly left: Syntax;
        readonly right: Syntax;
      }
    | {
        readonly kind: 'choice';
        readonly test: Syntax;
        readonly yes: Syntax;
        readonly no: Syntax;
      }
    | { readonly kind: 'call'; readonly name: string; readonly args: readonly Syntax[] }
  );

/** Words that CEL keeps for itself, so that nothing can be called so. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  `as break const continue else false for function if import in let loop null package namespace prototype return true
  var void while __proto__`.split(/\s+/),
);

const environment = new Environment({
  limits: { maxAstNodes: EXPRESSION_NODES_MAX, maxDepth: EXPRESSION_DEPTH_MAX },
});

const WIDE = /[\uFF01-\uFF5E\u3000-\u3003\u2018-\u201D\u00D7\u00F7\u2260\u2264\u2265\u2212]/;

/** What the parser's own faults are called, by its codes; others are told in its own words. */
function syntaxMessage(error: ParseError, source: string, { start }: Range): Label {
  const found = source[start] ?? '';
  if (error.code === 'unexpected_character' && WIDE.test(found))
    return {
      zh: `“${found}”不能用：请改用英文半角符号（> < >= <= == && || + - * /）`,
      en: `${found} can't stand here: use the plain signs > < >= <= == && || + - * /`,
    };
  if (source.trim() === '') return { zh: '表达式是空的', en: 'the expression is empty' };
  if (start >= source.length)
    return { zh: '表达式没有写完', en: 'the expression ends before it is complete' };
  if (error.code === 'unexpected_character' && /[=&|]/.test(found))
    return {
      zh: `单个“${found}”不能用：相等是 ==，并且是 &&，或者是 ||`,
      en: `a single ${found} can't stand here: equal is ==, and is &&, or is ||`,
    };
  if (error.code === 'expected_token' && /\d$/.test(source.slice(0, start)))
    return {
      zh: "这里读不懂；时长要加引号，如 avg(x, '10m')",
      en: "can't be read here; a duration stands in quotes: avg(x, '10m')",
    };
  if (error.code === 'reserved_identifier')
    return { zh: '这个词是保留字，不能用', en: 'this word is reserved' };
  if (error.code.startsWith('unterminated'))
    return { zh: '引号没有配对', en: 'a quotation mark has no partner' };
  return { zh: `这里读不懂：${error.summary}`, en: `can't be read: ${error.summary}` };
}

function tooLarge(error: ParseError, range: Range): ExpressionFault {
  const deep = error.summary.includes('maxDepth');
  return deep
    ? fault(
        'too-deep',
        range,
        `嵌套超过 ${EXPRESSION_DEPTH_MAX} 层`,
        `is nested more than ${EXPRESSION_DEPTH_MAX} deep`,
      )
    : fault(
        'too-large',
        range,
        `超过 ${EXPRESSION_NODES_MAX} 个部分`,
        `has more than ${EXPRESSION_NODES_MAX} parts`,
      );
}

function parseFault(error: unknown, source: string): ExpressionFault {
  const whole = { start: 0, end: source.length };
  // A chain of signs is not counted as depth by the parser; it fills the stack before it is refused.
  if (error instanceof RangeError)
    return fault('too-deep', whole, '嵌套过深', 'is nested too deep');
  if (!(error instanceof ParseError)) throw error;
  const range = error.range ?? whole;
  if (error.code === 'limit_exceeded') return tooLarge(error, range);
  const { zh, en } = syntaxMessage(error, source, range);
  return fault('syntax', range, zh, en);
}

/** Thrown inside this file alone, for the first part that is not on the white list. */
class Refused extends Error {
  readonly fault: ExpressionFault;
  constructor(refused: ExpressionFault) {
    super(refused.code);
    this.fault = refused;
  }
}

function refuse(node: ASTNode, zh: string, en: string): never {
  throw new Refused(fault('not-allowed', node, zh, en));
}

function literal(node: ASTNode, value: unknown): Syntax {
  const { start, end } = node;
  if (typeof value === 'boolean') return { kind: 'truth', value, start, end };
  if (typeof value === 'string') return { kind: 'text', value, start, end };
  if (typeof value !== 'number' && typeof value !== 'bigint')
    return refuse(
      node,
      '只能写数字、true、false 和引号里的文字',
      'only numbers, true, false and quoted texts can stand here',
    );
  const number = Number(value);
  if (!Number.isFinite(number)) return refuse(node, '数字太大', 'the number is too large');
  return { kind: 'number', value: number, start, end };
}

const included = <T extends string>(list: readonly T[], word: string): word is T =>
  (list as readonly string[]).includes(word);

function binary(node: ASTNode, args: readonly [ASTNode, ASTNode]): Syntax {
  const { start, end, op: operator } = node;
  if (
    !included(ARITHMETIC, operator) &&
    !included(COMPARISONS, operator) &&
    operator !== '&&' &&
    operator !== '||'
  )
    return refuse(node, `不支持“${operator}”`, `${operator} can't be used`);
  const left = convert(args[0]);
  const right = convert(args[1]);
  if (operator === '&&' || operator === '||')
    return { kind: 'logic', operator, left, right, start, end };
  return included(ARITHMETIC, operator)
    ? { kind: 'arithmetic', operator, left, right, start, end }
    : { kind: 'comparison', operator, left, right, start, end };
}

/** The white list. */
function convert(node: ASTNode): Syntax {
  const { start, end } = node;
  switch (node.op) {
    case 'value':
      return literal(node, node.args);
    case 'id':
      return { kind: 'name', name: node.args, start, end };
    case '-_':
      return { kind: 'negate', of: convert(node.args), start, end };
    case '!_':
      return { kind: 'not', of: convert(node.args), start, end };
    case '?:': {
      const [test, yes, no] = node.args;
      return {
        kind: 'choice',
        test: convert(test),
        yes: convert(yes),
        no: convert(no),
        start,
        end,
      };
    }
    case 'call':
      return { kind: 'call', name: node.args[0], args: node.args[1].map(convert), start, end };
    case 'rcall':
      return refuse(
        node,
        `不支持“.${node.args[0]}(…)”这种写法`,
        `calls such as .${node.args[0]}(…) can't be used`,
      );
    case '.':
    case '.?':
    case '[]':
    case '[?]':
      return refuse(node, '不能取成员', 'members can not be reached');
    case 'list':
    case 'map':
      return refuse(node, '不能用列表', 'lists and maps can not be used');
    default:
      return binary(node, node.args);
  }
}

/** The syntax tree of an expression, or the one fault for which it is none. */
export function parseSyntax(
  source: string,
): { readonly syntax: Syntax } | { readonly fault: ExpressionFault } {
  if (source.length > EXPRESSION_CHARACTERS_MAX)
    return {
      fault: fault(
        'too-long',
        { start: 0, end: source.length },
        `超过 ${EXPRESSION_CHARACTERS_MAX} 个字符`,
        `is longer than ${EXPRESSION_CHARACTERS_MAX} characters`,
      ),
    };
  try {
    return { syntax: convert(environment.parse(source).ast) };
  } catch (error) {
    return { fault: error instanceof Refused ? error.fault : parseFault(error, source) };
  }
}

/** The language of rules: from the text of an expression to a closure over what is known of a device at a moment. */
import type { Code } from './code.ts';
import { evaluatorOf, thresholdOf } from './compile.ts';
import type { Expression, Slots } from './expression.ts';
import type { ExpressionFault } from './fault.ts';
import { resolve } from './resolve.ts';
import { parseSyntax } from './syntax.ts';

export type { Code } from './code.ts';
export * from './expression.ts';
export type { ExpressionFault } from './fault.ts';
export { EXPRESSION_CHARACTERS_MAX, RESERVED_WORDS } from './syntax.ts';

export interface Compiled {
  readonly expression: Expression;
  /** For what is said of it beyond its result, such as whether it can be true together with another. */
  readonly code: Code;
}

/**
 * Compiles an expression, which must be a truth. `slots` gets the series functions and attributes that it uses; hand the
 * same one to all expressions of a rule. With any fault there is no expression.
 */
export function compileExpression(
  source: string,
  slots: Slots,
): { readonly compiled: Compiled | null; readonly faults: readonly ExpressionFault[] } {
  const parsed = parseSyntax(source);
  if ('fault' in parsed) return { compiled: null, faults: [parsed.fault] };
  const { code, faults } = resolve(parsed.syntax, slots);
  if (code === null) return { compiled: null, faults };
  const expression = { source, evaluate: evaluatorOf(code), threshold: thresholdOf(code) };
  return { compiled: { expression, code }, faults };
}

/** What an expression means once every name in it is known: a tree over the slots of a rule. Truths are numbers, 1 and 0. */
import type { WindowCall } from './expression.ts';
import type { Arithmetic, Comparison } from './syntax.ts';

export type Code =
  | { readonly op: 'constant'; readonly value: number }
  /** An input or a counter. */
  | { readonly op: 'value'; readonly slot: number; readonly name: string }
  | { readonly op: 'limit' }
  | { readonly op: 'attribute'; readonly slot: number; readonly key: string }
  | { readonly op: 'age'; readonly slot: number }
  /** Whether the quality of an input's latest value is that one. */
  | { readonly op: 'quality'; readonly slot: number; readonly quality: number }
  | { readonly op: 'window'; readonly slot: number; readonly call: WindowCall }
  | { readonly op: 'hour' | 'weekday' }
  | { readonly op: 'negate' | 'not' | 'known' | 'abs'; readonly of: Code }
  | {
      readonly op: Arithmetic | Comparison | '&&' | '||' | 'min' | 'max' | 'hypot';
      readonly left: Code;
      readonly right: Code;
    }
  | { readonly op: 'choice'; readonly test: Code; readonly yes: Code; readonly no: Code };

/** Codes of two operands. */
export type Binary = Extract<Code, { readonly left: Code }>;

/** The parts of it. */
export function partsOf(code: Code): readonly Code[] {
  if ('left' in code) return [code.left, code.right];
  if ('of' in code) return [code.of];
  return code.op === 'choice' ? [code.test, code.yes, code.no] : [];
}

/** A text that is the same for codes that say the same. */
export function keyOf(code: Code): string {
  switch (code.op) {
    case 'constant':
      return String(code.value);
    case 'value':
      return `v${code.slot}`;
    case 'attribute':
      return `t${code.slot}`;
    case 'age':
      return `a${code.slot}`;
    case 'window':
      return `w${code.slot}`;
    case 'quality':
      return `q${code.slot}=${code.quality}`;
    default:
      return `${code.op}(${partsOf(code).map(keyOf).join()})`;
  }
}

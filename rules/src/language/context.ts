/** What the parts of an expression are resolved with. */
import type { Code } from './code.ts';
import type { Slots } from './expression.ts';
import type { Range } from './fault.ts';
import type { Syntax } from './syntax.ts';

export type Type = 'number' | 'truth';

/** A part whose names are known. */
export interface Typed extends Range {
  readonly type: Type;
  readonly code: Code;
}

/** Each of these tells a fault when it returns null. */
export interface Context {
  readonly slots: Slots;
  readonly resolve: (syntax: Syntax) => Typed | null;
  /** As resolve, and it must be of that type. */
  readonly typed: (syntax: Syntax, type: Type) => Typed | null;
  /** Tells a fault. */
  readonly note: (code: string, range: Range, zh: string, en: string) => null;
}

/** What is wrong with an expression, with its place in the text. */
import type { Label } from '@village/core';

export interface ExpressionFault {
  /** Kebab-case name of the fault, stable across releases. */
  readonly code: string;
  /** Characters of the expression that are at fault: from `start`, before `end`. */
  readonly start: number;
  readonly end: number;
  readonly message: Label;
}

/** Part of an expression's text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export const fault = (
  code: string,
  { start, end }: Range,
  zh: string,
  en: string,
): ExpressionFault => ({ code, start, end, message: { zh, en } });

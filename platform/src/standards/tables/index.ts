/** Every standard that ships. */
import type { GradeStandard } from '../grades.ts';
import type { LimitStandard } from '../limits.ts';
import type { SignalStandard } from '../signals.ts';
import { cma16 } from './cma-16.ts';
import { db33973 } from './db33-973.ts';
import { gb3095 } from './gb-3095.ts';
import { gb3838 } from './gb-3838.ts';
import { gb18918 } from './gb-18918.ts';
import { gbt28591 } from './gb-t-28591.ts';
import { gbt28592 } from './gb-t-28592.ts';

export type AnyStandard = LimitStandard | GradeStandard | SignalStandard;

export const TABLES: readonly AnyStandard[] = [
  gb3095,
  gb3838,
  gb18918,
  db33973,
  gbt28591,
  gbt28592,
  cma16,
];

/** How bad it is: four levels, each with its word, from the one that wakes people to the one that waits for the morning. */
import type { Label } from './area.ts';

/** Worst first. */
export const SEVERITIES = ['critical', 'major', 'minor', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const SEVERITY_NAMES: Readonly<Record<Severity, Label>> = {
  critical: { zh: '紧急', en: 'Critical' },
  major: { zh: '重要', en: 'Major' },
  minor: { zh: '一般', en: 'Minor' },
  info: { zh: '提示', en: 'Info' },
};

/** Whether the first is worse than the second. */
export const isWorse = (one: Severity, other: Severity): boolean =>
  SEVERITIES.indexOf(one) < SEVERITIES.indexOf(other);

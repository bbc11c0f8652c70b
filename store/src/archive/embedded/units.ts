/** The area that rollups count a device in, over time: a list of steps, and where two such lists differ. */
import type { Span } from './view.ts';

/** From `since` (ms) until the next step; the first holds since ever (-Infinity). */
export interface UnitStep {
  readonly since: number;
  readonly unit: number;
}

/** By time, never empty; neighbours differ. */
export type UnitSteps = readonly UnitStep[];

/** Appends a step unless nothing changes with it. */
export function addStep(steps: UnitStep[], step: UnitStep): void {
  if (steps.at(-1)?.unit !== step.unit) steps.push(step);
}

export function sameSteps(a: UnitSteps, b: UnitSteps): boolean {
  return (
    a.length === b.length &&
    a.every((step, i) => step.since === b[i]!.since && step.unit === b[i]!.unit)
  );
}

/** The spans in which the unit is another. */
export function differingSpans(a: UnitSteps, b: UnitSteps): Span[] {
  const spans: { from: number; to: number }[] = [];
  const borders = [...new Set([...a, ...b].map(({ since }) => since))].sort((x, y) => x - y);
  for (const [i, from] of borders.entries()) {
    if (unitAt(a, from) === unitAt(b, from)) continue;
    const to = borders[i + 1] ?? Number.POSITIVE_INFINITY;
    const last = spans.at(-1);
    if (last?.to === from) last.to = to;
    else spans.push({ from, to });
  }
  return spans;
}

function unitAt(steps: UnitSteps, at: number): number {
  return steps.findLast(({ since }) => since <= at)!.unit;
}

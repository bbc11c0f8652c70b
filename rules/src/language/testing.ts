/** What tests of the language share: slots, and facts by name. */
import { type Compiled, compileExpression, type Facts, type Slots } from './index.ts';

export const slotsOf = (
  inputs: readonly string[],
  more: Partial<Pick<Slots, 'hasLimit' | 'counters'>> = {},
): Slots => ({ inputs, windows: [], attributes: [], hasLimit: false, counters: [], ...more });

/** Compiles what must be sound. */
export function soundExpression(source: string, slots: Slots): Compiled {
  const { compiled, faults } = compileExpression(source, slots);
  if (compiled === null) throw new Error(`${source}: ${JSON.stringify(faults)}`);
  return compiled;
}

/** Facts in which these are known and nothing else. */
export function factsOf(
  slots: Slots,
  values: Readonly<Record<string, number>> = {},
  more: Partial<Facts> = {},
): Facts {
  const names = [...slots.inputs, ...slots.counters];
  const none = (length: number): Float64Array => new Float64Array(length).fill(Number.NaN);
  return {
    values: Float64Array.from(names, (name) => values[name] ?? Number.NaN),
    ages: none(names.length),
    qualities: new Int8Array(names.length).fill(-1),
    windows: none(slots.windows.length),
    attributes: none(slots.attributes.length),
    limit: Number.NaN,
    at: Number.NaN,
    ...more,
  };
}

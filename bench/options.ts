/** Options of benchmarks and proofs that are numbers. A word that is none would run for ever, or prove nothing and say `ok`. */
export function numberOption(name: string, text: string, least = 1): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= least) return value;
  throw new Error(`--${name} must be a number from ${least} on, not "${text}"`);
}

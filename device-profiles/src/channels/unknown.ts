/** Keys that a profile does not have, and what they seem to be. */

/** The reason for which a value of that key is refused; `bases` are the keys that metrics of channels begin with. */
export function unknownKey(bases: ReadonlySet<string>, key: string): string {
  for (const base of bases)
    if (key === base || key.startsWith(`${base}-`)) return 'unknown-channel';
  return 'unknown-metric';
}

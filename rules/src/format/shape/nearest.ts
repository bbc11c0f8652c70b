/** What a word was probably meant to be. */

/** Words that differ in more letters than this are no slips of one another. */
const SLIPS_MAX = 3;

/** Letters to put in, leave out, change or swap with the next (optimal string alignment). */
function distance(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = one[i - 1] === other[j - 1] ? 0 : 1;
      const cell = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + change,
      );
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row.push(swapped ? Math.min(cell, (before[j - 2] as number) + 1) : cell);
    }
    before = last;
    last = row;
  }
  return last[other.length] as number;
}

/** The known word that is nearest, when it is near enough to be meant. */
export function nearest(word: string, known: Iterable<string>): string | null {
  const lower = word.toLowerCase();
  let best: string | null = null;
  let least = Math.min(SLIPS_MAX, Math.max(1, Math.floor(word.length / 3))) + 1;
  for (const one of known) {
    if (Math.abs(one.length - word.length) >= least) continue;
    const own = distance(lower, one.toLowerCase());
    if (own < least) [best, least] = [one, own];
  }
  return best;
}

/** What a message adds when a word was probably meant to be another. */
export function meant(
  word: string,
  known: Iterable<string>,
): { readonly zh: string; readonly en: string } {
  const found = nearest(word, known);
  return found === null
    ? { zh: '', en: '' }
    : { zh: `，是不是想写 ${found}`, en: `; did you mean ${found}` };
}

/** First passwords: made at random, of characters that nobody takes for each other. */
const CLASSES = [
  'abcdefghjkmnpqrstuvwxyz',
  'ABCDEFGHJKLMNPQRSTUVWXYZ',
  '23456789',
  '-_.+',
] as const;
const LENGTH = 14;

/** A number below `most`, each as likely as the others. */
function below(most: number): number {
  const limit = 256 - (256 % most);
  for (;;) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < limit) return byte % most;
  }
}

const one = (of: string): string => of[below(of.length)] ?? '';

/** A password as the server asks for: one of each class, the rest of any, in any order. */
export function makePassword(): string {
  const all = CLASSES.join('');
  const signs = CLASSES.map(one);
  while (signs.length < LENGTH) signs.push(one(all));
  for (let n = signs.length - 1; n > 0; n--) {
    const other = below(n + 1);
    [signs[n], signs[other]] = [signs[other] ?? '', signs[n] ?? ''];
  }
  return signs.join('');
}

/** For tests: how often the loop goes round while long work is done, on however quick a machine. */

/** What one look at the clock takes here, ms: a slice ends after ten of them. */
const LOOK_MS = 0.05;

/** Work of which each step looks at the clock gives others their turn every ten steps. */
export async function turnsOf<T>(work: () => Promise<T>): Promise<[turns: number, result: T]> {
  const clock = performance.now;
  let [now, turns, over] = [0, 0, false];
  const again = (): void => {
    turns++;
    if (!over) setImmediate(again);
  };
  setImmediate(again);
  performance.now = () => (now += LOOK_MS);
  try {
    const result = await work();
    return [turns, result];
  } finally {
    over = true;
    performance.now = clock;
  }
}

/** The browser of a file of tests: begun before them, skipped where there is none, with pages closed after each. */
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Bench, hasChromium, type OpenPage, startBench } from './testing.ts';

/** For a whole test, and for what comes before and after all of them. */
export const BROWSER_TEST_MS = 90_000;

/** To be called in a `describe`; `ready` gets the bench before the first test. */
export function withBench(
  ready: (bench: Bench) => Promise<void> | void,
  given?: Parameters<typeof startBench>[0],
): void {
  let bench: Bench | undefined;
  const open: OpenPage[] = [];
  beforeAll(async () => {
    if (!hasChromium) return;
    const own = await startBench(given);
    bench = own;
    const page: Bench['page'] = async (...asked) => {
      const opened = await own.page(...asked);
      open.push(opened);
      return opened;
    };
    await ready({ ...own, page });
  }, BROWSER_TEST_MS);
  beforeEach((test) => {
    if (!hasChromium) test.skip();
    return async () => {
      for (const { context } of open.splice(0)) await context.close();
    };
  });
  afterAll(() => bench?.close(), BROWSER_TEST_MS);
}

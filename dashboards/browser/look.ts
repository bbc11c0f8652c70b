/** What is wrong with a page as it stands, whoever looks: what axe finds, and what is wider than the window. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from './testing.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Everything that the keyboard must reach: what is shown, not disabled and can be operated. */
export const OPERABLE = 'a[href], button, select, input, summary, [tabindex="0"]';

/** Waits until what is loaded is there: a panel may begin to load when another is done. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1, .notice').first().waitFor();
  let before = -1;
  for (let same = 0; same < 5; ) {
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    const now = await page.locator(OPERABLE).count();
    same = now === before ? same + 1 : 0;
    before = now;
    await page.waitForTimeout(100);
  }
}

/** Pixels by which the page is wider than its window. */
export const sideways = (page: Page): Promise<number> =>
  page.evaluate(() =>
    Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth),
  );

/** What axe and the window have to say against a page. */
export async function complaints(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate<AxeResults>(
    `axe.run(document, { resultTypes: ['violations'] })`,
  );
  if (passes.length <= 10) throw new Error(`axe saw next to nothing: ${passes.length} rules`);
  const wide = await sideways(page);
  return [
    ...violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' ')}`,
    ),
    ...(wide > 0 ? [`${wide} px too wide`] : []),
  ];
}

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
  for (let same = 0; same < 4; ) {
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    const now = await page.locator(OPERABLE).count();
    same = now === before ? same + 1 : 0;
    before = now;
    await page.waitForTimeout(60);
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

/** Texts by key, each in both languages. */
export type Words = Readonly<Record<string, { readonly zh: string; readonly en: string }>>;

/**
 * Text that stands on a page of one language and is of the other one, or is the name of a text. `given` is what people have called
 * things: it is said as they did. In Chinese, English is known by the console's own texts and by its small words.
 */
export async function untranslated(
  page: Page,
  language: 'zh' | 'en',
  texts: readonly Words[],
  given: readonly string[],
): Promise<string[]> {
  const shown = await page.evaluate(() => {
    const found: string[] = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node !== null; node = walk.nextNode()) {
      const above = node.parentElement;
      if (above === null || above.closest('script, style, pre, code, output') !== null) continue;
      if (above.checkVisibility()) found.push(node.textContent?.trim() ?? '');
    }
    for (const node of document.querySelectorAll('[aria-label], [title], [placeholder]'))
      for (const name of ['aria-label', 'title', 'placeholder'])
        found.push(node.getAttribute(name) ?? '');
    return found.filter((text) => text !== '');
  });
  const keys = new Set<string>();
  const english = new Set<string>();
  for (const words of texts)
    for (const [key, { zh, en }] of Object.entries(words)) {
      if (/[.-]/.test(key)) keys.add(key);
      if (en !== zh && /[a-z]{3}/.test(en)) english.add(en);
    }
  const names = [...given].sort((a, b) => b.length - a.length);
  const isForeign = (text: string): boolean => {
    if (names.includes(text)) return false;
    if (keys.has(text) || /\{\w+\}/.test(text)) return true;
    if (language === 'zh')
      return english.has(text) || / (?:the|of|is|are|and|not|has|was|to) /.test(text);
    const rest = names.reduce((left, name) => left.replaceAll(name, ''), text);
    return /\p{Script=Han}/u.test(rest);
  };
  return [...new Set(shown.filter(isForeign))].map((text) => `untranslated: ${text.slice(0, 160)}`);
}

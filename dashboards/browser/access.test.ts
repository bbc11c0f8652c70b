import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { complaints, OPERABLE, settled } from './look.ts';
import type { Bench, Page } from './testing.ts';

/** Pages of the console and how each is reached. */
const PATHS = {
  'sign-in': '/',
  overview: '/',
  map: '/map',
  village: '/areas/330522002201',
  profiles: '/profiles',
  devices: '/devices',
  'nothing found': '/devices?q=nothing-has-this-name',
  device: '/devices/{sewage}',
  'device as a table': '/devices/{sewage}?view=table&range=7d',
  'device never heard': '/devices/{never}',
  figure: '/devices/{sewage}/figures?figure=hours-above:water.cod&at={day}',
  'figure of an area': '/areas/330522002000/figures?figure=area-hours-above:water.cod&at={day}',
  'figure that is none': '/devices/{sewage}/figures?figure=none&at={day}',
  corrections: '/corrections',
  correcting: '/corrections/devices/{sewage}',
  quarantine: '/quarantine',
  system: '/system',
  areas: '/areas',
  borders: '/map/borders',
  gateways: '/gateways',
  'client ids': '/client-ids',
  people: '/people',
  roles: '/people/roles',
  tokens: '/tokens',
  audit: '/audit',
  configuration: '/system/configuration',
  settings: '/settings',
  missing: '/devices/none',
} as const;
type Name = keyof typeof PATHS;
const NAMES = Object.keys(PATHS) as Name[];

describe('everybody can use', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ rights: ALL_RIGHTS });
  });

  const pathOf = (name: Name): string => {
    const sewage = county.devices.find(
      ({ id, state }) => id.startsWith('sewage') && state === 'online',
    );
    const never = county.devices.find(({ state }) => state === 'never');
    return PATHS[name]
      .replace('{sewage}', sewage?.id ?? '')
      .replace('{never}', never?.id ?? '')
      .replace('{day}', new Date(Date.now() - 3 * 86_400_000).toISOString());
  };
  const open = (name: Name, options: { narrow: boolean }) =>
    bench.page(county, {
      path: pathOf(name),
      signIn: name !== 'sign-in',
      // A phone in the dark and in English, a desktop in daylight and in Chinese: both themes, both languages.
      ...(options.narrow
        ? { width: 390, height: 844, dark: true, language: 'en' as const }
        : { dark: false }),
    });

  /** What is to be touched and has less than 44 px; a box to tick is touched by its label. */
  const tooSmall = (page: Page): Promise<string[]> =>
    page.$$eval('a[href], button, select, input, summary', (nodes) =>
      nodes
        .filter((node) => node.checkVisibility() && !node.classList.contains('skip'))
        .filter((node) => {
          const { width, height } = (
            node.matches('input[type=checkbox]') ? (node.closest('label') ?? node) : node
          ).getBoundingClientRect();
          return Math.min(width, height) < 43.5;
        })
        .map((node) => node.outerHTML.slice(0, 120)),
    );

  /** Presses Tab from the top until focus leaves the page; `data-stop` marks what must be reached. */
  async function tabThrough(page: Page, most: number): Promise<string[]> {
    const stops: string[] = [];
    for (let presses = 0; presses < 3 * most + 30 && stops.length < most + 5; presses++) {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate(() => {
        const node = document.activeElement;
        if (node === null || node === document.body) return null;
        const { outlineStyle, outlineWidth } = getComputedStyle(node);
        const box = node.getBoundingClientRect();
        return {
          stop: node.getAttribute('data-stop') ?? node.outerHTML.slice(0, 80),
          ring: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2,
          seen: box.bottom > 0 && box.top < innerHeight && box.width > 0,
        };
      });
      // A field for a time has several places of its own.
      if (stop !== null && stop.stop === stops.at(-1)) continue;
      if (stop === null || stops.includes(stop.stop)) break;
      expect(stop, `stop ${stops.length}`).toMatchObject({ ring: true, seen: true });
      stops.push(stop.stop);
    }
    return stops;
  }

  /** Choices that reach beyond the place that they stand in, over their neighbour or out of the page. */
  const sticksOut = (page: Page): Promise<string[]> =>
    page.$$eval('select', (nodes) =>
      nodes
        .filter((node) => node.checkVisibility())
        .filter((node) => {
          const place = node.parentElement?.getBoundingClientRect();
          return node.getBoundingClientRect().right > (place?.right ?? 0) + 1;
        })
        .map((node) => node.outerHTML.slice(0, 120)),
    );

  it.each(NAMES)(
    '%s: axe finds nothing, the keyboard reaches everything in order and shows where it is',
    async (name) => {
      const { page, context } = await open(name, { narrow: false });
      await settled(page);
      const expected = await page.$$eval(OPERABLE, (nodes) =>
        nodes
          .filter((node) => node.checkVisibility() && !node.matches(':disabled'))
          .map((node, index) => {
            node.setAttribute('data-stop', String(index));
            return String(index);
          }),
      );
      expect(expected.length).toBeGreaterThan(2);
      expect(await tabThrough(page, expected.length)).toEqual(expected);
      if (name === 'device') await page.getByText('逐时明细').click();
      expect(await complaints(page)).toEqual([]);
      await context.close();
    },
  );

  it.each(NAMES)(
    '%s on a phone, in English, in the dark: axe finds nothing, nothing is too small for a thumb or too wide',
    async (name) => {
      const { page, context } = await open(name, { narrow: true });
      await settled(page);
      expect(await complaints(page)).toEqual([]);
      expect(await tooSmall(page)).toEqual([]);
      expect(await sticksOut(page)).toEqual([]);
      await context.close();
    },
  );

  it('a page is worked without a pointer: skip, menu, chart, table', async () => {
    const { page, context, faults } = await open('device', { narrow: false });
    await settled(page);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    // Another page is read from its beginning, not from where a link stood that is gone.
    await page.getByRole('link', { name: '长兴县' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: '长兴县' }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await page.goBack();
    await settled(page);
    const custom = page.locator('summary').filter({ hasText: '自定义' });
    await custom.focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('从', { exact: true }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    await page.getByLabel('从', { exact: true }).waitFor({ state: 'hidden' });
    expect(await custom.evaluate((node) => node === document.activeElement)).toBe(true);
    await page.getByRole('link', { name: '数据表' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('columnheader', { name: '接收时间' }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it.each(['overview', 'device', 'devices'] as const)(
    '%s: nothing jumps while it loads',
    async (name) => {
      const { page, context } = await open(name, { narrow: false });
      await settled(page);
      const shift = await page.evaluate(
        () =>
          new Promise<number>((resolve) => {
            let sum = 0;
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries())
                sum += (entry as PerformanceEntry & { value: number }).value;
            }).observe({ type: 'layout-shift', buffered: true });
            requestAnimationFrame(() =>
              requestAnimationFrame(() => setTimeout(() => resolve(sum))),
            );
          }),
      );
      // What is called good on the web is 0.1.
      expect(shift).toBeLessThan(0.02);
      await context.close();
    },
  );
});

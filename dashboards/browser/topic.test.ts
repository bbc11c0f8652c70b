/** A topic is added by its own folder and nothing else: built into the console, it has page, texts, style and navigation. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import type { Bench, OpenPage } from './testing.ts';

const TOY = fileURLToPath(new URL('./fixture/toy/', import.meta.url));
const HOLDS = { modules: ['toy'], rights: ['devices.read', 'toys.read'] };

describe('a topic of its own folder', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;

  withBench(
    (started) => {
      bench = started;
    },
    { topics: [TOY] },
  );

  async function show(
    holds: { modules?: readonly string[]; rights?: readonly string[] },
    options: Parameters<Bench['page']>[1],
  ): Promise<OpenPage> {
    const county = await bench.fixture({ devices: 3, ...holds });
    const opened = await bench.page(county, options);
    return opened;
  }

  it('is in the navigation, shows its page in its style, and is reached by its address', async () => {
    const { page, faults } = await show(HOLDS, {});
    await page.getByRole('heading', { level: 1 }).waitFor();
    const names = await page.getByRole('navigation').first().getByRole('link').allInnerTexts();
    expect(names).toEqual(['总览', '地图', '设备', '示例模块', '设备类型', '设置']);
    await page.getByRole('link', { name: '示例模块' }).click();
    await page.getByRole('heading', { level: 1, name: '示例模块' }).waitFor();
    await expect.poll(() => page.title()).toBe('示例模块 · 数字乡村');
    expect(
      await page
        .getByText('请选择一件玩具')
        .evaluate((node) => getComputedStyle(node).borderLeftWidth),
    ).toBe('4px');
    await page.getByRole('link', { name: '陀螺' }).click();
    await page.getByText('这是陀螺').waitFor();
    expect(await page.locator('nav [aria-current=page]').innerText()).toBe('示例模块');
    await page.reload();
    await page.getByText('这是陀螺').waitFor();
    expect(faults).toEqual([]);
  });

  it('speaks English, on a phone too', async () => {
    const { page } = await show(HOLDS, { path: '/toys', language: 'en', width: 390, height: 844 });
    await page.getByText('Choose a toy').waitFor();
    await page.getByRole('link', { name: 'Toy module' }).waitFor();
  });

  it('has room in a phone’s bar, whose last entry holds what is too much for it', async () => {
    const rights = ['devices.read', 'toys.read', 'quarantine.read', 'system.read'];
    const { page, faults } = await show(
      { modules: ['toy'], rights },
      { path: '/toys', width: 360, height: 780 },
    );
    const bar = page.getByRole('navigation', { name: '主导航' });
    await bar.getByText('更多').waitFor();
    const shown = (): Promise<string[]> => bar.getByRole('link').allInnerTexts();
    expect(await shown()).toEqual(['总览', '地图', '设备', '示例模块']);
    await bar.locator('summary').focus();
    await page.keyboard.press('Enter');
    expect((await shown()).slice(4)).toEqual(['隔离区', '设备类型', '系统', '设置']);
    for (const link of await bar.locator('a, summary').all()) {
      const box = await link.boundingBox();
      expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(44);
    }
    await page.keyboard.press('Escape');
    expect(await shown()).toHaveLength(4);
    await bar.locator('summary').click();
    await bar.getByRole('link', { name: '设置' }).click();
    await page.getByRole('heading', { level: 1, name: '设置' }).waitFor();
    await expect.poll(shown).toHaveLength(4);
    expect(faults).toEqual([]);
  });

  it.each([
    ['the module is off', { ...HOLDS, modules: [] }],
    ['the right is missing', { ...HOLDS, rights: ['devices.read'] }],
    ['the server says nothing of rights', {}],
  ])('is neither listed nor shown when %s', async (_, holds) => {
    const { page } = await show(holds, { path: '/toys' });
    await page.getByRole('heading', { name: '没有查看权限' }).waitFor();
    expect(await page.getByRole('link', { name: '示例模块' }).count()).toBe(0);
    expect(await page.getByText('请选择一件玩具').count()).toBe(0);
  });
});

/** The page of device types in Chromium: what they measure, and the check of a file. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench } from './testing.ts';

describe('device types', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 3, rights: ALL_RIGHTS });
  });

  const yaml = (text: string) => ({
    name: 'type.yaml',
    mimeType: 'text/yaml',
    buffer: Buffer.from(text),
  });

  it.each([
    [1440, 'zh'],
    [390, 'en'],
  ] as const)(
    'are listed with what they measure, and a file is checked (%i px, %s)',
    async (width, language) => {
      const opened = await bench.page(county, { path: '/profiles', width, language });
      const { page, faults } = opened;
      const zh = language === 'zh';
      const type = page.getByText(zh ? '农村污水站 SW-8' : 'Rural sewage station SW-8');
      await type.click();
      await page
        .getByRole('row', { name: zh ? /^化学需氧量/ : /^Chemical oxygen demand|^COD/ })
        .first()
        .waitFor();
      const check = page.getByRole('button', { name: zh ? '校验' : 'Check', exact: true });
      await page.locator('input[type=file]').setInputFiles(yaml('nothing'));
      await check.click();
      await page.getByText(zh ? '第 7 行第 7 列' : 'line 7, column 7').waitFor();
      expect(await page.getByText('只能是其中之一').count()).toBe(zh ? 1 : 0);
      await page.locator('input[type=file]').setInputFiles(yaml('profile: demo/sewage-8'));
      await check.click();
      await page.getByText(zh ? '文件无误' : 'The file is sound').waitFor();
      await page.getByText(zh ? /不再有：blower/ : /no longer have: blower/).waitFor();
      await page.getByRole('button', { name: zh ? '试解析' : 'Try', exact: true }).click();
      await page.getByText(zh ? /待处理 3 条，试了最新的 2 条/ : /Kept aside: 3/).waitFor();
      await page.getByText('values.valve: has no such metric').waitFor();
      const adopt = page.getByRole('button', { name: zh ? /^启用（/ : /^Take in/ });
      expect(await adopt.isDisabled()).toBe(true);
      await page.getByLabel(zh ? '我知道这些会失去，仍要启用' : 'I know what is lost').check();
      await adopt.click();
      await page.getByText(zh ? /不会自动得到新文件：gw-0001/ : /by themselves: gw-0001/).waitFor();
      const links = page.getByRole('link', { name: zh ? /^下载文件/ : /^Download/ });
      await links.and(page.locator('[href*="of=waiting"]')).first().waitFor();
      const back = page.getByRole('button', { name: zh ? /^撤回/ : /^Take back/ });
      await back.click();
      await back.waitFor({ state: 'detached' });
      // What was taken in is told as that, and goes at the next start once it is confirmed.
      await page
        .locator('summary')
        .filter({ hasText: zh ? '本页添加' : 'taken in here' })
        .click();
      await page.getByRole('button', { name: zh ? /^移除 / : /^Remove / }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText(zh ? /在用 3 台，已停用 1 台/ : /in service 3, retired 1/).waitFor();
      await dialog.getByRole('checkbox').check();
      await dialog.getByRole('button', { name: zh ? /^移除（/ : /^Remove \(/ }).click();
      await back.waitFor();
      await page
        .getByText(zh ? '移除，下次启动生效' : 'removed at the next start')
        .first()
        .waitFor();
      await back.click();
      await back.waitFor({ state: 'detached' });
      expect(await sideways(page)).toBe(0);
      expect(faults).toEqual([]);
    },
  );

  it('show no check to who may not', async () => {
    const clerks = await bench.fixture({ devices: 3, role: 'clerk' });
    const opened = await bench.page(clerks, { path: '/profiles' });
    await opened.page.getByText('农村污水站 SW-8').waitFor();
    expect(await opened.page.locator('input[type=file]').count()).toBe(0);
  });
});

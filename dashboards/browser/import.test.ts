/** Importing a file: the question of its encoding, faults by cell, and secrets shown once, in Chromium. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench } from './testing.ts';

describe('a file to import', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 3, rights: ALL_RIGHTS });
  });

  it.each([
    [1440, 'zh'],
    [390, 'zh'],
    [1440, 'en'],
    [390, 'en'],
  ] as const)(
    'is asked about with both readings side by side (%i px, %s)',
    async (width, language) => {
      const opened = await bench.page(county, { path: '/import', width, language });
      const { page, faults } = opened;
      const zh = language === 'zh';
      const nothing = { name: 'empty.csv', mimeType: 'text/csv', buffer: Buffer.from('') };
      await page.locator('input[type=file]').setInputFiles(nothing);
      await page.getByRole('button', { name: zh ? '导入' : 'Import', exact: true }).click();
      await page
        .getByRole('alert')
        .getByText(zh ? '空文件' : 'is empty')
        .waitFor();
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: zh ? '下载空表' : 'Download an empty table' }).click();
      const template = await readFile(await (await download).path(), 'utf8');
      expect(template).toMatch(
        zh ? /^\ufeff设备编号,设备名称,.*时钟\r\n$/ : /^\ufeffid,name,.*clock\r\n$/,
      );
      const file = { name: 'devices.csv', mimeType: 'text/csv', buffer: Buffer.from('id,name\n') };
      await page.locator('input[type=file]').setInputFiles(file);
      await page.getByRole('button', { name: zh ? '导入' : 'Import', exact: true }).click();
      const question = page.getByRole('region', {
        name: zh ? '这个文件是哪种编码？' : 'Which encoding is this file in?',
      });
      await question.waitFor();
      const sides = question.locator('.import-reading');
      expect(await sides.count()).toBe(2);
      expect(await sides.nth(0).innerText()).toContain('Сѧ');
      expect(await sides.nth(1).innerText()).toContain('小学');
      const [left, right] = await sides.evaluateAll((all) =>
        all.map((one) => one.getBoundingClientRect().toJSON() as DOMRect),
      );
      expect(left?.top).toBe(right?.top);
      expect(right?.left).toBeGreaterThanOrEqual((left?.right ?? 0) - 1);
      expect(await sideways(page)).toBe(0);
      const shots = process.env['VILLAGE_SHOTS'];
      if (shots !== undefined)
        await page.screenshot({ path: `${shots}/import-${width}-${language}.png`, fullPage: true });
      const buttons = question.getByRole('button');
      await buttons.nth(0).click();
      const rows = page.getByRole('region', { name: zh ? '有错误的行' : 'Rows with faults' });
      await rows.waitFor();
      expect(await rows.innerText()).toContain('HB20-000117');
      expect(await rows.locator('.import-wrong').allInnerTexts()).toEqual(['330522100201']);
      expect(await rows.innerText()).toContain(zh ? '不是您的区域' : 'is no area of yours');
      expect(await rows.innerText()).toContain('D2');
      // A row that is cut off is none of the table.
      const others = page.getByRole('table').last();
      expect(await others.innerText()).toContain(zh ? '第 7 行' : 'row 7');
      expect(await sideways(page)).toBe(0);
      if (shots !== undefined)
        await page.screenshot({
          path: `${shots}/import-faults-${width}-${language}.png`,
          fullPage: true,
        });
      await page.getByRole('button', { name: zh ? '导入' : 'Import', exact: true }).click();
      await question.waitFor();
      await buttons.nth(1).click();
      await page.getByText('x8Kq2mV5rT9wY3zA7bC1dE').waitFor();
      if (shots !== undefined)
        await page.screenshot({
          path: `${shots}/import-done-${width}-${language}.png`,
          fullPage: true,
        });
      // Secrets that are shown once do not go by a slip: not with another file, another page or the window.
      const chooser = page.locator('input[type=file]');
      const asks = () =>
        page.evaluate(() => !dispatchEvent(new Event('beforeunload', { cancelable: true })));
      expect(await chooser.isDisabled()).toBe(true);
      expect(await page.getByRole('radio').first().isDisabled()).toBe(true);
      await page.getByRole('link', { name: zh ? '查看设备' : 'See the devices' }).click();
      await page.getByRole('heading', { name: zh ? '设备' : 'Devices', level: 1 }).waitFor();
      expect(await asks()).toBe(true);
      await page.goBack();
      await page.getByText('x8Kq2mV5rT9wY3zA7bC1dE').waitFor();
      const kept = page.waitForEvent('download');
      await page
        .getByRole('button', { name: zh ? '下载密钥（CSV）' : 'Download secrets (CSV)' })
        .click();
      expect(await readFile(await (await kept).path(), 'utf8')).toContain('x8Kq2mV5rT9wY3zA7bC1dE');
      expect(await asks()).toBe(false);
      await chooser.setInputFiles(file);
      await page.getByText('x8Kq2mV5rT9wY3zA7bC1dE').waitFor({ state: 'detached' });
      expect(faults.filter((fault) => !fault.includes('422'))).toEqual([]);
    },
  );
});

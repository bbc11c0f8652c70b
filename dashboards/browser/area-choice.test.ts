/** Choosing one of hundreds and of thousands of areas: by search, by keys, on a phone, with a list that stays short. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { complaints } from './look.ts';
import type { Bench } from './testing.ts';

/** Areas that stand in the list at once. */
const SHOWN_MAX = 100;
/** The fixture's county, townships and five villages of each. */
const OWN = 1 + 15 + 75;

describe('an area is chosen', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;

  withBench((started) => {
    bench = started;
  });

  const county = (villages: number) => bench.fixture({ devices: 3, rights: ALL_RIGHTS, villages });

  it.each([450, 4_000])('of %i by keys alone', async (villages) => {
    const { page, faults } = await bench.page(await county(villages), { path: '/people' });
    await page.getByRole('button', { name: '添加用户' }).press('Enter');
    const dialog = page.getByRole('dialog', { name: '添加用户' });
    await dialog.getByLabel('用户名').fill('zhou.min');
    await dialog.getByLabel('姓名', { exact: true }).fill('周敏');
    const list = dialog.getByRole('radiogroup', { name: '管辖范围' });
    const radios = list.getByRole('radio');
    // Of nothing typed: the county and its townships, none of which is chosen; the rest is told.
    await radios.nth(15).waitFor({ timeout: 60_000 });
    expect(await radios.count()).toBe(16);
    expect(await list.getByRole('radio', { checked: true }).count()).toBe(0);
    await list.getByRole('radio', { name: '长兴县' }).check();
    await dialog.getByText(`还有 ${OWN + villages - 16} 个`).waitFor();
    expect(await complaints(page)).toEqual([]);
    // Too much is found (one of the fixture’s own has the sign too): the list stays as long as it was, and says how much more there is.
    const search = dialog.getByLabel('按名称或代码查找区域');
    await search.focus();
    await page.keyboard.type('第');
    await expect.poll(() => radios.count()).toBe(SHOWN_MAX + 1);
    await dialog.getByText(`还有 ${villages + 1 - SHOWN_MAX} 个`).waitFor();
    // A township leads to what lies in it, and two words to one village: Enter takes it and sends nothing.
    await search.fill('洪桥 第20村');
    await expect.poll(() => radios.count()).toBe(2);
    await search.press('Enter');
    const village = list.getByRole('radio', { name: /^第20村/ });
    await expect.poll(() => village.isChecked()).toBe(true);
    expect(await dialog.locator('output').count()).toBe(0);
    // The arrows go from the field into the list and through it.
    await search.fill('洪桥');
    const hongqiao = list.getByRole('radio', { name: /^洪桥镇/ });
    await hongqiao.waitFor();
    await search.press('ArrowDown');
    await expect.poll(() => hongqiao.isChecked()).toBe(true);
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => hongqiao.isChecked()).toBe(false);
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => hongqiao.isChecked()).toBe(true);
    await page.keyboard.press('Enter');
    await dialog.getByText('请把密码交给用户').waitFor();
    await page.getByRole('button', { name: '已记下，关闭' }).press('Enter');
    expect(await page.locator('tr').filter({ hasText: 'zhou.min' }).innerText()).toContain(
      '洪桥镇',
    );
    expect(faults).toEqual([]);
  });

  it('of thousands on a phone, in English, in the dark', async () => {
    const { page, faults } = await bench.page(await county(4_000), {
      path: '/tokens',
      ...{ width: 390, height: 844, dark: true, language: 'en' },
    });
    await page.getByRole('button', { name: 'Make a token' }).click();
    const dialog = page.getByRole('dialog', { name: 'Make a token' });
    await dialog.getByLabel('What it is for').fill('display');
    await dialog.getByLabel('Find an area by name or code').fill('hongqiao shangsian');
    const village = dialog.getByRole('radio', { name: /^Shangsian/ });
    const box = await village.locator('xpath=..').boundingBox();
    expect(box?.height).toBeGreaterThanOrEqual(44);
    await village.check();
    await dialog.getByLabel('Find an area by name or code').fill('nowhere');
    await dialog.getByText('No such area').waitFor();
    // What was chosen stays in sight, and where it lies is said.
    await dialog.getByText(/Changxing › /).waitFor();
    expect(await complaints(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Make it' }).click();
    const secret = dialog.getByRole('status', { name: 'Token (shown this once)' });
    await secret.waitFor();
    await page.getByRole('button', { name: 'Kept, close' }).click();
    await page.getByRole('listitem').filter({ hasText: 'Shangsian' }).waitFor();
    expect(faults).toEqual([]);
  });
});

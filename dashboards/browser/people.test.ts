/** People, tokens and the audit log, used as an administrator does, in Chromium. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench, Page } from './testing.ts';

describe('an administrator', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;

  withBench((started) => {
    bench = started;
  });

  const county = (): Promise<Fixture> => bench.fixture({ devices: 3, rights: ALL_RIGHTS });
  async function go(server: Fixture, path: string, width = 1440): Promise<Page> {
    const opened = await bench.page(server, { path, width });
    await opened.page.locator('h1').first().waitFor();
    return opened.page;
  }
  const shots = process.env['VILLAGE_SHOTS'];
  const picture = async (page: Page, name: string): Promise<void> => {
    if (shots !== undefined) await page.screenshot({ path: `${shots}/${name}.png` });
  };
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

  it.each([1440, 390])(
    'adds a person with a password that is shown once (%i px)',
    async (width) => {
      const page = await go(await county(), '/people', width);
      await button(page, '添加用户').click();
      const dialog = page.getByRole('dialog', { name: '添加用户' });
      await dialog.getByLabel('用户名').fill('admin');
      await dialog.getByLabel('姓名', { exact: true }).fill('周敏');
      await dialog.getByRole('combobox', { name: '角色' }).selectOption('officer');
      // Nobody gets the whole county because an area was not thought of: the browser asks for one.
      await button(page, '添加并生成密码').click();
      expect(await dialog.locator('input[name=area]:invalid').count()).toBeGreaterThan(0);
      const township = '洪桥镇';
      await dialog.getByLabel('按名称或代码查找区域').fill(township);
      await dialog.getByRole('radio', { name: township }).first().check();
      await picture(page, `add-${width}`);
      await button(page, '添加并生成密码').click();
      await dialog.getByRole('alert').getByText('已被使用').waitFor();
      await dialog.getByLabel('用户名').fill('zhou.min');
      await button(page, '添加并生成密码').click();
      const password = await dialog.locator('output').innerText();
      expect(password).toMatch(/^\S{14}$/);
      // It does not go by a slip of the hand.
      await page.keyboard.press('Escape');
      expect(await dialog.isVisible()).toBe(true);
      await picture(page, `added-${width}`);
      await button(page, '已记下，关闭').click();
      const line = page.locator('tr, li').filter({ hasText: 'zhou.min' });
      await line.waitFor();
      expect(await line.innerText()).toContain('首次登录须改密码');
      expect(await line.innerText()).toContain(township);
      expect(await page.content()).not.toContain(password);
      expect(await sideways(page)).toBe(0);
    },
  );

  it('a dialog goes by Escape, and the focus is again on what opened it', async () => {
    const page = await go(await county(), '/people', 1440);
    const opener = button(page, '添加用户');
    const dialog = page.getByRole('dialog', { name: '添加用户' });
    for (const leave of [
      () => page.keyboard.press('Escape'),
      () => dialog.getByRole('button', { name: '取消' }).click(),
    ]) {
      await opener.press('Enter');
      await dialog.getByLabel('用户名').waitFor();
      await leave();
      await dialog.waitFor({ state: 'detached' });
      await expect.poll(() => opener.evaluate((one) => one === document.activeElement)).toBe(true);
    }
  });

  it('hears that another has changed the person meanwhile, and loses nothing', async () => {
    const server = await county();
    const page = await go(server, '/people');
    const line = page.locator('tr').filter({ hasText: 'user-1' });
    await line.getByRole('button').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('姓名', { exact: true }).fill('王国');
    server.changePerson('user-1', { role: 'clerk' });
    await button(page, '保存').click();
    await dialog.getByText('您的修改没有保存').waitFor();
    await dialog.getByText('现在是：王建国，村级信息员').waitFor();
    await picture(page, 'other');
    await button(page, '载入最新内容').click();
    expect(await dialog.getByLabel('姓名', { exact: true }).inputValue()).toBe('王建国');
    expect(await dialog.getByRole('combobox', { name: '角色' }).inputValue()).toBe('clerk');
    await dialog.getByLabel('姓名', { exact: true }).fill('王国');
    await button(page, '保存').click();
    await page.getByRole('status').getByText('已保存 王国').waitFor();
    await line.getByText('村级信息员').waitFor();
  });

  it('locks, unlocks, resets and removes; the last administrator of the county stays', async () => {
    const page = await go(await county(), '/people');
    const line = page.locator('tr').filter({ hasText: 'user-6' });
    const edit = () => line.getByRole('button').click();
    await edit();
    await button(page, '锁定').click();
    await page.getByText('锁定 费根荣？').waitFor();
    await button(page, '锁定').click();
    await line.getByText('已锁定').waitFor();
    await edit();
    await button(page, '解除锁定').click();
    await line.getByText('已锁定').waitFor({ state: 'detached' });
    await edit();
    await button(page, '重设密码').click();
    await button(page, '重设密码').click();
    await page.getByRole('dialog').locator('output').waitFor();
    await button(page, '已记下，关闭').click();
    await edit();
    await picture(page, 'edit');
    await button(page, '删除').click();
    await button(page, '删除').click();
    await line.waitFor({ state: 'detached' });
    await page.locator('tr').filter({ hasText: '陈晓' }).getByRole('button').click();
    expect(await button(page, '删除').count()).toBe(0);
    await page.getByRole('dialog').getByRole('combobox', { name: '角色' }).selectOption('clerk');
    await button(page, '保存').click();
    await button(page, '确认修改').click();
    await page.getByText('最后一位全县管理员').waitFor();
  });

  it('makes a token that is shown once with a line to try it, and revokes one', async () => {
    const page = await go(await county(), '/tokens');
    await button(page, '创建令牌').click();
    await page.getByLabel('用途').fill('水文站');
    await page.getByRole('radio', { name: '洪桥镇' }).check();
    await picture(page, 'token');
    await button(page, '创建').click();
    const outputs = page.locator('dialog output');
    await outputs.nth(1).waitFor();
    const [token = '', line = ''] = await outputs.allInnerTexts();
    expect(line).toContain(`Bearer ${token}`);
    expect(line).toContain(`${new URL(page.url()).origin}/api/v1/devices`);
    await picture(page, 'token-made');
    await button(page, '已保存，关闭').click();
    // The newest first, whatever there is; and found by a part of its name.
    const names = page.locator('tbody th');
    await expect.poll(() => names.first().innerText()).toBe('水文站');
    await page.getByRole('searchbox').fill('大屏');
    await expect.poll(() => names.allInnerTexts()).toEqual(['大屏展示']);
    await page.getByRole('searchbox').fill('没有的');
    await page.getByText('没有找到令牌').waitFor();
    await page.getByRole('link', { name: '显示全部' }).click();
    const row = page.locator('tr').filter({ hasText: '水文站' });
    await row.getByRole('button').click();
    await button(page, '撤销').click();
    await row.waitFor({ state: 'detached' });
  });

  it('searches the audit log, page after page, by outcome and word, and opens an entry', async () => {
    const page = await go(await county(), '/audit');
    const entries = page.locator('.audit li');
    await entries.nth(99).waitFor();
    await button(page, '查找更早的记录').click();
    await entries.nth(199).waitFor();
    await page.getByRole('combobox', { name: '结果' }).selectOption('refused');
    await page.waitForFunction(() => document.querySelectorAll('.audit li').length < 50);
    const file = page.getByRole('link', { name: '导出查到的' });
    expect(await file.getAttribute('href')).toBe('/api/v1/audit/file?outcome=refused');
    await entries.first().locator('summary').click();
    await entries.first().getByText('password').waitFor();
    await picture(page, 'audit');
    await page.getByRole('searchbox').fill('nothing-like-this');
    await page.getByText('没有符合条件的记录').waitFor();
    expect(page.url()).toContain('q=nothing-like-this');
    await page.getByRole('link', { name: '清除筛选' }).last().click();
    await entries.nth(99).waitFor();
  });
});

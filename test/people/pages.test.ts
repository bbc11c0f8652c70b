/** People, rights, tokens and the audit log in real Chromium on a real server: from adding somebody to what the log tells of it. */
import { join } from 'node:path';
import { type Client, startCounty, type TestServer } from '@village/server/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Bench,
  hasChromium,
  type OpenPage,
  type Page,
  startBench,
} from '../../dashboards/browser/testing.ts';

/** Where pictures go, for looking at. */
const pictures = process.env['VILLAGE_PICTURES'];
const OWN = 'My-Own-Horse-10';

describe('who manages people', { timeout: 90_000 }, () => {
  let bench: Bench;
  let test: TestServer;
  let admin: Client;
  const open: OpenPage[] = [];

  beforeAll(async () => {
    if (!hasChromium) return;
    bench = await startBench();
    test = await startCounty(undefined, { console: bench.directory });
    admin = await test.client('admin');
  }, 90_000);
  beforeEach((context) => {
    if (!hasChromium) context.skip();
    return async () => {
      for (const { context: one } of open.splice(0)) await one.close();
    };
  });
  afterAll(async () => {
    if (!hasChromium) return;
    await test.close();
    await bench.close();
  }, 90_000);

  const url = (): string => `http://127.0.0.1:${test.server.httpPort}`;
  const show = async (path: string, client?: Client): Promise<Page> => {
    const [name = '', value = ''] = client?.cookie.split('=') ?? [];
    const who =
      client === undefined ? { signIn: false } : { cookies: [{ name, value, url: url() }] };
    const opened = await bench.page({ url: url() }, { path, ...(who as object) });
    open.push(opened);
    return opened.page;
  };
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
  const picture = async (page: Page, name: string): Promise<void> => {
    if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${name}.png`) });
  };

  it('hands over a password that its holder changes first, locks the account, and finds it all in the log', async () => {
    const page = await show('/people', admin);
    await button(page, '添加用户').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('用户名').fill('zhou.min');
    await dialog.getByLabel('姓名', { exact: true }).fill('周敏');
    await dialog.getByRole('radio').first().check();
    await button(page, '添加并生成密码').click();
    const first = await dialog.locator('output').innerText();
    await button(page, '已记下，关闭').click();

    const theirs = await show('/devices');
    await theirs.getByLabel('用户名').fill('zhou.min');
    await theirs.getByLabel('密码').fill(first);
    await button(theirs, '登录').click();
    await theirs.getByRole('heading', { name: '请先修改密码' }).waitFor();
    await picture(theirs, 'first-password');
    const choose = async (password: string): Promise<void> => {
      await theirs.getByLabel('现在的密码').fill(first);
      await theirs.getByLabel('新密码', { exact: true }).fill(password);
      await theirs.getByLabel('再输入一次新密码').fill(password);
      await button(theirs, '修改密码').click();
    };
    await choose(first);
    await theirs.getByRole('alert').getByText('另选一个').waitFor();
    await choose(OWN);
    await theirs.getByRole('heading', { name: '设备', exact: true }).waitFor();

    await page.reload();
    const line = page.locator('tr').filter({ hasText: 'zhou.min' });
    await line.getByText('刚刚').waitFor();
    await line.getByRole('button').click();
    await button(page, '锁定').click();
    await button(page, '锁定').click();
    await line.getByText('已锁定').waitFor();
    await theirs.goto(`${url()}/devices`);
    await theirs.getByLabel('用户名').fill('zhou.min');
    await theirs.getByLabel('密码').fill(OWN);
    await button(theirs, '登录').click();
    await theirs.getByRole('alert').getByText('已被管理员锁定').waitFor();

    const log = await show('/audit?q=zhou.min', admin);
    await log.locator('.audit li').filter({ hasText: '修改密码' }).waitFor();
    const refused = log.locator('.audit li').filter({ hasText: '被拒绝' }).first();
    await refused.locator('summary').click();
    await refused.getByText('locked-account').waitFor();
    await picture(log, 'audit');
  });

  it('keeps the last administrator, and sees which role holds which right', async () => {
    const page = await show('/people', admin);
    const line = page.locator('tr').filter({ hasText: '管理员' }).filter({ hasText: 'admin' });
    await line.getByRole('button').click();
    await page.getByRole('dialog').getByRole('combobox', { name: '角色' }).selectOption('officer');
    await button(page, '保存').click();
    await button(page, '确认修改').click();
    await page.getByText('最后一位全县管理员').waitFor();
    const roles = await show('/people/roles', admin);
    const row = roles.locator('tr').filter({ hasText: '查看审计日志' });
    await row.waitFor();
    expect(await row.innerText()).toMatch(/全县[\s\S]*无[\s\S]*无[\s\S]*有/);
    await picture(roles, 'roles');
  });

  it('makes a token that works, and that does not once it is revoked', async () => {
    const page = await show('/tokens', admin);
    await page.getByText('还没有令牌').waitFor();
    await button(page, '创建令牌').click();
    await page.getByLabel('用途').fill('水文站');
    await page.getByRole('radio').first().check();
    await button(page, '创建').click();
    const token = await page.locator('dialog output').first().innerText();
    const ask = async (): Promise<number> =>
      (await fetch(`${url()}/api/v1/devices`, { headers: { authorization: `Bearer ${token}` } }))
        .status;
    expect(await ask()).toBe(200);
    await button(page, '已保存，关闭').click();
    await page.reload();
    const line = page.locator('tr').filter({ hasText: '水文站' });
    await line.getByText('刚刚').waitFor();
    await line.getByRole('button').click();
    await button(page, '撤销').click();
    await page.getByText('还没有令牌').waitFor();
    expect(await ask()).toBe(401);
  });
});

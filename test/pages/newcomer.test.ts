/**
 * From an empty folder to the first value by pages alone: a server that somebody has just started prints a password, the overview leads
 * from step to step, and the line that the page shows is run as it stands, by the shell and a real mosquitto_pub. How long it took
 * is printed.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  hasChromium,
  type Page,
  startBrowser,
  type TestBrowser,
} from '../../dashboards/browser/testing.ts';
import { freePort, Process, until } from '../lib/processes.ts';

const run = promisify(execFile);
const able = hasChromium && existsSync('/usr/bin/mosquitto_pub');
const SLOW_MS = 120_000;

describe.skipIf(!able)('a newcomer', { timeout: SLOW_MS }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-newcomer-'));
  let browser: TestBrowser;
  let server: Process | undefined;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });

  async function addArea(page: Page, button: string, code: string, names: [string, string]) {
    await page.getByRole('button', { name: button, exact: true }).last().click();
    const dialog = page.getByRole('dialog', { name: /之下添加区域/ });
    await dialog.getByLabel('区划代码').fill(code);
    await dialog.getByLabel('中文名称').fill(names[0]);
    await dialog.getByLabel('英文名称').fill(names[1]);
    await dialog.getByRole('button', { name: '添加', exact: true }).click();
    await page.getByText(names[0], { exact: true }).waitFor();
  }

  it('sees the first value of a real client by pages alone', async () => {
    const began = performance.now();
    const port = await freePort();
    server = new Process('server', 'server/src/main.ts', ['serve'], {
      VILLAGE_DATA: join(folder, 'data'),
      VILLAGE_HTTP_PORT: String(port),
      VILLAGE_MQTT_PORT: String(await freePort()),
    });
    server.start();
    const printed = /sign-in +admin \/ (\S+)/;
    await until('the password', () => {
      if (server?.running !== true) throw new Error(`it ended:\n${server?.output}`);
      return printed.test(server.output);
    });
    const [, password = ''] = printed.exec(server.output) ?? [];
    const url = `http://127.0.0.1:${port}`;
    const { page, faults } = await browser.page({ url }, { signIn: false });
    await page.getByLabel('用户名').fill('admin');
    await page.getByLabel('密码').fill(password);
    await page.getByRole('button', { name: '登录' }).click();

    await page.getByRole('heading', { name: '三步看到第一条数据' }).waitFor();
    await page.getByRole('link', { name: '添加区域' }).click();
    await addArea(page, '添加乡镇', '330522100000', ['洪桥镇', 'Hongqiao']);
    await addArea(page, '添加村', '330522100001', ['桥北村', 'Qiaobei']);

    await page.getByRole('link', { name: '总览' }).click();
    await page.getByRole('main').getByRole('link', { name: '添加设备' }).click();
    await page.getByLabel('设备型号').selectOption('village/smart-bin');
    await page.getByLabel('设备编号').fill('bin-001');
    await page.getByLabel('名称', { exact: true }).fill('村口垃圾桶');
    await page.getByRole('radio', { name: /^桥北村/ }).check();
    await page.getByRole('button', { name: '添加并接入' }).click();

    await page.getByText('正在等待第一条数据').waitFor();
    const line = await page
      .locator('.lines', { hasText: 'mosquitto_pub -h' })
      .locator('pre')
      .innerText();
    await run('/bin/sh', ['-c', line], { timeout: 30_000 });
    await page.getByText('已收到数据').waitFor();
    await page.getByRole('link', { name: '查看设备' }).click();
    await page.getByRole('heading', { name: '村口垃圾桶', level: 1 }).waitFor();
    await page.locator('main').getByText('满溢度').first().waitFor();
    console.log(
      `from the start to the first value: ${((performance.now() - began) / 1_000).toFixed(1)} s`,
    );

    await page.getByRole('link', { name: '总览' }).click();
    await page.getByText('村口垃圾桶').first().waitFor();
    expect(await page.getByText('三步看到第一条数据').count()).toBe(0);
    expect(faults).toEqual([]);
  });
});

/** Adding a device by its form, its secret shown once, and the wait for its first value, in Chromium. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { complaints, sideways } from './look.ts';
import type { Bench, OpenPage, Page, PageOptions } from './testing.ts';

describe('a device is added', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
  });

  function show(options: PageOptions, own = county): Promise<OpenPage> {
    return bench.page(own, options);
  }
  /** Fills in what the form asks of every device; the type is chosen before. */
  async function fill(page: Page, id: string, name = '村口垃圾桶'): Promise<void> {
    await page.getByLabel('设备编号').fill(id);
    await page.getByLabel('名称', { exact: true }).fill(name);
    await page.getByLabel('按名称或代码查找区域').fill('洪桥');
    await page
      .getByRole('radio', { name: /^洪桥镇/ })
      .first()
      .check();
  }
  const send = (page: Page): Promise<void> =>
    page.getByRole('button', { name: '添加并接入' }).click();

  it.each([
    [1440, false],
    [390, true],
  ] as const)(
    'by its form, and waited for until its first value comes (%i px)',
    async (width, dark) => {
      const id = `bin-new-${width}`;
      const opened = await show({ path: '/devices', width, dark });
      const { page, faults } = opened;
      await page.getByRole('link', { name: '添加设备' }).click();
      await page.getByRole('heading', { name: '添加设备', level: 1 }).waitFor();
      await page.getByLabel('设备型号').selectOption('demo/bin-2');
      await fill(page, 'bin new');
      await page.getByLabel('序列号').fill('HB-1');
      expect(await complaints(page)).toEqual([]);
      await send(page);
      await page.getByText('须为 1 到 64 个字母、数字、_ 或 -', { exact: true }).waitFor();
      expect(await page.getByLabel('设备编号').getAttribute('aria-invalid')).toBe('true');
      expect(await page.getByLabel('名称', { exact: true }).inputValue()).toBe('村口垃圾桶');
      await page.getByLabel('设备编号').fill(id);
      await send(page);
      await page.waitForURL(`**/devices/${id}/connect`);
      await page.getByText('密钥只在这里显示这一次', { exact: false }).waitFor();
      const secret = await page.locator('.secret-words output').nth(1).innerText();
      await page.getByRole('img', { name: /二维码/ }).waitFor();
      const shell = await page.locator('.lines', { hasText: 'mosquitto_pub -h' }).innerText();
      expect(shell).toContain(`-p 1883 -u ${id} -P ${secret} -i ${id} -q 1 -t bin/${id}/up -m '{`);
      expect(shell).toContain('-h 127.0.0.1');
      await page.getByText('正在等待第一条数据').waitFor();
      expect(await complaints(page)).toEqual([]);
      expect(await sideways(page)).toBe(0);
      await expect.poll(() => county.listeners, { timeout: BROWSER_TEST_MS }).toBeGreaterThan(0);
      county.push(id, 'fill', 52);
      await page.getByText('已收到数据').waitFor();
      await page.getByRole('link', { name: '查看设备' }).click();
      await page.getByRole('heading', { name: '村口垃圾桶', level: 1 }).waitFor();
      // What was shown once is not shown by a page that was loaded anew.
      await page.goto(`${county.url}/devices/${id}/connect`);
      await page.getByText('不能再次查看').waitFor();
      expect(await page.content()).not.toContain(secret);
      expect(faults.filter((fault) => !fault.includes('422'))).toEqual([]);
    },
  );

  it('once: the way back does not lead to the form again, and a new form is empty but for type and place', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const { page } = await show({ path: '/devices' }, own);
    await page.getByRole('link', { name: '添加设备' }).click();
    await page.getByLabel('设备型号').selectOption('demo/bin-2');
    await fill(page, 'bin-once');
    await send(page);
    await page.waitForURL('**/devices/bin-once/connect');
    await page.goBack();
    await page.waitForURL('**/devices');
    await page.goForward();
    await page.getByRole('link', { name: '再添加一台' }).click();
    await page.getByRole('heading', { name: '添加设备', level: 1 }).waitFor();
    expect(await page.getByLabel('设备型号').inputValue()).toBe('demo/bin-2');
    expect(await page.getByLabel('设备编号').inputValue()).toBe('');
    await page.getByRole('radio', { name: /^洪桥镇/, checked: true }).waitFor();
  });

  it('whose topics are its own has no line of a Tasmota, but the prefix to set', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS, camera: true });
    const bin = own.devices.find(({ id }) => id.startsWith('bin'))?.id;
    const { page } = await show({ path: '/devices/camera-1/connect' }, own);
    await page.getByText('主题前缀: camera-1').waitFor();
    expect(await page.getByText('Tasmota').count()).toBe(0);
    await page.goto(`${own.url}/devices/${bin}/connect`);
    await page.getByText(`主题: bin/${bin}/up`).waitFor();
    await page.getByRole('heading', { name: 'Tasmota 控制台命令' }).waitFor();
  });

  it('gets another secret after the question, and is told when somebody else was first', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const id = own.devices.find((one) => one.id.startsWith('bin'))?.id ?? '';
    const { page } = await show({ path: `/devices/${id}/connect` }, own);
    await page.getByRole('button', { name: '换新密钥' }).click();
    const dialog = page.getByRole('dialog', { name: '换新密钥' });
    await dialog.getByText('旧密钥立即失效').waitFor();
    own.changeMeanwhile(id);
    await dialog.getByRole('button', { name: '换新', exact: true }).click();
    await dialog.getByRole('alert').getByText('已有别人改过').waitFor();
    own.changeMeanwhile(null);
    await dialog.getByRole('button', { name: '换新', exact: true }).click();
    await page.locator('.secret-words output').nth(1).waitFor();
    expect(await dialog.isVisible()).toBe(false);
  });

  it('of which another one speaks needs its gateway, and its lines are for the gateway’s file', async () => {
    const id = county.devices.find((one) => one.id.startsWith('sewage'))?.id ?? '';
    const { page } = await show({ path: `/devices/${id}/connect`, language: 'en' });
    await page.getByText(`- { id: ${id}, profile: demo/sewage-8`, { exact: false }).waitFor();
    expect(await page.getByText('mosquitto_pub').count()).toBe(0);
    await page.goto(`${county.url}/add-device?profile=demo/sewage-8`);
    expect(
      await page.getByLabel('Gateway', { exact: true }).getAttribute('required'),
    ).not.toBeNull();
  });

  it('by nobody who may not: there is no button, and the address leads nowhere', async () => {
    const own = await bench.fixture({ devices: 3, role: 'officer', rights: ['devices.read'] });
    const { page } = await show({ path: '/devices' }, own);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.getByRole('link', { name: '添加设备' }).count()).toBe(0);
    await page.goto(`${own.url}/add-device`);
    await page.getByRole('heading', { name: /没有查看权限|找不到/ }).waitFor();
  });

  it('waits for the gateway that its type needs, and is not sent without one', async () => {
    const { page, faults } = await show({ path: '/add-device?profile=demo/sewage-8' });
    await page.route('**/api/v1/gateways*', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), items: [] } });
    });
    await page.reload();
    await page.getByText('还没有网关，请先添加一个。').waitFor();
    await fill(page, 'sewage-new', '新污水站');
    await send(page);
    await page.locator('select[name="gateway"]:invalid').waitFor();
    expect(new URL(page.url()).pathname).toBe('/add-device');
    expect(faults).toEqual([]);
  });
});

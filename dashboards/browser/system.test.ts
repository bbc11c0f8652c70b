/** What says that something is wrong with a device, a gateway or the platform, and what is done about it there, in Chromium over the fixture. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench } from './testing.ts';

describe('what is wrong', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture();
  });

  const show: Bench['page'] = (...given) => bench.page(...given);
  const sewage = (): string =>
    county.devices.find(({ id, state }) => id.startsWith('sewage') && state === 'online')?.id ?? '';

  it("says in both languages how far a device's clock is off", async () => {
    const off = county.devices.find(({ id, state }) => id.endsWith('7') && state === 'online');
    const { page, faults } = await show(county, { path: `/devices/${off?.id}` });
    await page.getByText('时钟慢 8 小时', { exact: true }).waitFor();
    expect(faults).toEqual([]);
    const english = await show(county, { path: `/devices/${off?.id}`, language: 'en' });
    await english.page.getByText('Its clock is 8 h behind', { exact: true }).waitFor();
    await english.page.goto(`${county.url}/devices/${sewage()}`);
    await english.page.getByText('right', { exact: true }).waitFor();
    expect(english.faults).toEqual([]);
  });

  it('says which client id a device is bound to, and lets an administrator release it', async () => {
    const device = county.devices.find(({ id, state }) => id.endsWith('8') && state === 'online');
    for (const [language, other, release, released] of [
      ['zh', /另一个标识登录，被拒绝/, '解除绑定', /已解除绑定/],
      ['en', /under another client id and was refused/, 'Release', /^Released/],
    ] as const) {
      const own = await bench.fixture({ rights: ALL_RIGHTS });
      const { page, faults } = await show(own, { path: `/devices/${device?.id}`, language });
      await page.getByText(other).waitFor();
      await page.getByText(`dtu-${device?.id} ·`).waitFor();
      await page.getByRole('button', { name: release }).click();
      await page.getByText(released).waitFor();
      await page.getByText(other).waitFor({ state: 'detached' });
      expect(faults).toEqual([]);
    }
  });

  it('says of gateways too which client id they are bound to, and that the clock of the server is wrong', async () => {
    for (const [language, wide, other, release, released, fault] of [
      [
        'zh',
        1440,
        /另一个标识登录，被拒绝/,
        '解除绑定',
        /已解除绑定/,
        /慢一年以上.*不接收任何数据/,
      ],
      [
        'en',
        390,
        /under another client id/,
        'Release',
        /^Released/,
        /years behind.*Nothing is taken in/,
      ],
    ] as const) {
      const own = await bench.fixture({ rights: ALL_RIGHTS });
      own.wrongClock();
      const { page, faults } = await show(own, { path: '/system', language, width: wide });
      await page.getByRole('alert').filter({ hasText: fault }).waitFor();
      const card = page.getByRole('listitem').filter({ hasText: '二号网关' });
      await card.getByText('gateway-02 ·').waitFor();
      await card.getByText(other).waitFor();
      await card.getByRole('button', { name: release }).click();
      await card.getByText(released).waitFor();
      await card.getByText(other).waitFor({ state: 'detached' });
      expect(await sideways(page)).toBe(0);
      expect(faults).toEqual([]);
    }
  });

  it('says of a gateway that never tells its status that it is there, and that no more is known', async () => {
    for (const [language, wide, online, text] of [
      ['zh', 1440, '在线', /从未上报自身状态/],
      ['en', 390, 'Online', /never told its own status/],
    ] as const) {
      const own = await bench.fixture({ rights: ALL_RIGHTS });
      const { page, faults } = await show(own, { path: '/system', language, width: wide });
      const card = page.getByRole('listitem').filter({ hasText: 'gateway-03' });
      await card.getByText(text).waitFor();
      await card.getByText(online, { exact: true }).waitFor();
      expect(faults).toEqual([]);
    }
  });

  it('says that a backup is made, and what became of it', async () => {
    const own = await bench.fixture({ devices: 3 });
    const { page, faults } = await show(own, { path: '/system' });
    await page.getByRole('button', { name: '立即备份' }).click();
    await page.getByRole('button', { name: '正在备份…' }).waitFor();
    expect(await page.getByText('备份已写入').count()).toBe(0);
    own.endBackup('failed');
    await page.getByRole('alert').getByText('备份失败').waitFor();
    await page.getByRole('button', { name: '立即备份' }).click();
    await page.getByRole('button', { name: '正在备份…' }).waitFor();
    own.endBackup('done');
    await page.getByText('备份已写入 backup/2026-11-24T04-00').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('lists backups and how one is brought back, jobs with why they failed, readers and disks', async () => {
    const own = await bench.fixture({ devices: 3 });
    const { page, faults } = await show(own, { path: '/system', width: 390 });
    const section = (name: string) => page.getByRole('region', { name, exact: true });
    await section('备份').getByText('不完整，不能恢复').waitFor();
    await section('备份').getByText('如何恢复').click();
    await section('备份')
      .getByText(/npm run serve -- restore \/mnt\/backup/)
      .waitFor();
    await section('定时任务')
      .getByText(/连续失败 2 次/)
      .waitFor();
    await section('日志读取者').getByText('无积压').waitFor();
    await section('服务器')
      .getByText(/空间不多/)
      .waitFor();
    expect(await sideways(page)).toBe(0);
    expect(faults).toEqual([]);
  });

  it.each([
    [1440, 'zh', '配置', '只看已设置', '已设置，不显示', '没有符合的配置项'],
    [390, 'en', 'Configuration', 'Only what is set', 'set, not shown', 'No setting fits'],
  ] as const)(
    'finds settings by key, value or meaning (%i px, %s)',
    async (width, language, title, saidOnly, hidden, none) => {
      const own = await bench.fixture({ devices: 3 });
      const { page, faults } = await show(own, { path: '/system', width, language });
      await page.getByRole('link', { name: title }).click();
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
      const lines = page.locator('.settings-list > li');
      await lines.filter({ hasText: 'VILLAGE_ADMIN_PASSWORD' }).getByText(hidden).waitFor();
      const all = await lines.count();
      await page.getByRole('checkbox', { name: saidOnly }).check();
      await expect.poll(() => lines.count()).toBeLessThan(all);
      expect(await lines.filter({ hasText: 'store.retention' }).count()).toBe(0);
      await page.getByRole('searchbox').fill('certificate http');
      await expect.poll(() => lines.count()).toBe(1);
      await page.getByRole('searchbox').fill('nothing has this name');
      await page.getByText(none, { exact: true }).waitFor();
      expect(await sideways(page)).toBe(0);
      expect(faults).toEqual([]);
    },
  );

  it('runs quarantined messages again and tells what came of it', async () => {
    const own = await bench.fixture({ devices: 3 });
    const { page } = await show(own, { path: '/quarantine' });
    await page.getByText('报文不是 JSON').click();
    await page.getByText('payload-not-json', { exact: true }).waitFor();
    await page.getByText('BOOT', { exact: true }).waitFor();
    await page.getByText('6 bytes where 22 are needed').click();
    await page.getByText('01 03 04 41 00 00', { exact: true }).waitFor();
    await page.getByRole('checkbox', { name: '选择 1' }).check();
    await page.getByRole('button', { name: '重跑所选（1）' }).click();
    await page.getByText('已接收 1 条，仍被拒绝 0 条').waitFor();
    await page.getByRole('button', { name: '全部重跑' }).click();
    await page.getByText('已接收 1 条，仍被拒绝 1 条').waitFor();
  });

  it.each([
    [1440, 'zh', '镜头 1', '镜头 2', '镜头 3', '有移动'],
    [390, 'en', 'Lens 1', 'Lens 2', 'Lens 3', 'Moving'],
  ] as const)(
    'is not that a camera has fewer lenses than its model: each that was heard is shown (%i px, %s)',
    async (width, language, first, second, third, moving) => {
      const own = await bench.fixture({ devices: 3, camera: true });
      const { page, faults } = await show(own, { path: '/devices/camera-1', width, language });
      const tiles = page.locator('.tile.metric');
      await tiles.filter({ hasText: first }).getByText(moving).waitFor();
      expect(await tiles.filter({ hasText: second }).getByText(moving).count()).toBe(0);
      expect(await tiles.count()).toBe(2);
      expect(await page.locator('main').innerText()).not.toContain(third);
      await tiles.filter({ hasText: second }).click();
      await expect.poll(() => page.url()).toContain('metric=motion-2');
      await page.getByRole('img', { name: new RegExp(second) }).waitFor();
      expect(await sideways(page)).toBe(0);
      expect(faults).toEqual([]);
    },
  );
});

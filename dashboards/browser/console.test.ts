import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture, PASSWORD, USER } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import { type Bench, PATIENCE_MS } from './testing.ts';

const EVIL = '<img src=x onerror="document.title=\'broken in\'"><script>alert(1)</script>';

describe('console in Chromium', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture();
  });

  const show: Bench['page'] = (...given) => bench.page(...given);
  const sewage = (): string =>
    county.devices.find(({ id, state }) => id.startsWith('sewage') && state === 'online')?.id ?? '';

  it('signs in, refuses a wrong password in words, and then shows the page first asked for', async () => {
    const { page, faults } = await show(county, { signIn: false, path: '/devices?state=offline' });
    await page.getByLabel('用户名').fill('admin');
    await page.getByLabel('密码').fill('wrong');
    await page.getByRole('button', { name: '登录' }).click();
    await page.getByRole('alert').getByText('用户名或密码不正确').waitFor();
    await page.getByLabel('密码').fill('fixture-password');
    await page.getByRole('button', { name: '登录' }).click();
    await page.getByRole('heading', { name: '设备', level: 1 }).waitFor();
    const offline = county.devices.filter(({ state }) => state === 'offline').length;
    await page.getByText(`共 ${offline} 台`).waitFor();
    expect(page.url()).toBe(`${county.url}/devices?state=offline`);
    expect(faults).toEqual([]);
  });

  it('drills from county to township to village to device, and back by the breadcrumb', async () => {
    const { page, faults } = await show(county);
    const device = county.devices[0];
    const [, township, village] = ['', '洪桥镇', device?.area.name.zh ?? ''];
    await page.getByRole('link', { name: township, exact: true }).click();
    await page.getByRole('heading', { name: township, level: 1 }).waitFor();
    await page.getByRole('link', { name: village, exact: true }).first().click();
    await page.getByRole('heading', { name: village, level: 1 }).waitFor();
    await page.getByRole('table', { name: '本区域设备' }).getByRole('link').first().click();
    await page.getByRole('heading', { name: '数据完整性' }).waitFor();
    await page
      .getByRole('navigation', { name: '所在位置' })
      .getByRole('link', { name: '长兴县' })
      .click();
    await page.getByRole('heading', { name: '长兴县', level: 1 }).waitFor();
    expect(faults).toEqual([]);
  });

  it('has the files of the pages that may be opened next before anything is pressed', async () => {
    const { page, faults } = await show(county, { path: '/devices' });
    const files = () =>
      page.evaluate(() =>
        performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1) ?? ''),
      );
    for (const name of ['device', 'overview', 'map'])
      await expect
        .poll(async () => (await files()).some((file) => file.startsWith(`${name}-`)))
        .toBe(true);
    // All of them have come: what the device's page needs is among them, and nothing more can be had.
    for (let before = -1; before < (await files()).length; await page.waitForTimeout(1_000))
      before = (await files()).length;
    await page.route('**/*.js', (request) => request.abort());
    await page.locator('tbody .device-name').first().click();
    await page.locator('.metric .figure').first().waitFor();
    await page.locator('.chart-host canvas').first().waitFor();
    expect(faults).toEqual([]);
  });

  it('shows a live value without reloading, and comes back when the line breaks', async () => {
    const own = await bench.fixture({ devices: 30 });
    const { page } = await show(own, { path: '/devices' });
    const target = own.devices.find(({ id }) => id.startsWith('weather'))?.id ?? '';
    await page.getByRole('status').getByText('实时').waitFor();
    await page.evaluate(() => document.body.setAttribute('data-kept', 'yes'));
    own.push(target, 'temp', 33.25);
    await page.getByRole('row').filter({ hasText: target }).getByText('33.25').waitFor();
    own.cut();
    await page.getByRole('status').getByText('重新连接中').waitFor();
    await page.getByRole('status').getByText('显示的是最后收到的数据').waitFor();
    await expect.poll(() => own.listeners, { timeout: PATIENCE_MS }).toBe(1);
    await page.getByRole('status').getByText('实时').waitFor();
    own.push(target, 'temp', 12.75);
    await page.getByRole('row').filter({ hasText: target }).getByText('12.75').waitFor();
    expect(await page.getAttribute('body', 'data-kept')).toBe('yes');
  });

  it('keeps a live value that comes while an older answer is under way', async () => {
    const own = await bench.fixture({ devices: 30 });
    const { page, context } = await show(own, { path: '/devices' });
    const target = own.devices.find(({ id }) => id.startsWith('weather'))?.id ?? '';
    const row = page.getByRole('row').filter({ hasText: target });
    await page.getByRole('status').getByText('实时').waitFor();
    const answered = Promise.withResolvers<void>();
    await context.route('**/api/v1/devices?*', async (route) => {
      const response = await route.fetch();
      await expect.poll(() => own.listeners, { timeout: PATIENCE_MS }).toBe(1);
      own.push(target, 'temp', 12.75);
      await row.getByText('12.75').waitFor();
      await route.fulfill({ response });
      answered.resolve();
    });
    own.cut();
    await answered.promise;
    await page.locator('.busy').waitFor({ state: 'detached' });
    expect(await row.getByText('12.75').count()).toBe(1);
  });

  it('draws the chart, speaks it, and keeps metric and range in the address', async () => {
    const { page, faults } = await show(county, { path: `/devices/${sewage()}` });
    const chart = page.getByRole('img', {
      name: /化学需氧量：平均 .* mg\/L.*1 处缺口；异常质量：数值可疑 \d/,
    });
    await chart.waitFor();
    const painted = await chart.locator('canvas').evaluate((node) => {
      const canvas = node as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {
        data: [],
      };
      let count = 0;
      for (let i = 3; i < data.length; i += 4) if ((data[i] ?? 0) > 0) count++;
      return count;
    });
    expect(painted).toBeGreaterThan(1000);
    await page.getByRole('link', { name: '7 天' }).click();
    await page.getByText('每 10 分钟 汇总').waitFor();
    await page.getByLabel('指标').selectOption('ph');
    await page.getByRole('img', { name: /^pH：/ }).waitFor();
    expect(new URL(page.url()).search).toBe('?range=7d&metric=ph');
    await page.reload();
    await page.getByRole('img', { name: /^pH：/ }).waitFor();
    await page.getByRole('link', { name: '数据表' }).click();
    await page.getByRole('columnheader', { name: '最低' }).waitFor();
    expect(faults).toEqual([]);
  });

  it('names silences by their real times, and counts nothing before a device was connected', async () => {
    const fresh = county.devices.find(
      ({ id, state }, index) => index % 10 === 9 && id.startsWith('sewage') && state === 'online',
    );
    const { page, faults } = await show(county, { path: `/devices/${fresh?.id}` });
    const panel = page.getByRole('region', { name: '数据完整性' });
    await panel.getByText(/首次上报，此前不计/).waitFor();
    // Connected 7.4 hours ago, silent for three of them: not 24 hours of losses.
    const told = await panel.innerText();
    const [, expected = '', received = ''] = told.match(/应收 (\d+)，实收 (\d+)/) ?? [];
    expect(Number(expected)).toBeGreaterThanOrEqual(88);
    expect(Number(expected)).toBeLessThanOrEqual(90);
    expect(Number(expected) - Number(received)).toBeGreaterThanOrEqual(35);
    const gaps = panel.getByRole('list', { name: '中断时段' }).getByRole('listitem');
    expect(await gaps.count()).toBe(1);
    expect(await gaps.innerText()).toMatch(
      /^3 小时( \d+ 分钟)?\s+\d\d-\d\d \d\d:\d\d – \d\d-\d\d \d\d:\d\d$/,
    );
    await panel.getByText('逐时明细').click();
    await panel.getByRole('row').filter({ hasText: '缺失' }).first().waitFor();
    const never = county.devices.find(({ state }) => state === 'never');
    await page.goto(`${county.url}/devices/${never?.id}`);
    await page.getByText('还没有收到过数据').waitFor();
    expect(await page.getByText('缺失').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('tells events in the words of the console or, where it has none, of their type', async () => {
    const { page } = await show(county, { path: `/devices/${sewage()}` });
    const events = page.getByRole('region', { name: '事件' });
    await events.getByText('重启', { exact: true }).waitFor();
    const desludged = events.getByRole('listitem').filter({ hasText: '排泥' });
    const told = await desludged.locator('.detail').allInnerTexts();
    expect(told.map((text) => text.split(/\s+/))).toEqual([
      ['一号池', '分钟', '12'],
      ['二号池', '分钟', '13'],
    ]);
  });

  it('waits for the profiles before it asks for the trend that they describe', async () => {
    const { page, context } = await show(county, { path: '/settings' });
    await context.route('**/api/v1/profiles', async (route) => {
      await page.waitForResponse((response) => response.url().includes('/api/v1/devices/'));
      // A moment in which a page that does not wait would draw what it has.
      await page.waitForTimeout(500);
      await route.continue();
    });
    await page.goto(`${county.url}/devices/${sewage()}`);
    await page.getByRole('img', { name: /化学需氧量：平均 .*1 处缺口/ }).waitFor();
  });

  it('the arrow keys read the chart out point by point', async () => {
    const { page } = await show(county, { path: `/devices/${sewage()}` });
    const chart = page.getByRole('img', { name: /化学需氧量/ });
    await chart.focus();
    await page.keyboard.press('ArrowLeft');
    const last = await page.locator('.readout').innerText();
    expect(last).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s+[\d.]+ mg\/L/);
    await page.keyboard.press('ArrowLeft');
    await expect
      .poll(() => page.locator('.readout').innerText(), { timeout: PATIENCE_MS })
      .not.toBe(last);
  });

  it('searches from anywhere with /, filters, sorts and loads more', async () => {
    const { page, faults } = await show(county);
    await page.getByRole('heading', { name: '长兴县', level: 1 }).waitFor();
    await page.keyboard.press('/');
    const search = page.getByRole('searchbox');
    await expect
      .poll(() => search.evaluate((node) => node === document.activeElement), {
        timeout: PATIENCE_MS,
      })
      .toBe(true);
    await page.keyboard.type('bin-2-00');
    const found = county.devices.filter(({ id }) => id.includes('bin-2-00')).length;
    await page.getByText(`共 ${found} 台`).waitFor();
    await page.getByRole('link', { name: /最近上报/ }).click();
    await page
      .getByRole('columnheader', { name: /最近上报/, exact: false })
      .and(page.locator('[aria-sort="ascending"]'))
      .waitFor();
    await page.goto(`${county.url}/devices`);
    await page.getByText('已显示 50 / 300').waitFor();
    await page.getByRole('button', { name: '加载更多' }).click();
    await page.getByText('已显示 100 / 300').waitFor();
    expect(faults).toEqual([]);
  });

  it('keeps the head of a long list in sight, and the columns chosen', async () => {
    const { page, faults } = await show(county, { path: '/devices' });
    const head = page.getByRole('columnheader', { name: '类型' });
    await head.waitFor();
    await page.getByRole('row').last().scrollIntoViewIfNeeded();
    expect((await head.boundingBox())?.y).toBe(0);
    await page.getByText('列', { exact: true }).click();
    await page.getByRole('checkbox', { name: '类型' }).uncheck();
    await page.getByRole('checkbox', { name: '型号' }).check();
    await page.keyboard.press('Escape');
    await page.reload();
    await page.getByRole('columnheader', { name: '型号' }).waitFor();
    expect(await head.count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it.each([
    [1440, 'zh'],
    [1440, 'en'],
    [960, 'en'],
  ] as const)('no cell of the list spills over at %d px (%s)', async (width, language) => {
    const { page } = await show(county, { path: '/devices?sort=-state', width, language });
    await page.locator('tbody tr').first().waitFor();
    const spilt = await page.$$eval('.even th, .even td', (cells) =>
      cells.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent),
    );
    expect(spilt).toEqual([]);
  });

  it('the overview shows three values of a device side by side', async () => {
    const { page } = await show(county);
    const row = page.getByRole('table', { name: '最近上报的设备' }).getByRole('row').nth(1);
    await row.locator('.value').nth(2).waitFor();
    const tops = await row
      .locator('.value')
      .evaluateAll((values) => [
        ...new Set(values.map((value) => value.getBoundingClientRect().top)),
      ]);
    expect(await row.locator('.value').count()).toBe(3);
    expect(tops).toHaveLength(1);
  });

  it('a silent device leads to the last it said, and its silence has no end', async () => {
    const silent = county.devices.find(
      ({ id, state }) => state === 'offline' && id.startsWith('weather'),
    );
    const { page, faults } = await show(county, { path: `/devices/${silent?.id}` });
    const gaps = page.getByRole('list', { name: '中断时段' }).getByRole('listitem');
    await gaps.getByText(/^至少 /).waitFor();
    await gaps.getByText('至今').waitFor();
    await page.getByRole('button', { name: '查看当时' }).click();
    await page.getByRole('img', { name: /气温：平均/ }).waitFor();
    expect(new URL(page.url()).searchParams.has('from')).toBe(true);
    expect(faults).toEqual([]);
  });

  it('greys what is older than its device may be silent, and nothing else', async () => {
    const { page } = await show(county, { path: '/devices?state=offline' });
    await page.locator('tbody tr').first().waitFor();
    const figures = page.locator('tbody .figure');
    expect(await figures.count()).toBeGreaterThan(3);
    expect(await page.locator('tbody .figure.stale').count()).toBe(await figures.count());
    await page.goto(`${county.url}/devices?state=online`);
    await page.locator('tbody tr').first().waitFor();
    expect(await page.locator('tbody .figure.stale').count()).toBe(0);
  });

  it('switches language and theme, and remembers both', async () => {
    const { page, faults } = await show(county, { path: '/settings' });
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Dark' }).click();
    const background = () =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    expect(await background()).toBe('rgb(12, 15, 19)');
    await page.reload();
    await page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor();
    expect(await background()).toBe('rgb(12, 15, 19)');
    expect(await page.getAttribute('html', 'lang')).toBe('en');
    for (const path of ['/', '/devices', `/devices/${sewage()}`, '/system']) {
      await page.goto(county.url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(
        await page.getByRole('navigation', { name: 'Main navigation' }).innerText(),
      ).not.toMatch(/\p{Script=Han}/u);
    }
    expect(faults).toEqual([]);
  });

  it('says what failed, keeps what it has, and recovers on retry', async () => {
    const own = await bench.fixture({ devices: 30 });
    own.fail('/overview', 503);
    const { page } = await show(own);
    await page.getByRole('alert').getByText('服务器出错了').waitFor();
    own.fail('/overview', null);
    await page.getByRole('button', { name: '重试' }).click();
    await page.getByRole('heading', { name: '长兴县', level: 1 }).waitFor();
    await page.goto(`${own.url}/devices/nobody`);
    await page.getByRole('alert').getByText('找不到').waitFor();
    own.fail('/devices', 403);
    await page.goto(`${own.url}/devices`);
    await page.getByRole('alert').getByText('没有查看权限').waitFor();
  });

  it('says of a retired device that it is, and neither that it is offline nor live', async () => {
    const own = await bench.fixture({ devices: 30 });
    const device = own.devices.find(({ state }) => state === 'offline');
    if (device !== undefined) device.retiredAt = Date.UTC(2026, 2, 1, 4);
    const { page, faults } = await show(own, { path: `/devices/${device?.id}` });
    await page.getByText('已停用', { exact: true }).waitFor();
    await page.getByText('已于 2026-03-01 12:00:00 停用').waitFor();
    await page.getByRole('heading', { name: '数据完整性' }).waitFor();
    expect(await page.getByText('离线', { exact: true }).count()).toBe(0);
    expect(own.listeners).toBe(0);
    expect(faults).toEqual([]);
  });

  it('takes away what it shows of a device that the reader may see no longer', async () => {
    const own = await bench.fixture({ devices: 30 });
    const path = `/devices/${own.devices.find(({ state }) => state === 'online')?.id}`;
    const { page, faults } = await show(own, { path });
    await page.getByRole('heading', { name: '数据完整性' }).waitFor();
    await page.getByRole('status').getByText('实时').waitFor();
    own.fail(path, 404);
    own.cut();
    await page.getByRole('heading', { name: '找不到', level: 1 }).waitFor();
    expect(await page.getByRole('heading', { name: '数据完整性' }).count()).toBe(0);
    expect(await page.getByText('重新连接中').count()).toBe(0);
    // The way back asks the server anew who one is and what one may: that may be why the page is not there.
    await page.evaluate('globalThis.before = true');
    await page.getByRole('link', { name: '回到总览' }).click();
    await page.locator('.map-tile').first().waitFor();
    expect(await page.evaluate('globalThis.before')).toBe(undefined);
    expect(faults).toEqual([]);
  });

  it('names values of the equipment that stood there before by its profile', async () => {
    const own = await bench.fixture({ devices: 30 });
    const device = own.devices.find(
      ({ id, state }) => id.startsWith('weather') && state === 'online',
    );
    const sewage = own.devices.find(({ id }) => id.startsWith('sewage'));
    if (device === undefined || sewage === undefined) throw new Error('the county has neither');
    device.former = sewage.profile;
    const at = device.lastSeenAt ?? 0;
    device.values['cod'] = { value: 31.5, at, receivedAt: at, quality: 'good' };
    const { page, faults } = await show(own, { path: `/devices/${device.id}` });
    await page.getByRole('link', { name: /化学需氧量.*31\.5.*mg\/L/ }).waitFor();
    expect(faults).toEqual([]);
  });

  it('shows the sign-in when the session ends, and says so', async () => {
    const { page, context } = await show(county);
    await page.getByRole('heading', { name: '长兴县', level: 1 }).waitFor();
    await context.clearCookies();
    await page.getByRole('link', { name: '设备', exact: true }).click();
    await page.getByText('登录已过期').waitFor();
    // It can't be put away, and nothing of the page shows or takes the keyboard.
    for (let press = 0; press < 3; press++) await page.keyboard.press('Escape');
    const again = page.getByRole('dialog', { name: '登录' });
    const uncovered = () =>
      page.evaluate(() =>
        [10, 400, 800].filter((at) => document.elementFromPoint(at, at)?.closest('dialog') == null),
      );
    await expect.poll(uncovered).toEqual([]);
    await again.getByLabel('用户名').fill(USER);
    await again.getByLabel('密码').fill(PASSWORD);
    await again.getByRole('button', { name: '登录' }).click();
    await again.waitFor({ state: 'detached' });
    // The page asked for last, loaded anew and live.
    await page.getByRole('heading', { name: '设备', level: 1 }).waitFor();
    await page.locator('tbody tr').first().waitFor();
    await page.getByText('实时', { exact: true }).first().waitFor();
  });

  it('keeps what was typed when the session ends before it is sent', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const { page, context } = await show(own, { path: '/add-device?profile=demo/bin-2' });
    const typed = page.getByLabel('名称', { exact: true });
    await typed.fill('北村口垃圾桶');
    await page.getByLabel('设备编号').fill('bin-900');
    await page.getByRole('radio').first().check();
    await page.getByLabel('序列号').fill('HB-1');
    await context.clearCookies();
    await page.getByRole('button', { name: '添加并接入' }).click();
    const again = page.getByRole('dialog', { name: '登录' });
    await again.getByText('填写的内容还在').waitFor();
    await again.getByLabel('用户名').fill(USER);
    await again.getByLabel('密码').fill(PASSWORD);
    await again.getByRole('button', { name: '登录' }).click();
    await again.waitFor({ state: 'detached' });
    expect(await typed.inputValue()).toBe('北村口垃圾桶');
    await page.getByRole('button', { name: '添加并接入' }).click();
    await page.waitForURL('**/devices/bin-900/connect');
  });

  it('an empty county leads who may register devices to the first value, and tells all others why it is empty', async () => {
    const empty = await bench.fixture({ devices: 0 });
    const { page, faults } = await show(empty);
    const steps = page.getByRole('region', { name: '三步看到第一条数据' });
    await steps.getByText('登记乡镇和村已完成').waitFor();
    expect(
      await steps
        .getByRole('link')
        .evaluateAll((links) => links.map((one) => one.getAttribute('href'))),
    ).toEqual(['/add-device', '/import']);
    const clerks = await bench.fixture({ devices: 0, role: 'clerk' });
    const { page: theirs } = await show(clerks);
    await theirs.getByText('这里还没有设备').waitFor();
    expect(await theirs.getByText('三步看到第一条数据').count()).toBe(0);
    await page.goto(`${empty.url}/devices?q=nothing`);
    await page.getByText('没有符合条件的设备').waitFor();
    await page.getByRole('link', { name: '清除筛选' }).click();
    await page.getByText('这里还没有设备').waitFor();
    // A township without devices leads there, too, and takes its own code along; a reader is told whom to ask.
    await page.goto(`${empty.url}/areas/330522002000`);
    const add = page.locator('main').getByRole('link', { name: '添加设备' });
    expect(await add.getAttribute('href')).toBe('/add-device?area=330522002000');
    expect(await theirs.locator('main').getByRole('link', { name: '添加设备' }).count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('an officer sees the own township only, and no pages of administrators', async () => {
    const own = await bench.fixture({ area: '330522101000', role: 'officer' });
    const { page } = await show(own);
    await page.getByRole('heading', { name: '洪桥镇', level: 1 }).waitFor();
    expect(await page.getByRole('link', { name: '系统' }).count()).toBe(0);
    expect(await page.getByRole('navigation', { name: '所在位置' }).getByRole('link').count()).toBe(
      0,
    );
    await page.goto(`${own.url}/areas/330522001000`);
    await page.getByRole('alert').getByText('没有查看权限').waitFor();
  });

  it('markup in names, reasons and payloads stays text', async () => {
    const own = await bench.fixture({ devices: 12 });
    for (const device of own.devices) {
      device.name = EVIL;
      device.area = { ...device.area, name: { zh: EVIL, en: EVIL } };
    }
    const { page, faults } = await show(own, { path: '/devices' });
    await page.getByText(EVIL).first().waitFor();
    for (const path of ['/', `/devices/${own.devices[0]?.id}`, '/quarantine']) {
      await page.goto(own.url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.getByText('onerror').first().waitFor();
      expect(await page.locator('img[src="x"], #app script').count()).toBe(0);
      expect(await page.title()).not.toBe('broken in');
    }
    expect(faults).toEqual([]);
  });

  it('every choice on a phone shows what is chosen', async () => {
    const { page } = await show(county, { width: 390, height: 844, path: '/devices' });
    await page.getByLabel('排序').waitFor();
    const chosen = await page.$$eval('select', (nodes) =>
      nodes.map((node) => (node as HTMLSelectElement).selectedOptions[0]?.text ?? ''),
    );
    expect(chosen).toEqual(['长兴县', '全部状态', '全部类型', '名称']);
    await page.getByLabel('排序').selectOption('-lastSeenAt');
    await page.waitForURL(/sort=-lastSeenAt/);
  });

  it('exports the list as a file in which no cell is a formula', async () => {
    const own = await bench.fixture({ devices: 3 });
    const [first] = own.devices;
    if (first !== undefined) first.name = '=HYPERLINK("http://x")';
    const { page } = await show(own, { path: '/devices' });
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: '导出清单' }).click();
    const stream = await (await saved).createReadStream();
    let text = '';
    for await (const part of stream) text += String(part);
    expect(text.startsWith('\ufeff编号,名称')).toBe(true);
    expect(text.trim().split('\r\n')).toHaveLength(4);
    expect(text).toContain(`"'=HYPERLINK(""http://x"")"`);
  });

  it.each([
    '/',
    '/areas/330522002201',
    '/devices',
    '/quarantine',
    '/system',
    '/system/configuration',
    '/settings',
    'device',
  ])('%s fits a phone of 360 px, with targets to touch', async (path) => {
    const { page } = await show(county, {
      width: 360,
      height: 740,
      path: path === 'device' ? `/devices/${sewage()}` : path,
    });
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    expect(await sideways(page)).toBe(0);
    const small = await page.$$eval('a[href], button, select, input, summary', (nodes) =>
      nodes
        .filter((node) => node.checkVisibility() && !node.matches('.skip'))
        .map((node) => ({ node, box: (node.closest('label') ?? node).getBoundingClientRect() }))
        .filter(({ box }) => box.height < 44 || box.width < 44)
        .map(({ node, box }) => `${box.width} × ${box.height}: ${node.outerHTML.slice(0, 80)}`),
    );
    expect(small).toEqual([]);
  });
});

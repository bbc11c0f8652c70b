/** The map in Chromium: tiles and positions, live states, search, through to area and device. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { complaints } from './look.ts';
import type { Bench } from './testing.ts';

describe('the map', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 120, rights: ALL_RIGHTS });
  });

  const show: Bench['page'] = (...given) => bench.page(...given);
  it.each([
    [1440, 'zh', false],
    [390, 'en', true],
  ] as const)(
    'shows townships as tiles that lead on (%i px, %s)',
    async (width, language, isDark) => {
      const { page, faults } = await show(county, { path: '/map', width, language, dark: isDark });
      const tiles = page.locator('.map-tile');
      await expect.poll(() => tiles.count()).toBe(15);
      const zh = language === 'zh';
      const offline = county.devices.filter(
        ({ area, state }) => area.code.startsWith('330522104') && state === 'offline',
      ).length;
      const lincheng = page.getByRole('link', {
        name: zh ? /^林城镇.*在线 \d/ : /^Lincheng.*Online \d/,
      });
      const said = offline === 0 ? (zh ? '无' : 'none') : String(offline);
      expect(await lincheng.locator('.map-tile-figure').innerText()).toBe(said);
      for (const box of [await tiles.first().boundingBox(), await tiles.last().boundingBox()])
        expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(44);
      expect(await complaints(page)).toEqual([]);
      await lincheng.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: zh ? '林城镇' : 'Lincheng' }).waitFor();
      await page.getByRole('link', { name: zh ? '打开区域' : 'Open the area' }).click();
      await expect.poll(() => new URL(page.url()).pathname).toBe('/areas/330522104000');
      expect(faults).toEqual([]);
    },
  );

  it('shows devices where they are, finds one, and leads to it by keyboard', async () => {
    const { page, faults } = await show(county, { path: '/map?view=points' });
    const canvas = page.getByRole('img', { name: /长兴县地图/ });
    await canvas.waitFor();
    const located = county.devices.filter(({ longitude }) => longitude !== null).length;
    expect(await canvas.getAttribute('aria-label')).toContain(`${located} 台`);
    const wanted = county.devices.find(({ id }) => id.startsWith('bin'))!;
    await page.getByRole('searchbox').fill(wanted.id);
    const found = page.getByRole('list', { name: '找到的' }).getByRole('link');
    await expect.poll(() => found.count()).toBe(1);
    await found.focus();
    await page.keyboard.press('Enter');
    const link = page.getByRole('link', { name: '打开设备' });
    await link.waitFor();
    expect(await complaints(page)).toEqual([]);
    await link.press('Enter');
    await page.getByRole('heading', { level: 1, name: wanted.name }).waitFor();
    // Back is the same device on the map: the address holds it.
    await page.goBack();
    await link.waitFor();
    expect(faults).toEqual([]);
  });

  it('is told by the line when a device comes online, without asking again', async () => {
    const own = await bench.fixture({ devices: 30 });
    const silent = own.devices.find(
      ({ state, longitude }) => state !== 'online' && longitude !== null,
    )!;
    const { page } = await show(own, { path: `/map?device=${silent.id}` });
    const card = page.locator('.map-marked');
    await card.waitFor();
    expect(await card.innerText()).not.toContain('在线');
    await page.locator('.live-live').waitFor();
    own.push(silent.id, silent.profile.metrics[0]?.key ?? '', 1);
    await expect.poll(() => card.innerText(), { timeout: 30_000 }).toContain('在线');
  });

  /** Where Lincheng's middle is: the county's square is 0.8° high and fills 88 % of the picture, both middles are known. */
  const linchengIn = (box: { x: number; y: number; width: number; height: number }, zoom = 1) => {
    const narrow = Math.cos((30.97 * Math.PI) / 180);
    const scale = zoom * 0.88 * Math.min(box.width / (0.8 * narrow), box.height / 0.8);
    return {
      x: box.x + box.width / 2 + (119.78 - 119.82) * narrow * scale,
      y: box.y + box.height / 2 - (30.95 - 30.97) * scale,
    };
  };

  it('draws polygons where there are any, with their map-review number, and a press leads into one', async () => {
    const own = await bench.fixture({ devices: 0, geometry: true });
    const { page, faults } = await show(own, { path: '/map' });
    const canvas = page.getByRole('img', { name: /地图/ });
    await canvas.waitFor();
    await page.getByText('审图号：浙湖S(2026)3号').waitFor();
    const { x, y } = linchengIn((await canvas.boundingBox())!);
    await page.mouse.click(x, y);
    await page.getByRole('heading', { level: 1, name: '林城镇' }).waitFor();
    expect(faults).toEqual([]);
  });

  it('is zoomed by two fingers about the place between them, without the page moving', async () => {
    const own = await bench.fixture({ devices: 0, geometry: true });
    const { page, context, faults } = await show(own, { path: '/map', width: 390, height: 844 });
    const canvas = page.getByRole('img', { name: /地图/ });
    await canvas.waitFor();
    const box = (await canvas.boundingBox())!;
    const hand = await context.newCDPSession(page);
    const x = box.x + box.width / 2;
    const y = box.y + box.height / 2;
    const fingers = (apart: number) =>
      [-1, 1].map((side, id) => ({ id, x: x + side * apart, y: y + side * apart }));
    await hand.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: fingers(20) });
    for (const apart of [30, 40, 50, 60])
      await hand.send('Input.dispatchTouchEvent', {
        type: 'touchMove',
        touchPoints: fingers(apart),
      });
    await hand.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    expect(await canvas.boundingBox()).toEqual(box);
    expect(await page.evaluate('visualViewport.scale')).toBe(1);
    expect(new URL(page.url()).searchParams.get('area')).toBeNull();
    // Three times as far from the middle as before, which lay outside of Lincheng then.
    const place = linchengIn(box, 3);
    await page.mouse.click(place.x, place.y);
    await page.getByRole('heading', { level: 1, name: '林城镇' }).waitFor();
    expect(faults).toEqual([]);
  });

  it.each(['tiles', 'points'])(
    'leads to the first device where there is none (%s)',
    async (view) => {
      const own = await bench.fixture({ devices: 0, rights: ALL_RIGHTS });
      const { page } = await show(own, { path: `/map?view=${view}` });
      await page.getByRole('link', { name: '导入清单' }).waitFor();
      await page.getByRole('link', { name: '添加设备' }).click();
      await expect.poll(() => new URL(page.url()).pathname).toBe('/add-device');
    },
  );

  it.each(['tiles', 'points'])(
    'says what to do where no device has a position (%s)',
    async (view) => {
      const own = await bench.fixture({ devices: 3, rights: ALL_RIGHTS });
      for (const device of own.devices) Object.assign(device, { longitude: null, latitude: null });
      const { page } = await show(own, { path: `/map?view=${view}` });
      await page.getByText('还没有设备坐标').waitFor();
      await page.getByRole('link', { name: '打开设备列表' }).waitFor();
      await page.getByRole('link', { name: '去导入' }).click();
      await expect.poll(() => new URL(page.url()).pathname).toBe('/import');
    },
  );

  it('tells the values of a device that is marked, what people come for first', async () => {
    const bin = county.devices.find(
      ({ id, state, longitude }) =>
        id.startsWith('bin') && state === 'online' && longitude !== null,
    );
    const { page } = await show(county, { path: `/map?device=${bin?.id}` });
    expect(await page.locator('.map-marked .value-name').first().innerText()).toBe('满溢度');
  });
});

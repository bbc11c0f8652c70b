/** Corrections in Chromium over the fixture: what is wrong stands at its field, what was begun stays, lists are found one's way in. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench, Page } from './testing.ts';

describe('corrections', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 60, rights: ALL_RIGHTS, corrections: 1_000 });
  });

  const show: Bench['page'] = (...given) => bench.page(...given);
  const sewage = (n = 0): string =>
    county.devices.filter(({ id, state }) => id.startsWith('sewage') && state === 'online')[n]
      ?.id ?? '';
  const field = (page: Page, name: string) => page.locator(`.correction-form [name=${name}]`);
  /** What stands at a field that is wrong; empty when nothing does. */
  const faultAt = async (page: Page, name: string): Promise<string> => {
    const id = await field(page, name).getAttribute('aria-describedby');
    return id === null ? '' : page.locator(`#${id}`).innerText();
  };
  /** An hour so many days ago, as fields have it. */
  const hour = (days: number): readonly [string, string] => {
    const day = new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
    return [`${day}T08:00`, `${day}T09:00`];
  };
  const SPAN = hour(20);
  async function mark(page: Page, [from, to]: readonly [string, string] = SPAN): Promise<void> {
    await field(page, 'from').fill(from);
    await field(page, 'to').fill(to);
  }

  it('tells at each field what it lacks, and goes there', async () => {
    const { page, faults } = await show(county, {
      path: `/corrections/devices/${sewage()}?metric=cod`,
    });
    const submit = page.getByRole('button', { name: '提交订正' });
    await submit.click();
    await page.getByText('请先在曲线上标出时段').waitFor();
    expect(await field(page, 'from').evaluate((one) => one === document.activeElement)).toBe(true);
    await mark(page, [SPAN[1], SPAN[0]]);
    await submit.click();
    await expect.poll(() => faultAt(page, 'to')).toBe('结束时间须晚于开始时间。');
    expect(await faultAt(page, 'reason')).toBe('请写明理由。');
    await mark(page);
    await field(page, 'kind').selectOption('offset');
    for (const [typed, told] of [
      ['', '请填数字'],
      ['abc', '请填数字'],
      ['0', '不能是 0'],
    ] as const) {
      await field(page, 'value').fill(typed);
      await page.getByRole('button', { name: '预览影响' }).click();
      await expect.poll(() => faultAt(page, 'value')).toContain(told);
    }
    // The wide figures of a Chinese keyboard are figures.
    await field(page, 'value').fill('－２．５');
    const asked = page.waitForRequest((request) => request.url().endsWith('/preview'));
    await page.getByRole('button', { name: '预览影响' }).click();
    expect((await asked).postDataJSON()).toMatchObject({ value: -2.5 });
    expect(await faultAt(page, 'value')).toBe('');
    await field(page, 'kind').selectOption('reassign');
    for (const [typed, told] of [
      ['', '请填设备编号'],
      [sewage(), '这就是本设备'],
      // What only the server knows stands at its field, too.
      ['no-such-device', '找不到这台设备'],
    ] as const) {
      await field(page, 'target').fill(typed);
      await page.getByRole('button', { name: '预览影响' }).click();
      await expect.poll(() => faultAt(page, 'target')).toContain(told);
    }
    expect(faults).toEqual([]);
  });

  it.each([
    [1440, 'zh'],
    [390, 'en'],
  ] as const)(
    'shows what would change in words before it is submitted (%i px, %s)',
    async (width, language) => {
      const zh = language === 'zh';
      const { page, faults } = await show(county, {
        path: `/corrections/devices/${sewage(1)}?metric=cod`,
        ...{ width, language },
      });
      const [from, to] = zh ? SPAN : hour(25);
      await mark(page, [from, to]);
      await field(page, 'kind').selectOption('factor');
      await field(page, 'reason').fill('scale');
      const change = page.locator('.change-list');
      // A slip of the hand makes values that cannot be.
      await field(page, 'value').fill('-10');
      await page
        .getByRole('button', { name: zh ? '预览影响' : 'Preview' })
        .first()
        .click();
      const beyond = change.getByText(zh ? /超出量程（化学需氧量 / : /out of range \(Chemical/);
      await beyond.waitFor();
      await field(page, 'value').fill('1.25');
      await page.getByRole('button', { name: zh ? '提交订正' : 'Submit' }).click();
      await change.getByRole('table').nth(1).waitFor();
      expect(await beyond.count()).toBe(0);
      const said = await change.innerText();
      expect(said).toContain(zh ? '化学需氧量小时均值' : 'hourly mean');
      expect(said).not.toMatch(/hourly-mean|water\.cod|\d\.\d{6}/);
      expect(said).toContain('mg/L');
      expect(await sideways(page)).toBe(0);
      await page.getByRole('button', { name: zh ? '提交订正' : 'Submit' }).click();
      await page.getByText(zh ? '已提交，等待另一人审批' : 'waits for a second person').waitFor();
      // The same again is a contradiction, named by its number.
      await mark(page, [from, to]);
      await field(page, 'value').fill('1.25');
      await page
        .locator('.correction-form')
        .getByRole('button', { name: zh ? '预览影响' : 'Preview' })
        .click();
      await page.getByText(zh ? /与订正 \d+ 矛盾/ : /contradicts correction \d+/).waitFor();
      expect(faults).toEqual([]);
    },
  );

  it('keeps what was begun over a reload and a session that ends', async () => {
    const { page, context } = await show(county, {
      path: `/corrections/devices/${sewage(2)}?metric=nh3n`,
    });
    await mark(page);
    await field(page, 'kind').selectOption('offset');
    await field(page, 'value').fill('0.25');
    await field(page, 'reason').fill('写到一半');
    const whole = async (): Promise<string[]> =>
      Promise.all(['from', 'kind', 'value', 'reason'].map((one) => field(page, one).inputValue()));
    const begun = [SPAN[0], 'offset', '0.25', '写到一半'];
    await expect.poll(whole).toEqual(begun);
    await page.reload();
    await field(page, 'value').waitFor();
    expect(await whole()).toEqual(begun);
    await context.clearCookies();
    await page.getByRole('button', { name: '预览影响' }).click();
    await page.getByLabel('用户名').fill('admin');
    await page.getByLabel('密码').fill('fixture-password');
    await page.getByRole('button', { name: '登录' }).click();
    await field(page, 'value').waitFor();
    expect(await whole()).toEqual(begun);
  });

  it('says that somebody was faster, in another tab', async () => {
    const first = await show(county, { path: '/corrections?state=waiting' });
    const second = await show(county, {
      path: '/corrections?state=waiting',
      cookies: await first.context.cookies(),
    });
    for (const { page } of [first, second])
      await page.getByRole('button', { name: '批准' }).first().waitFor();
    await first.page.getByRole('button', { name: '预览影响' }).first().click();
    await first.page.locator('.change-list').getByText('需要另一人审批').waitFor();
    await first.page.getByRole('button', { name: '批准' }).first().click();
    const told = first.page.getByText('已批准并生效');
    await told.waitFor();
    // What would have changed has: nothing says any more that somebody has to approve it; the focus is at what was done.
    await expect.poll(() => first.page.locator('.change-list').count()).toBe(0);
    expect(await told.evaluate((one) => one === document.activeElement)).toBe(true);
    await second.page.getByRole('button', { name: '批准' }).first().click();
    await second.page.getByText('别人已经处理过').waitFor();
    expect(second.faults).toEqual([]);
  });

  it('is taken back only when asked once more, with a word why', async () => {
    const { page } = await show(county, { path: '/corrections?state=active' });
    const item = page.locator('.corrections > li').first();
    const number = await item.locator('b').first().innerText();
    await item.getByRole('button', { name: '撤销' }).click();
    await page.keyboard.press('Escape');
    const opener = item.getByRole('button', { name: '撤销' });
    await expect.poll(() => opener.evaluate((one) => one === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await page.keyboard.type('复测无误');
    const asked = page.waitForRequest((request) => request.url().endsWith('/undo'));
    await page.keyboard.press('Enter');
    expect((await asked).postDataJSON()).toEqual({ why: '复测无误' });
    await page.getByText(`订正 ${number.slice(1)} 已撤销`).waitFor();
  });

  it('a long list is narrowed by area and person, names what it is of, and goes on', async () => {
    const { page, faults } = await show(county, { path: '/corrections' });
    const items = page.locator('.corrections > li');
    await items.nth(49).waitFor();
    expect(await items.count()).toBe(50);
    await page.getByRole('button', { name: '加载更多' }).click();
    await items.nth(99).waitFor();
    const said = await page.locator('main').innerText();
    expect(said).not.toMatch(/sewage-8-\d|shift-clock|nh3n|reassign/);
    expect(said).toMatch(/化学需氧量|氨氮/);
    await page.getByLabel('提出人').fill('zhoumin');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).toContain('by=zhoumin');
    await expect
      .poll(async () => new Set(await items.locator('.correction-story .link').allInnerTexts()))
      .toEqual(new Set(['zhoumin']));
    const device = county.devices.find(({ id }) => id.startsWith('sewage'));
    await page.getByLabel('区域').selectOption(`${device?.area.parent}`);
    await expect.poll(() => page.url()).toContain(`area=${device?.area.parent}`);
    // The list of before stands greyed until this one is here.
    await page.locator('.panel.busy').waitFor({ state: 'detached' });
    const named = items.first().locator('a').first();
    const name = await named.innerText();
    await named.click();
    await page.getByText(`设备：${name}`).waitFor();
    await page.getByRole('link', { name: '清除筛选' }).click();
    await items.nth(49).waitFor();
    expect(new URL(page.url()).search).toBe('');
    await page.goBack();
    await expect.poll(() => page.getByLabel('提出人').inputValue()).toBe('zhoumin');
    expect(await page.getByText(`设备：${name}`).count()).toBe(1);
    expect(faults).toEqual([]);
  });

  it('who may only read is offered nothing to write', async () => {
    const clerks = await bench.fixture({
      devices: 30,
      rights: ['devices.read', 'readings.read', 'corrections.read'],
    });
    const id = clerks.devices.find((one) => one.id.startsWith('sewage'))?.id;
    const { page, faults } = await show(clerks, { path: `/corrections/devices/${id}` });
    await page.getByRole('heading', { name: '这台设备的订正' }).waitFor();
    await page.getByRole('img').or(page.getByText('这个时段没有数据')).waitFor();
    expect(await page.locator('.correction-form').count()).toBe(0);
    expect(await page.getByText('选定时段').count()).toBe(0);
    await page.goto(`${clerks.url}/corrections`);
    await page.locator('.corrections > li').first().waitFor();
    expect(await page.getByRole('button', { name: /批准|撤销|撤回|驳回/ }).count()).toBe(0);
    expect(faults).toEqual([]);
  });
});

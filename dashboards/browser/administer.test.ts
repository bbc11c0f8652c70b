/** Changing, moving and retiring a device, gateways and the tree of areas, in Chromium. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { complaints } from './look.ts';
import type { Bench, Locator, OpenPage, PageOptions } from './testing.ts';

describe('an administrator', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
  });

  function show(options: PageOptions, own = county): Promise<OpenPage> {
    return bench.page(own, options);
  }
  /** What can be done with an area; a phone shows it when it is asked for. */
  async function unfolded(row: Locator): Promise<Locator> {
    await row.waitFor();
    const folded = row.locator('.area-more:not([open]) > summary');
    if ((await folded.count()) > 0) await folded.click();
    return row;
  }
  const bins = (own: Fixture): string[] =>
    own.devices.map(({ id }) => id).filter((id) => id.startsWith('bin'));

  it('renames and moves a device, and is told when somebody else was first', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const [id = ''] = bins(own);
    const opened = await show({ path: `/devices/${id}` }, own);
    const { page, faults } = opened;
    await page.getByRole('button', { name: '修改', exact: true }).click();
    const change = page.getByRole('dialog', { name: '修改登记信息' });
    await change.getByLabel('名称').fill('改名的桶');
    expect(await complaints(page)).toEqual([]);
    own.changeMeanwhile(id);
    await change.getByRole('button', { name: '保存' }).click();
    await change.getByRole('alert').getByText('已有别人改过').waitFor();
    expect(await change.getByLabel('名称').inputValue()).toBe('改名的桶');
    own.changeMeanwhile(null);
    await change.getByRole('button', { name: '保存' }).click();
    await page.getByRole('heading', { name: '改名的桶', level: 1 }).waitFor();
    await page.getByRole('button', { name: '移到其他区域' }).click();
    const move = page.getByRole('dialog', { name: '移到其他区域' });
    await move.getByText('从本小时起计入新区域').waitFor();
    await move.getByLabel('按名称或代码查找区域').fill('330522202000');
    await move.getByRole('radio', { name: /^吕山乡/ }).check();
    await move.getByRole('button', { name: '移动' }).click();
    await page.getByRole('navigation', { name: '所在位置' }).getByText('吕山乡').waitFor();
    expect(faults.filter((fault) => !fault.includes('409'))).toEqual([]);
  });

  it('says attributes of a device from a time on, and is told when somebody else was first', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const [id = ''] = bins(own);
    const opened = await show({ path: `/devices/${id}` }, own);
    const { page, faults } = opened;
    const panel = page.getByRole('region', { name: '标签与属性' });
    await panel.getByText('还没有登记标签或属性').waitFor();
    await panel.getByRole('button', { name: '登记一项' }).click();
    const add = page.getByRole('dialog', { name: '登记标签或属性' });
    await add.getByLabel('登记什么').selectOption('bin-height');
    await add.getByLabel('数值（m）').fill('1.4');
    await add.getByLabel('从何时起').fill('2026-03-01T08:20');
    expect(await complaints(page)).toEqual([]);
    await add.getByRole('button', { name: '保存' }).click();
    await panel.getByText('1.4 m').waitFor();
    await panel.getByText('自 2026-03-01 08:00').waitFor();
    await panel.getByRole('button', { name: '修改 桶高' }).click();
    const change = page.getByRole('dialog', { name: '修改 桶高' });
    await change.getByLabel('数值（m）').fill('1.6');
    own.changeMeanwhile(id);
    await change.getByRole('button', { name: '保存' }).click();
    await change.getByRole('alert').getByText('已有别人改过').waitFor();
    own.changeMeanwhile(null);
    await change.getByRole('button', { name: '保存' }).click();
    await panel.getByText('1.6 m').waitFor();
    await panel.getByText('以前的 1 项').click();
    await panel.getByText('1.4 m').waitFor();
    await panel.getByRole('button', { name: '终止 桶高' }).click();
    await page
      .getByRole('dialog', { name: '终止 桶高' })
      .getByRole('button', { name: '终止', exact: true })
      .click();
    await panel.getByText('以前的 2 项').waitFor();
    await panel.getByText('还没有登记标签或属性').waitFor();
    expect(await complaints(page)).toEqual([]);
    expect(faults.filter((fault) => !fault.includes('409'))).toEqual([]);
  });

  it('shows what was written before there was a list, and has one chosen before it is changed', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const sewage = own.devices.find(({ id }) => id.startsWith('sewage'))?.id;
    const { page, faults } = await show({ path: `/devices/${sewage}` }, own);
    const panel = page.getByRole('region', { name: '标签与属性' });
    await panel.getByText('一级A标准').waitFor();
    await panel.getByRole('button', { name: '修改 排放标准' }).click();
    const change = page.getByRole('dialog', { name: '修改 排放标准' });
    const words = change.getByLabel('内容');
    expect(await words.inputValue()).toBe('');
    await words.getByText('请选择（现为“一级A标准”）').waitFor({ state: 'attached' });
    expect(await complaints(page)).toEqual([]);
    // The browser keeps a form back in which none is chosen.
    await change.getByRole('button', { name: '保存' }).click();
    expect(await words.evaluate((one: HTMLSelectElement) => one.validity.valueMissing)).toBe(true);
    await words.selectOption({ label: '农村生活污水 DB33/973 一级' });
    await change.getByRole('button', { name: '保存' }).click();
    await panel.locator('b').getByText('农村生活污水 DB33/973 一级').waitFor();
    await panel.getByText('以前的 2 项').click();
    await panel.locator('b').getByText('一级A标准').waitFor();
    expect(faults).toEqual([]);
  });

  it('says a label of an area on the page of areas, on a phone in English', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const opened = await show(
      { path: '/areas', width: 390, height: 844, language: 'en', dark: true },
      own,
    );
    const { page, faults } = opened;
    await page.getByLabel('Find by name or code').fill('330522101000');
    const row = page.locator('.area-row').filter({ hasText: '330522101000' });
    await (await unfolded(row)).getByRole('button', { name: 'Attributes' }).click();
    const panel = page.getByRole('region', { name: 'Hongqiao · Labels and attributes' });
    await panel.getByRole('button', { name: 'Add one' }).click();
    const add = page.getByRole('dialog', { name: 'Add a label or attribute' });
    await add.getByLabel('What').selectOption('');
    await add.getByLabel('Name of the label').fill('Not a key');
    await add.getByLabel('Value').fill('Li Wei');
    await add.getByRole('button', { name: 'Save' }).click();
    // The browser keeps a form back whose name is none.
    expect(
      await add
        .getByLabel('Name of the label')
        .evaluate((node: HTMLInputElement) => node.validity.patternMismatch),
    ).toBe(true);
    await add.getByLabel('Name of the label').fill('owner');
    expect(await complaints(page)).toEqual([]);
    await add.getByRole('button', { name: 'Save' }).click();
    await panel.getByText('Li Wei').waitFor();
    expect(await complaints(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('whose rights end at reading sees what is said and no way to change it', async () => {
    const own = await bench.fixture({ devices: 30, rights: ['devices.read'] });
    const sewage = own.devices.find(({ id }) => id.startsWith('sewage'))?.id;
    const { page } = await show({ path: `/devices/${sewage}` }, own);
    const panel = page.getByRole('region', { name: '标签与属性' });
    await panel.getByText('120 m³/d').waitFor();
    await panel.getByText('中型').waitFor();
    expect(await panel.getByRole('button').count()).toBe(0);
  });

  it('retires a device only after saying so', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const [, id = ''] = bins(own);
    const { page } = await show({ path: `/devices/${id}`, width: 390, height: 844 }, own);
    await page.getByRole('button', { name: '停用', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: '停用这台设备' });
    await dialog.getByText('数据不会删除').waitFor();
    await dialog.getByLabel('原因').fill('拆除');
    await dialog.getByRole('button', { name: '停用' }).click();
    // The browser keeps a form back whose box is not ticked.
    expect(own.devices.find((one) => one.id === id)?.retiredAt).toBeUndefined();
    await dialog.getByRole('checkbox').check();
    await dialog.getByRole('button', { name: '停用' }).click();
    await page.getByText('已停用', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: '修改', exact: true }).count()).toBe(0);
    expect(await page.getByRole('link', { name: '接入与密钥' }).count()).toBe(0);
  });

  it.each([
    [1440, 'zh', false],
    [390, 'en', true],
  ] as const)(
    'brings a retired device back with its new secret, and is told what no longer fits (%i px, %s)',
    async (width, language, dark) => {
      const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
      const zh = language === 'zh';
      const [, id = ''] = bins(own);
      own.retire(id, '拆除');
      const opened = await show({ path: `/devices/${id}`, width, language, dark }, own);
      const { page, faults } = opened;
      await page.getByText(zh ? '原因：拆除' : 'Reason: 拆除').waitFor();
      expect(await complaints(page)).toEqual([]);
      await page.getByRole('button', { name: zh ? '恢复' : 'Reinstate' }).click();
      const dialog = page.getByRole('dialog', { name: zh ? '恢复这台设备' : 'Reinstate this' });
      own.takeMeanwhile(id);
      await dialog.getByRole('button', { name: zh ? '恢复' : 'Reinstate' }).click();
      await dialog.getByText(zh ? '地址：属于同类型的另一台设备' : 'Address belongs to').waitFor();
      expect(await complaints(page)).toEqual([]);
      own.takeMeanwhile(null);
      own.changeMeanwhile(id);
      await dialog.getByRole('button', { name: zh ? '恢复' : 'Reinstate' }).click();
      await dialog.getByText(zh ? '已有别人改过' : 'has changed it meanwhile').waitFor();
      own.changeMeanwhile(null);
      await dialog.getByRole('button', { name: zh ? '恢复' : 'Reinstate' }).click();
      await page.waitForURL(`**/devices/${id}/connect`);
      await page.getByText('x8Kq2mV5rT9wY3zA7bC1dEfG').first().waitFor();
      expect(faults.filter((fault) => !/409|422/.test(fault))).toEqual([]);
    },
  );

  it.each([
    [1440, 'zh', false],
    [390, 'en', true],
  ] as const)(
    'sees gateways, adds one and gets its file (%i px, %s)',
    async (width, language, dark) => {
      const zh = language === 'zh';
      const opened = await show({ path: '/gateways', width, language, dark });
      const { page, faults } = opened;
      await page.getByRole('heading', { name: '一号网关' }).waitFor();
      await page.getByText('1,240').waitFor();
      expect(await complaints(page)).toEqual([]);
      await page.getByRole('link', { name: zh ? '添加网关' : 'Add a gateway' }).click();
      await page.getByLabel(zh ? '网关编号' : 'Id of the gateway').fill(`gw-${width}`);
      await page.getByLabel(zh ? '名称' : 'Name', { exact: true }).fill('新网关');
      await page.getByRole('radio').first().check();
      expect(await complaints(page)).toEqual([]);
      await page.getByRole('button', { name: zh ? '添加并接入' : 'Add and connect' }).click();
      await page.waitForURL(`**/gateways/gw-${width}/connect`);
      const secret = await page.locator('.secret-words output').nth(1).innerText();
      const file = page.locator('.lines pre').last();
      expect(await file.innerText()).toContain(`secret: "${secret}"`);
      expect(await file.innerText()).toContain('url: "mqtt://127.0.0.1:1883"');
      await page.getByText(zh ? '正在等待网关连接' : 'Waiting for the gateway').waitFor();
      expect(await complaints(page)).toEqual([]);
      expect(faults).toEqual([]);
    },
  );

  it.each([
    [1440, 'zh', false],
    [390, 'en', true],
  ] as const)(
    'finds areas in their tree, adds and changes one (%i px, %s)',
    async (width, language, dark) => {
      const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
      const zh = language === 'zh';
      const opened = await show({ path: '/areas', width, language, dark }, own);
      const { page, faults } = opened;
      const name = zh ? '洪桥镇' : 'Hongqiao';
      await page.getByRole('button', { name: zh ? `展开 ${name}` : `Unfold ${name}` }).click();
      expect(await complaints(page)).toEqual([]);
      await page.getByLabel(zh ? '按名称或代码查找' : 'Find by name or code').fill('330522101000');
      const row = page.locator('.area-row').filter({ hasText: '330522101000' });
      await (await unfolded(row))
        .getByRole('button', { name: zh ? '添加村' : 'Add a village' })
        .click();
      const dialog = page.getByRole('dialog', {
        name: zh ? `在 ${name} 之下添加区域` : `Add an area below ${name}`,
      });
      await dialog.getByLabel(zh ? '中文名称' : 'Chinese name').fill('新村');
      await dialog.getByLabel(zh ? '英文名称' : 'English name').fill('New Village');
      await dialog.getByRole('button', { name: zh ? '添加' : 'Add it', exact: true }).click();
      await dialog.getByText(zh ? '须为 12 位数字' : 'must have 12 digits').waitFor();
      await dialog.getByLabel(zh ? '区划代码' : 'Code', { exact: true }).fill('330522101299');
      await dialog.getByRole('button', { name: zh ? '添加' : 'Add it', exact: true }).click();
      await dialog.waitFor({ state: 'hidden' });
      await row.getByRole('button', { name: zh ? '修改' : 'Change' }).click();
      const change = page.getByRole('dialog', { name: zh ? `修改 ${name}` : `Change ${name}` });
      await change.getByLabel(zh ? '中文名称' : 'Chinese name').waitFor();
      expect(await change.getByLabel(zh ? '中文名称' : 'Chinese name').inputValue()).toBe('洪桥镇');
      own.changeMeanwhile('330522101000');
      await change.getByRole('button', { name: zh ? '保存' : 'Save' }).click();
      await change.getByRole('alert').waitFor();
      expect(faults.filter((fault) => !/4(?:09|22)/.test(fault))).toEqual([]);
    },
  );

  it('shows an area that was added below a folded one', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const { page, faults } = await show({ path: '/areas' }, own);
    const row = page.locator('.area-row').filter({ hasText: '330522101000' });
    const fold = row.getByRole('button', { name: '展开 洪桥镇' });
    expect(await fold.getAttribute('aria-expanded')).toBe('false');
    await row.getByRole('button', { name: '添加村' }).click();
    const dialog = page.getByRole('dialog', { name: '在 洪桥镇 之下添加区域' });
    await dialog.getByLabel('区划代码', { exact: true }).fill('330522101298');
    await dialog.getByLabel('中文名称').fill('新村');
    await dialog.getByLabel('英文名称').fill('New Village');
    await dialog.getByRole('button', { name: '添加', exact: true }).click();
    await row.locator('.area-fold[aria-expanded="true"]').waitFor();
    expect(faults).toEqual([]);
  });

  it.each([
    [1440, 'zh', false],
    [390, 'en', true],
  ] as const)(
    'finds what secrets are bound to, looks at one and releases it (%i px, %s)',
    async (width, language, dark) => {
      const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
      const zh = language === 'zh';
      const opened = await show({ path: '/gateways', width, language, dark }, own);
      const { page, faults } = opened;
      const gateway = page.getByRole('button', { name: `${zh ? '查看' : 'Look'} 一号网关` });
      await page.getByRole('link', { name: zh ? '客户端标识' : 'Client ids' }).click();
      await gateway.waitFor();
      expect(await complaints(page)).toEqual([]);
      const bound = own.devices.find(({ id }) => id.endsWith('8'));
      await page
        .getByLabel(zh ? '按编号、名称或客户端标识查找' : 'Find by id, name or client id')
        .fill(`DTU-${bound?.id}`);
      await gateway.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: `${zh ? '查看' : 'Look'} ${bound?.name}` }).click();
      const dialog = page.getByRole('dialog', { name: bound?.name ?? '' });
      await dialog.getByText('mqttjs_5f2a91c0').waitFor();
      await dialog
        .getByText(zh ? '请更换密钥而不是解除绑定' : 'renew it rather than release')
        .waitFor();
      expect(await complaints(page)).toEqual([]);
      await dialog.getByRole('button', { name: zh ? '解除绑定' : 'Release' }).click();
      await page
        .getByRole('status')
        .getByText(zh ? `已解除“${bound?.name}”的绑定` : `“${bound?.name}” is released`)
        .waitFor();
      await page.getByText(zh ? '没有匹配的绑定' : 'No such binding').waitFor();
      await page.getByRole('link', { name: zh ? '清除条件' : 'Clear' }).click();
      await gateway.waitFor();
      expect(faults).toEqual([]);
    },
  );

  it('of a site that takes any client id is told how secrets are bound', async () => {
    const own = await bench.fixture({ devices: 0, rights: ALL_RIGHTS });
    const { page } = await show({ path: '/client-ids' }, own);
    await page.getByText('本站接受任何客户端标识').waitFor();
    await page.getByRole('link', { name: '查看配置' }).click();
    await page.waitForURL('**/system/configuration');
  });

  it.each([
    [1440, 'zh', false],
    [390, 'en', true],
  ] as const)(
    'retires an area that nothing is of, sees it with a filter and brings it back (%i px, %s)',
    async (width, language, dark) => {
      const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
      const zh = language === 'zh';
      const opened = await show({ path: '/areas', width, language, dark }, own);
      const { page, faults } = opened;
      const find = page.getByLabel(zh ? '按名称或代码查找' : 'Find by name or code');
      const taken = new Set(own.devices.map(({ area }) => area.code));
      const free = ['200', '201', '202', '203', '204']
        .map((end) => `330522101${end}`)
        .find((code) => !taken.has(code));
      if (free === undefined) throw new Error('every village of the fixture has a device');
      await find.fill('330522101000');
      const upper = page.locator('.area-row').filter({ hasText: '330522101000' });
      await (await unfolded(upper)).getByRole('button', { name: zh ? '停用' : 'Retire' }).click();
      const refusal = page.getByRole('dialog', { name: zh ? '停用 洪桥镇' : 'Retire Hongqiao' });
      const below = refusal.getByRole('link', { name: zh ? '5 个下级区域' : 'Areas below: 5' });
      expect(await below.getAttribute('href')).toBe('/areas/330522101000');
      expect(await refusal.getByRole('button', { name: zh ? '停用' : 'Retire' }).isDisabled()).toBe(
        true,
      );
      expect(await complaints(page)).toEqual([]);
      await refusal.getByRole('button', { name: zh ? '取消' : 'Cancel' }).click();
      await find.fill(free);
      const row = page.locator('.area-row').filter({ hasText: free });
      await (await unfolded(row)).getByRole('button', { name: zh ? '停用' : 'Retire' }).click();
      const dialog = page.locator('dialog[open]');
      await dialog.getByRole('checkbox').check();
      await dialog.getByLabel(zh ? '原因' : 'Reason').fill('并村');
      own.changeMeanwhile(free);
      await dialog.getByRole('button', { name: zh ? '停用' : 'Retire' }).click();
      await dialog.getByRole('alert').waitFor();
      own.changeMeanwhile(null);
      expect(await complaints(page)).toEqual([]);
      await dialog.getByRole('button', { name: zh ? '停用' : 'Retire' }).click();
      await page.getByText(zh ? '没有匹配的区域' : 'No such area').waitFor();
      await page.getByLabel(zh ? '显示已停用的区域' : 'Show retired areas').check();
      await row.getByText(zh ? '已停用 · ' : 'Retired · ').waitFor();
      await row.getByText(zh ? '原因：并村' : 'Reason: 并村').waitFor();
      expect(await row.getByRole('link', { name: zh ? '添加设备' : 'Add a device' }).count()).toBe(
        0,
      );
      expect(await complaints(page)).toEqual([]);
      await (await unfolded(row)).getByRole('button', { name: zh ? '恢复' : 'Reinstate' }).click();
      await dialog.getByRole('button', { name: zh ? '恢复' : 'Reinstate' }).click();
      await row.getByRole('button', { name: zh ? '停用' : 'Retire' }).waitFor();
      expect(faults.filter((fault) => !fault.includes('409'))).toEqual([]);
    },
  );

  it('tells labels and attributes on the page of one area, and says one there', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const opened = await show({ path: '/areas/330522101000', width: 390 }, own);
    const panel = opened.page.getByRole('region', { name: '标签与属性' });
    await panel.getByRole('button', { name: '登记一项' }).click();
    const add = opened.page.getByRole('dialog', { name: '登记标签或属性' });
    await add.getByLabel('登记什么').selectOption('');
    await add.getByLabel('标签名').fill('grid');
    await add.getByLabel('内容').fill('第三网格');
    await add.getByRole('button', { name: '保存' }).click();
    await panel.getByText('第三网格').waitFor();
    expect(await complaints(opened.page)).toEqual([]);
    const looking = await bench.fixture({ devices: 30, rights: ['devices.read'] });
    const seen = await show({ path: '/areas/330522101000' }, looking);
    await seen.page.getByRole('heading', { name: '洪桥镇', level: 1 }).waitFor();
    await seen.page.getByRole('heading', { name: '最近上报的设备' }).waitFor();
    expect(await seen.page.getByRole('button', { name: '登记一项' }).count()).toBe(0);
  });

  it('retires a gateway that nothing depends on, and is told what depends on another', async () => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const opened = await show({ path: '/gateways' }, own);
    const { page, faults } = opened;
    const first = page.getByRole('listitem').filter({ hasText: '一号网关' });
    await first.getByRole('button', { name: '停用' }).click();
    const busy = page.getByRole('dialog', { name: '停用网关 gateway-01' });
    await busy.getByText('台在用设备通过它上报').waitFor();
    await busy.getByText(own.devices[0]?.name ?? '').waitFor();
    expect(await busy.getByRole('button', { name: '停用' }).isDisabled()).toBe(true);
    expect(await complaints(page)).toEqual([]);
    await busy.getByRole('button', { name: '取消' }).click();
    const second = page.getByRole('listitem').filter({ hasText: '洪桥镇网关' });
    await second.getByRole('button', { name: '停用' }).click();
    const dialog = page.getByRole('dialog', { name: '停用网关 gateway-02' });
    await dialog.getByRole('checkbox').check();
    await dialog.getByLabel('原因').fill('塔倒了');
    own.changeMeanwhile('gateway-02');
    await dialog.getByRole('button', { name: '停用' }).click();
    await dialog.getByRole('alert').getByText('已有别人改过').waitFor();
    own.changeMeanwhile(null);
    expect(await complaints(page)).toEqual([]);
    await dialog.getByRole('button', { name: '停用' }).click();
    await page.getByRole('heading', { name: '洪桥镇网关' }).waitFor({ state: 'detached' });
    await page.getByLabel('状态').selectOption('已停用');
    await page.getByRole('heading', { name: '洪桥镇网关' }).waitFor();
    await page.getByText('原因：塔倒了').waitFor();
    await page.getByRole('heading', { name: '一号网关' }).waitFor({ state: 'detached' });
    expect(await complaints(page)).toEqual([]);
    await page.goto(`${own.url}/gateways/gateway-02/connect`);
    await page.getByText('这个网关已停用').waitFor();
    await page.getByRole('link', { name: '查看全部网关' }).click();
    await page.getByRole('button', { name: '恢复' }).click();
    const back = page.getByRole('dialog', { name: '恢复网关 gateway-02' });
    await back.getByRole('button', { name: '恢复' }).click();
    await page.waitForURL('**/gateways/gateway-02/connect');
    await page.getByText('x8Kq2mV5rT9wY3zA7bC1dEfG').first().waitFor();
    expect(faults.filter((fault) => !fault.includes('409'))).toEqual([]);
  });

  it.each([390, 1440])('finds one gateway of many, page by page, at %i px', async (width) => {
    const own = await bench.fixture({ devices: 30, rights: ALL_RIGHTS, gateways: 43 });
    const opened = await show({ path: '/gateways', width }, own);
    const { page, faults } = opened;
    const cards = page.locator('.gateway-card');
    await page.getByText('已显示 20 / 45').waitFor();
    expect(await cards.count()).toBe(20);
    await page.getByText('待发最久 3 小时').waitFor();
    expect(await complaints(page)).toEqual([]);
    await page.getByRole('button', { name: '加载更多' }).click();
    await page.getByText('已显示 40 / 45').waitFor();
    await page.getByLabel('按名称、编号或区域查找').fill('gw-142');
    await page.getByText('共 1 个', { exact: true }).waitFor();
    await page.getByRole('heading', { name: '村网关 43 号' }).waitFor();
    expect(await cards.count()).toBe(1);
    await page.getByLabel('按名称、编号或区域查找').fill('nowhere');
    await page.getByText('没有匹配的网关').waitFor();
    await page.getByRole('link', { name: '清除条件' }).click();
    await page.getByText('已显示 40 / 45').waitFor();
    expect(faults).toEqual([]);
  });

  it('of a county without gateways is led to the first one', async () => {
    const own = await bench.fixture({ devices: 0, rights: ALL_RIGHTS });
    const { page } = await show({ path: '/gateways' }, own);
    await page.getByText('还没有网关').waitFor();
    await page.locator('.notice').getByRole('link', { name: '添加网关' }).click();
    await page.getByRole('heading', { name: '添加网关', level: 1 }).waitFor();
    await page.goto(`${own.url}/add-device?profile=demo/sewage-8`);
    await page.getByText('还没有网关，请先添加一个').waitFor();
  });
});

/** Headings of areas and devices as they are written elsewhere, and names without what nobody sees in them. */
import { expect, it } from 'vitest';
import { readSheet } from '../sheets/file.ts';
import { AREA_HEADINGS, DEVICE_HEADINGS } from './columns.ts';

const cellsOf = async (text: string): Promise<unknown> => {
  const sheet = await readSheet(text, DEVICE_HEADINGS);
  return 'readings' in sheet ? sheet : [sheet.faults, sheet.rows.map(({ cells }) => cells)];
};
const ROW = 'dev-1,北村空氣站,village/air-weather,330522100201,,,,,,\n';
const CELLS = {
  ...{ id: 'dev-1', name: '北村空氣站', profile: 'village/air-weather', area: '330522100201' },
  ...{ gateway: '', address: '', longitude: '', latitude: '', options: '', secret: '', clock: '' },
};

it.each([
  '設備編號,設備名稱,設備類型,所在區域,網關,設備地址,經度,緯度,選項,密鑰',
  '裝置編號,裝置名稱,裝置類型,所屬區域,閘道,位址,經度,緯度,參數,密碼',
])('of devices may be in traditional characters: %s', async (heads) => {
  expect(await cellsOf(`${heads}\n${ROW}`)).toEqual([[], [CELLS]]);
});

it('of devices may be grouped', async () => {
  const heads =
    '设备编号,设备名称,设备类型,所在区域,通信,,位置,,选项,密钥\n,,,,网关,设备地址,经度,纬度,,\n';
  expect(await cellsOf(heads + ROW)).toEqual([[], [CELLS]]);
});

it('of areas may be in traditional characters, levels too', async () => {
  const sheet = await readSheet(
    '區劃代碼,級別,中文名稱,英文名稱,上級代碼,別名,啟用日期,停用日期\n330522100000,鄉鎮,北鎮,North,330522000000,,,\n',
    AREA_HEADINGS,
  );
  expect(sheet).toMatchObject({
    faults: [],
    rows: [{ cells: { code: '330522100000', level: 'township', zh: '北鎮' } }],
  });
});

it('leave names without marks and blanks that nobody sees, and secrets as they are', async () => {
  const heads = 'id,name,profile,area,gateway,address,longitude,latitude,options,secret\n';
  const row = `dev-1,北\u00a0村\ufeff空\u200b气站,village/air-weather,330522100201,,,,,,a\u00a0b\ufeffc-secret\n`;
  expect(await cellsOf(heads + row)).toMatchObject([
    [],
    [{ name: '北 村空气站', secret: 'a\u00a0b\ufeffc-secret' }],
  ]);
});

/** The columns of the files of areas and of devices, and what people here write above them. */
import {
  AREA_CODE_DIGITS,
  type AREA_COLUMNS,
  type AreaLevel,
  type DEVICE_COLUMNS,
} from '@village/core';
import { simplified, visibleName } from '../sheets/cell.ts';
import { type Column, Headings } from '../sheets/table.ts';

export type AreaColumn = (typeof AREA_COLUMNS)[number];
/** `clock` came later: files may lack it. */
export type DeviceColumn = (typeof DEVICE_COLUMNS)[number] | 'clock';

/** Statistics and the civil service write a county with six digits and a township with nine; zeros make them twelve. */
const areaCode = (text: string): string =>
  /^(?:\d{6}|\d{9})$/.test(text) ? text.padEnd(AREA_CODE_DIGITS, '0') : text;

const LEVELS: Readonly<Record<AreaLevel, readonly string[]>> = {
  county: ['县', '区', '区县', '县级', '县级市', '市辖区'],
  township: ['乡', '镇', '街道', '乡镇', '乡级', '镇级', '乡镇级', '乡镇街道'],
  village: ['村', '社区', '行政村', '村级', '村社区', '居委会', '村委会'],
};
const levelOf = new Map(
  Object.entries(LEVELS).flatMap(([level, titles]) => titles.map((title) => [title, level])),
);
const areaLevel = (text: string): string => {
  const word = text.toLowerCase().replaceAll(/[\s、/]/g, '');
  return levelOf.get(simplified(word)) ?? word;
};

const areas: readonly Column<AreaColumn>[] = [
  {
    name: 'code',
    titles: ['区划代码', '代码', '编码', '行政区划代码', '统计用区划代码', 'area code'],
    kind: 'code',
    spelled: areaCode,
    needed: true,
  },
  {
    name: 'level',
    titles: ['级别', '层级', '行政级别'],
    kind: 'code',
    needed: true,
    spelled: areaLevel,
  },
  {
    name: 'zh',
    titles: ['中文名称', '名称', '中文名', '区域名称', 'chinese name', 'name'],
    kind: 'text',
    spelled: visibleName,
    needed: true,
  },
  {
    name: 'en',
    titles: ['英文名称', '英文名', 'english name'],
    kind: 'text',
    spelled: visibleName,
    needed: true,
  },
  {
    name: 'parent',
    titles: ['上级代码', '上级区划代码', '上级', '上级编码', 'parent code'],
    kind: 'code',
    spelled: areaCode,
  },
  { name: 'aliases', titles: ['别名', '曾用名', 'alias'], kind: 'text', spelled: visibleName },
  { name: 'validFrom', titles: ['生效日期', '启用日期', '起始日期', 'from'], kind: 'day' },
  { name: 'validTo', titles: ['失效日期', '停用日期', '终止日期', 'to'], kind: 'day' },
];

const devices: readonly Column<DeviceColumn>[] = [
  {
    name: 'id',
    titles: ['设备编号', '编号', '设备ID', '装置编号', 'device id', 'device'],
    kind: 'code',
    needed: true,
  },
  {
    name: 'name',
    titles: ['设备名称', '名称', '名字', '装置名称', 'device name'],
    kind: 'text',
    spelled: visibleName,
    needed: true,
  },
  {
    name: 'profile',
    titles: ['设备类型', '类型', '型号', '设备型号', '装置类型', 'device profile', 'type'],
    kind: 'code',
    // Ids of profiles have small letters only.
    spelled: (text) => text.toLowerCase(),
    needed: true,
  },
  {
    name: 'area',
    titles: ['区划代码', '区域', '所在区域', '区域代码', '所属区域', 'area code'],
    kind: 'code',
    spelled: areaCode,
    needed: true,
  },
  { name: 'gateway', titles: ['网关', '网关编号', '所属网关', '闸道', 'gateway id'], kind: 'code' },
  {
    name: 'address',
    titles: ['设备地址', '地址', '位址', '通信地址', 'DevEUI', '序列号', 'device address'],
    kind: 'code',
  },
  { name: 'longitude', titles: ['经度', 'lon', 'lng', 'long'], kind: 'code' },
  { name: 'latitude', titles: ['纬度', 'lat'], kind: 'code' },
  { name: 'options', titles: ['选项', '参数', '设备选项'], kind: 'text' },
  { name: 'secret', titles: ['密钥', '密码', '口令', 'password'], kind: 'text' },
  { name: 'clock', titles: ['时钟', '时钟处理', '时钟偏差'], kind: 'code', optional: true },
];

export const AREA_HEADINGS = new Headings(areas);
export const DEVICE_HEADINGS = new Headings(devices);

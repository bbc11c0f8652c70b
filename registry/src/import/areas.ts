/** Checks of a file of areas. */
import {
  AREA_LEVELS,
  type Area,
  type AreaLevel,
  isAreaCode,
  parseTime,
  Slices,
} from '@village/core';
import type { Directory } from '../directory.ts';
import type { Row } from '../sheets/table.ts';
import type { AreaColumn } from './columns.ts';
import { collector, type Expect, expectName, type ImportFault, isName } from './faults.ts';

type AreaRow = Row<AreaColumn>;

const DAY_PATTERN = /^\d{4}-\d{2}-\d{2}$/;
const ALIASES_MAX = 20;

const isDay = (text: string): boolean =>
  DAY_PATTERN.test(text) && !Number.isNaN(parseTime(`${text}T00:00:00Z`));

/** The areas of a file, and every fault of it. */
export async function readAreas(
  { rows, faults }: { rows: readonly AreaRow[]; faults: ImportFault[] },
  scope: string,
  directory: Directory,
): Promise<{ areas: Area[]; faults: ImportFault[] }> {
  const expect = collector(faults);
  const levels = new Map(rows.map(({ cells }) => [cells.code, cells.level]));
  const seen = new Set<string>();
  const slices = new Slices();
  for (const row of rows) {
    if (slices.over) await slices.next();
    expect(!seen.has(row.cells.code), row, 'code', {
      zh: '在文件中出现了两次',
      en: 'is in the file twice',
    });
    seen.add(row.cells.code);
    checkArea(row, levels, scope, directory, expect);
  }
  return { areas: faults.length > 0 ? [] : rows.map(toArea), faults };
}

function checkArea(
  row: AreaRow,
  levels: ReadonlyMap<string, string>,
  scope: string,
  directory: Directory,
  expect: Expect,
): void {
  const { code, level, zh, en, parent, aliases, validFrom, validTo } = row.cells;
  const rank = AREA_LEVELS.indexOf(level as AreaLevel);
  expect(isAreaCode(code), row, 'code', { zh: '须为 12 位数字', en: 'must have 12 digits' });
  expect(rank >= 0, row, 'level', {
    zh: `须为 ${AREA_LEVELS.join('、')} 之一`,
    en: `must be one of ${AREA_LEVELS.join(', ')}`,
  });
  expectName(expect, row, 'zh', zh);
  expectName(expect, row, 'en', en);
  const names = aliasesIn(aliases);
  expect(names.length <= ALIASES_MAX && names.every(isName), row, 'aliases', {
    zh: `最多 ${ALIASES_MAX} 个别名，以 | 分隔，每个 1 到 100 个字符`,
    en: `must be at most ${ALIASES_MAX} aliases with | between, each of 1 to 100 characters`,
  });
  for (const [column, day] of [
    ['validFrom', validFrom],
    ['validTo', validTo],
  ] as const)
    expect(day === '' || isDay(day), row, column, {
      zh: '须为确有的日期 YYYY-MM-DD，或留空',
      en: 'must be a day that there is, as YYYY-MM-DD, or empty',
    });
  expect(validFrom === '' || validTo === '' || validFrom <= validTo, row, 'validTo', {
    zh: '早于生效日期',
    en: 'is before validFrom',
  });
  const top = directory.area(scope, scope);
  const isOwn = code === scope;
  if (isOwn)
    expect(parent === (top?.area.parent ?? ''), row, 'parent', {
      zh: '本区域的上级不能改',
      en: 'your own area keeps its parent',
    });
  // What is above one's own area is nobody's to see, and still bounds its level.
  const above = isOwn ? directory.area(parent, parent) : directory.area(scope, parent);
  const parentLevel = (isOwn ? undefined : levels.get(parent)) ?? above?.area.level;
  if (!isOwn)
    expect(parentLevel !== undefined, row, 'parent', {
      zh: '既不在文件中，也不是您的区域',
      en: 'is neither in the file nor an area of yours',
    });
  expect((directory.area(code, code)?.area.retiredAt ?? null) === null, row, 'code', {
    zh: '这个区域已停用：请先恢复它，或从文件中删去这一行',
    en: 'is a retired area: reinstate it first, or leave this row out',
  });
  expect((above?.area.retiredAt ?? null) === null, row, 'parent', {
    zh: '上级区域已停用',
    en: 'is a retired area',
  });
  if (parentLevel !== undefined && rank >= 0)
    expect(AREA_LEVELS.indexOf(parentLevel as AreaLevel) < rank, row, 'parent', {
      zh: `${level} 不能在 ${parentLevel} 之下`,
      en: `a ${level} can't lie in a ${parentLevel}`,
    });
  for (const { area } of directory.area(scope, code)?.children ?? [])
    expect(levels.has(area.code) || rank < AREA_LEVELS.indexOf(area.level), row, 'level', {
      zh: `它之下有 ${area.level}（${area.code}），须高于它`,
      en: `must be above ${area.level}, since ${area.code} lies in it`,
    });
  const foreign =
    directory.area(code, code) !== undefined && directory.area(scope, code) === undefined;
  expect(!foreign, row, 'code', { zh: '是您的范围以外的区域', en: 'is an area outside yours' });
}

const aliasesIn = (text: string): string[] =>
  text
    .split('|')
    .map((alias) => alias.trim())
    .filter((alias) => alias !== '');

function toArea({ cells }: AreaRow): Area {
  return {
    code: cells.code,
    level: cells.level as AreaLevel,
    name: { zh: cells.zh, en: cells.en },
    parent: cells.parent === '' ? null : cells.parent,
    aliases: aliasesIn(cells.aliases),
    validFrom: cells.validFrom === '' ? null : cells.validFrom,
    validTo: cells.validTo === '' ? null : cells.validTo,
  };
}

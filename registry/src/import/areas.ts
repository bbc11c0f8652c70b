/** Checks of a file of areas. */
import { AREA_COLUMNS, AREA_LEVELS, type Area, type AreaLevel, isAreaCode } from '@village/core';
import type { Directory } from '../directory.ts';
import { type CsvRow, type ImportFault, readCsv } from './csv.ts';
import { collector, type Expect, expectName } from './faults.ts';

type AreaRow = CsvRow<(typeof AREA_COLUMNS)[number]>;

const DAY_PATTERN = /^\d{4}-\d{2}-\d{2}$/;

/** The areas of a file, and every fault of it. */
export async function readAreas(
  text: string,
  scope: string,
  directory: Directory,
): Promise<{ areas: Area[]; faults: ImportFault[] }> {
  const { rows, faults } = await readCsv(text, AREA_COLUMNS);
  const expect = collector(faults);
  const levels = new Map(rows.map(({ cells }) => [cells.code, cells.level]));
  const seen = new Set<string>();
  for (const row of rows) {
    expect(!seen.has(row.cells.code), row, 'code', 'is in the file twice');
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
  const { code, level, zh, en, parent, validFrom, validTo } = row.cells;
  const rank = AREA_LEVELS.indexOf(level as AreaLevel);
  expect(isAreaCode(code), row, 'code', 'must have 12 digits');
  expect(rank >= 0, row, 'level', `must be one of ${AREA_LEVELS.join(', ')}`);
  expectName(expect, row, 'zh', zh);
  expectName(expect, row, 'en', en);
  for (const [column, day] of [
    ['validFrom', validFrom],
    ['validTo', validTo],
  ] as const)
    expect(day === '' || DAY_PATTERN.test(day), row, column, 'must be YYYY-MM-DD or empty');
  const top = directory.area(scope, scope);
  if (code === scope) {
    expect(parent === (top?.area.parent ?? ''), row, 'parent', 'your own area keeps its parent');
    return;
  }
  const parentLevel = levels.get(parent) ?? directory.area(scope, parent)?.area.level;
  expect(parentLevel !== undefined, row, 'parent', 'is neither in the file nor an area of yours');
  if (parentLevel !== undefined && rank >= 0)
    expect(
      AREA_LEVELS.indexOf(parentLevel as AreaLevel) < rank,
      row,
      'parent',
      `a ${level} can't lie in a ${parentLevel}`,
    );
  const foreign =
    directory.area(code, code) !== undefined && directory.area(scope, code) === undefined;
  expect(!foreign, row, 'code', 'is an area outside yours');
}

function toArea({ cells }: AreaRow): Area {
  return {
    code: cells.code,
    level: cells.level as AreaLevel,
    name: { zh: cells.zh, en: cells.en },
    parent: cells.parent === '' ? null : cells.parent,
    aliases: cells.aliases === '' ? [] : cells.aliases.split('|').map((alias) => alias.trim()),
    validFrom: cells.validFrom === '' ? null : cells.validFrom,
    validTo: cells.validTo === '' ? null : cells.validTo,
  };
}

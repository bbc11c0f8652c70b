/** Records as rows of a table with known columns: headings found and named, what is empty left out, faults with their place. */
import { type Label, OperationalError, Slices } from '@village/core';
import { FAULTS_MAX, type ImportFault } from '../import/faults.ts';
import { type CellKind, cellFault, cellText, headingKey } from './cell.ts';
import { lettersOf, type Merged, RowFault, type SheetRecord } from './record.ts';

/** A column that a table must have. */
export interface Column<Name extends string = string> {
  readonly name: Name;
  /** Other headings that mean it. */
  readonly titles: readonly string[];
  readonly kind: CellKind;
  /** No row is without it. */
  readonly needed?: true;
  /** The one spelling of a cell that may be spelled in several ways. */
  readonly spelled?: (text: string) => string;
  /** The table may lack it. */
  readonly optional?: true;
}

/** A row of the table, every column present as trimmed text. */
export interface Row<Name extends string> {
  /** 1-based, as a spreadsheet shows it. */
  readonly line: number;
  readonly cells: Readonly<Record<Name, string>>;
  /** Where the columns stand. */
  readonly places: ReadonlyMap<string, number>;
}

const ROWS_MAX = 100_000;
/** Headings may stand below a title; so many rows are looked at. */
export const HEADING_ROWS = 10;

/** Which columns the headings mean, by their key. */
export class Headings<Name extends string> {
  readonly columns: readonly Column<Name>[];
  readonly #byKey: ReadonlyMap<string, Column<Name>>;

  constructor(columns: readonly Column<Name>[]) {
    this.columns = columns;
    this.#byKey = new Map(
      columns.flatMap((column) =>
        [column.name, ...column.titles].map((title) => [headingKey(title), column] as const),
      ),
    );
  }

  of(text: string): Column<Name> | undefined {
    return this.#byKey.get(headingKey(text));
  }

  /** How many different columns a row names. */
  readonly known = (cells: readonly string[]): number =>
    new Set(cells.flatMap((text) => this.of(text) ?? [])).size;

  /** Whether a row names half of the columns. */
  readonly isHead = (cells: readonly string[]): boolean =>
    this.known(cells) * 2 >= this.columns.length;
}

const isEmpty = (text: string): boolean => text === '' || cellText(text, 'text').trim() === '';

/** Reads the rows of the records; faults of form come back beside the good rows. */
export async function readTable<Name extends string>(
  records: AsyncIterable<SheetRecord>,
  headings: Headings<Name>,
): Promise<{ rows: Row<Name>[]; faults: ImportFault[] }> {
  const reader = new TableReader(headings);
  const slices = new Slices();
  try {
    for await (const record of records) {
      if (slices.over) await slices.next();
      if (!record.cells.every(isEmpty)) reader.take(record);
      if (record.merged !== undefined) reader.fill(record.merged);
      if (reader.full) break;
    }
  } catch (error) {
    if (!(error instanceof RowFault)) throw error;
    reader.fault(error.row, undefined, '', error.label);
  }
  return reader.end();
}

class TableReader<Name extends string> {
  readonly #headings: Headings<Name>;
  readonly #faults: ImportFault[] = [];
  readonly #rows: (Row<Name> & { readonly cells: Record<Name, string> })[] = [];
  /** Rows before it is known which has the headings. */
  #first: SheetRecord[] = [];
  /** Which of them has the headings, while the row below is waited for: it may be a second level of them. */
  #head: number | null = null;
  #columns: (Column<Name> | undefined)[] | null = null;
  /** Rows that end before a cell that no row is without, and how many cells they have. */
  readonly #short = new Map<Row<Name>, number>();
  #hidden = false;
  readonly #places = new Map<string, number>();

  constructor(headings: Headings<Name>) {
    this.#headings = headings;
  }

  /** Nothing that follows would be told or taken. */
  get full(): boolean {
    return this.#faults.length >= FAULTS_MAX;
  }

  fault(line: number, place: number | undefined, column: string, { zh, en }: Label): void {
    if (this.full) return;
    const cell = place === undefined ? {} : { cell: `${lettersOf(place)}${line}` };
    this.#faults.push({ line, column, ...cell, message: en, zh });
  }

  take(record: SheetRecord): void {
    if (this.#columns !== null) {
      this.#row(record);
      return;
    }
    this.#first.push(record);
    if (this.#head !== null) this.#begin(this.#head);
    else if (this.#headings.isHead(record.cells)) this.#head = this.#first.length - 1;
    else if (this.#first.length >= HEADING_ROWS) this.#begin(0);
  }

  /** Gives each row of merged cells what they say. */
  fill(merged: readonly Merged[]): void {
    const byLine = new Map(this.#rows.map((row) => [row.line, row]));
    for (const { place, first, last } of merged) {
      const name = this.#columns?.[place]?.name;
      const text = name === undefined ? undefined : byLine.get(first)?.cells[name];
      if (name === undefined || text === undefined || text === '') continue;
      for (let line = first + 1; line <= last; line++) {
        const row = byLine.get(line);
        if (row !== undefined && row.cells[name] === '') row.cells[name] = text;
      }
    }
  }

  end(): { rows: Row<Name>[]; faults: ImportFault[] } {
    if (this.#columns === null && this.#first.length > 0) this.#begin(this.#head ?? 0);
    for (const [row, cells] of this.#short)
      if (this.#headings.columns.some(({ name, needed }) => needed && row.cells[name] === ''))
        this.fault(row.line, undefined, '', {
          zh: `只有 ${cells} 个单元格，标题行有 ${this.#columns?.length} 个`,
          en: `has ${cells} cells, the row of headings has ${this.#columns?.length}`,
        });
      else this.#short.delete(row);
    if (this.#columns === null && this.#faults.length === 0)
      this.fault(1, undefined, '', { zh: '文件是空的', en: 'the file is empty' });
    const rows = this.#rows.filter((row) => !this.#short.has(row));
    return { rows: this.full ? [] : rows, faults: this.#faults };
  }

  /**
   * The headings, which may stand in two rows: groups of columns above and their columns below, or the same in two languages. A row
   * of nothing but headings is none of the table.
   */
  #levelled(at: number): { row: number; cells: readonly string[]; levels: number } {
    const { row, cells } = this.#first[at] as SheetRecord;
    const isKnown = (text: string | undefined): text is string =>
      text !== undefined && this.#headings.of(text) !== undefined;
    const above = this.#first[at - 1]?.cells ?? [];
    const below = this.#first[at + 1]?.cells ?? [];
    const said = below.filter((text) => !isEmpty(text));
    const isSecond = said.length > 0 && said.every(isKnown);
    const levelled = Array.from(
      { length: Math.max(cells.length, isSecond ? below.length : 0) },
      (_, place) => {
        const text = cells[place] ?? '';
        if (isSecond && isKnown(below[place])) return below[place];
        return isEmpty(text) && isKnown(above[place]) ? above[place] : text;
      },
    );
    return { row, cells: levelled, levels: isSecond ? 2 : 1 };
  }

  /** Takes the row as that of the headings, and what follows it as rows. */
  #begin(at: number): void {
    const { row, cells, levels } = this.#levelled(at);
    const rest = this.#first.slice(at + levels);
    this.#first = [];
    const columns: (Column<Name> | undefined)[] = [];
    for (const [place, text] of cells.entries()) {
      const column = this.#headings.of(text);
      const told = cellText(text, 'text').slice(0, 60);
      if (column === undefined && told !== '')
        this.fault(row, place, told, {
          zh: '没有这一列：标题请照导入页给的空表写，用不到的列请删去',
          en: 'there is no such column: write the headings as the empty table has them that the import page gives, and delete columns that are not needed',
        });
      else if (column !== undefined && this.#places.has(column.name))
        this.fault(row, place, told, { zh: '这一列出现了两次', en: 'this column is there twice' });
      else if (column !== undefined) this.#places.set(column.name, place);
      columns.push(column);
    }
    for (const { name, titles, optional, needed } of this.#headings.columns)
      if (optional !== true && !this.#places.has(name))
        this.fault(row, undefined, name, {
          zh: `缺少“${titles[0] ?? name}”（${name}）这一列${needed ? '' : '：可以是空的，但标题要有'}`,
          en: `this column is missing${needed ? '' : '; it may be empty, but must have its heading'}`,
        });
    this.#columns = columns;
    if (this.#faults.length === 0) for (const record of rest) this.#row(record);
  }

  #row({ row, cells, notes, hidden }: SheetRecord): void {
    const columns = this.#columns ?? [];
    // Under wrong headings no row says anything.
    if (
      this.#headings.columns.some(
        ({ name, optional }) => optional !== true && !this.#places.has(name),
      )
    )
      return;
    const found: Partial<Record<Name, string>> = {};
    for (const { name, kind, spelled } of this.#headings.columns) {
      const place = this.#places.get(name) ?? -1;
      const text = cellText(cells[place] ?? '', kind);
      const fault = notes?.get(place) ?? cellFault(text, kind);
      if (fault !== undefined) this.fault(row, place, name, fault);
      found[name] = spelled?.(text) ?? text;
    }
    for (let place = 0; place < cells.length; place++)
      if (columns[place] === undefined && !isEmpty(cells[place] ?? ''))
        this.fault(row, place, '', {
          zh: '这个单元格所在的列没有标题',
          en: 'this cell stands in a column without a heading',
        });
    const taken = { line: row, cells: found as Record<Name, string>, places: this.#places };
    this.#rows.push(taken);
    if (
      this.#headings.columns.some(
        ({ name, needed }) => needed === true && (this.#places.get(name) ?? 0) >= cells.length,
      )
    )
      this.#short.set(taken, cells.length);
    if (hidden === true && !this.#hidden) {
      this.#hidden = true;
      this.fault(row, undefined, '', {
        zh: '这一行被隐藏或筛选掉了，但有内容：请取消隐藏（清除筛选），或删去这样的行',
        en: 'this row is hidden or filtered out and says something: show such rows (clear the filter), or delete them',
      });
    }
    if (this.#rows.length > ROWS_MAX)
      throw new OperationalError('too-many-rows', `more than ${ROWS_MAX} rows`);
  }
}

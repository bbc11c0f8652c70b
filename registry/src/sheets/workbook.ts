/** The sheet of an Excel file (.xlsx, .xlsm) that has the headings, as records: what its cells show, row by row, empty ones left out. */
import type { Label } from '@village/core';
import { type NumberStyle, numberText, styleOf } from './number.ts';
import { OfficePackage, tooLarge, unreadable } from './package.ts';
import { type Merged, RowFault, type SheetRecord } from './record.ts';
import { HEADING_ROWS } from './table.ts';

const MEGABYTE = 1024 * 1024;
/** Small parts, and texts of cells, which are kept in memory. */
const PART_MAX = 8 * MEGABYTE;
const STRINGS_MAX = 64 * MEGABYTE;
const COLUMNS_MAX = 1_000;
/** As many as Excel has. */
const ROWS_MAX = 1_048_576;
/** Rows of cells that are merged, together. */
const MERGED_MAX = 2_000_000;

interface Sheet {
  readonly name: string;
  readonly path: string;
}

interface Workbook {
  readonly sheets: readonly Sheet[];
  readonly from1904: boolean;
  readonly strings: readonly string[];
  readonly styles: readonly NumberStyle[];
}

/** Escapes of characters that XML can't hold. */
const unescaped = (text: string): string =>
  text.replaceAll(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );

/** Targets of the relations of a part, by id and by the last word of their type. */
async function relations(
  office: OfficePackage,
  path: string,
): Promise<{ byId: Map<string, string>; byType: Map<string, string> }> {
  const slash = path.lastIndexOf('/');
  const folder = path.slice(0, slash + 1);
  const byId = new Map<string, string>();
  const byType = new Map<string, string>();
  const rels = `${folder}_rels/${path.slice(slash + 1)}.rels`;
  if (office.has(rels))
    await office.readAll(
      rels,
      {
        open: (name, { Id, Type, Target }) => {
          if (name !== 'Relationship' || Target === undefined) return;
          const target = new URL(Target, `zip://x/${folder}`).pathname.slice(1);
          byId.set(Id ?? '', target);
          byType.set(Type?.split('/').at(-1) ?? '', target);
        },
      },
      PART_MAX,
    );
  return { byId, byType };
}

async function readStrings(office: OfficePackage, path: string): Promise<string[]> {
  const strings: string[] = [];
  let text = '';
  let [shown, phonetic] = [false, false];
  await office.readAll(
    path,
    {
      open: (name) => {
        if (name === 'si') text = '';
        else if (name === 'rPh') phonetic = true;
        shown = name === 't' && !phonetic;
      },
      text: (more) => {
        if (shown) text += more;
      },
      close: (name) => {
        shown = false;
        if (name === 'rPh') phonetic = false;
        else if (name === 'si') strings.push(unescaped(text));
      },
    },
    STRINGS_MAX,
  );
  return strings;
}

async function readStyles(office: OfficePackage, path: string): Promise<NumberStyle[]> {
  const codes = new Map<number, string>();
  const ids: number[] = [];
  let inCells = false;
  await office.readAll(
    path,
    {
      open: (name, { numFmtId, formatCode }) => {
        if (name === 'numFmt') codes.set(Number(numFmtId), formatCode ?? '');
        else if (name === 'cellXfs') inCells = true;
        else if (name === 'xf' && inCells) ids.push(Number(numFmtId ?? 0));
      },
      close: (name) => {
        if (name === 'cellXfs') inCells = false;
      },
    },
    PART_MAX,
  );
  return ids.map((id) => styleOf(id, codes.get(id)));
}

async function readBook(office: OfficePackage): Promise<Workbook> {
  const root = await relations(office, '');
  const path = root.byType.get('officeDocument') ?? 'xl/workbook.xml';
  if (path.endsWith('.bin')) throw unreadable('it is an .xlsb file; save it as .xlsx');
  if (!office.has(path))
    throw unreadable(
      office.has('word/document.xml')
        ? 'it is a Word document; copy the table into a spreadsheet and save that as .xlsx'
        : 'it is no Excel file, but packs other files; unpack it, or save the table as .xlsx',
    );
  const { byId, byType } = await relations(office, path);
  const sheets: Sheet[] = [];
  let from1904 = false;
  await office.readAll(
    path,
    {
      open: (name, attributes) => {
        const { date1904, state, id = '' } = attributes;
        if (name === 'workbookPr') from1904 = isTrue(date1904);
        const target = byId.get(id);
        if (name === 'sheet' && (state ?? 'visible') === 'visible' && target !== undefined)
          sheets.push({ name: attributes['name'] ?? '', path: target });
      },
    },
    PART_MAX,
  );
  const strings = byType.get('sharedStrings');
  const styles = byType.get('styles');
  return {
    sheets,
    from1904,
    strings: strings === undefined ? [] : await readStrings(office, strings),
    styles: styles === undefined ? [] : await readStyles(office, styles),
  };
}

/** 0-based place of the column of a cell such as `AB12`. */
function placeOf(cell: string): number {
  let place = 0;
  for (const letter of cell) {
    const digit = letter.toUpperCase().charCodeAt(0) - 64;
    if (digit < 1 || digit > 26) break;
    place = place * 26 + digit;
  }
  return place - 1;
}

const NO_VALUE: Label = {
  zh: '这个单元格是公式，文件里没有它的结果：请在 Excel 中打开、保存后再导入，或粘贴为数值',
  en: 'this cell is a formula whose result is not in the file: open and save it in Excel, or paste it as values',
};

const isTrue = (text: string | undefined): boolean => text === '1' || text === 'true';

/** Gathers the rows of a sheet from its XML. */
class Rows {
  readonly #book: Workbook;
  #ready: SheetRecord[] = [];
  #row = 0;
  #rows = 0;
  #hidden = false;
  readonly #merged: Merged[] = [];
  #mergedRows = 0;
  #place = -1;
  #cells: string[] = [];
  #notes = new Map<number, Label>();
  #type = 'n';
  #style: NumberStyle = null;
  #formula = false;
  #phonetic = false;
  /** Whether the text that comes is the value of a cell. */
  #inValue = false;
  #value: string | null = null;

  constructor(book: Workbook) {
    this.#book = book;
  }

  /** The rows since it was last asked. */
  taken(): SheetRecord[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** What follows the last row. */
  end(): SheetRecord[] {
    return this.#merged.length === 0 ? [] : [{ row: this.#row, cells: [], merged: this.#merged }];
  }

  open(name: string, { r, t, s, hidden, ref }: Readonly<Record<string, string>>): void {
    if (name === 'row') {
      if (++this.#rows > ROWS_MAX) throw tooLarge(`more than ${ROWS_MAX} rows`);
      this.#row = r === undefined ? this.#row + 1 : Number(r);
      if (!(Number.isInteger(this.#row) && this.#row > 0 && this.#row <= ROWS_MAX))
        throw unreadable(`it has a row ${r}`);
      this.#hidden = isTrue(hidden);
      this.#place = -1;
    } else if (name === 'c') {
      this.#place = r === undefined ? this.#place + 1 : placeOf(r);
      this.#type = t ?? 'n';
      this.#style = this.#book.styles[Number(s ?? 0)] ?? null;
      this.#formula = false;
      this.#value = null;
    } else if (name === 'f') this.#formula = true;
    else if (name === 'mergeCell') this.#merge(ref ?? '');
    else if (name === 'rPh') this.#phonetic = true;
    else if (name === 'v' || (name === 't' && !this.#phonetic)) {
      this.#inValue = true;
      this.#value ??= '';
    }
  }

  text(more: string): void {
    if (this.#inValue) this.#value += more;
  }

  close(name: string): void {
    if (name === 'v' || name === 't') this.#inValue = false;
    else if (name === 'rPh') this.#phonetic = false;
    else if (name === 'c') this.#cell();
    else if (name === 'row' && this.#cells.length > 0) {
      const notes = this.#notes.size === 0 ? {} : { notes: this.#notes };
      // A place that no cell spoke of is empty.
      const cells = Array.from(this.#cells, (text) => text ?? '');
      const hidden = this.#hidden ? { hidden: true as const } : {};
      this.#ready.push({ row: this.#row, cells, ...notes, ...hidden });
      this.#cells = [];
      this.#notes = new Map();
    }
  }

  /** Several rows as one cell; of several columns the first has what it says. */
  #merge(ref: string): void {
    const [from = '', to = from] = ref.split(':');
    const first = Number(/\d+$/.exec(from)?.[0]);
    const last = Math.min(Number(/\d+$/.exec(to)?.[0]), this.#row);
    if (!(last > first)) return;
    this.#mergedRows += last - first;
    if (this.#mergedRows > MERGED_MAX) throw tooLarge(`more than ${MERGED_MAX} merged cells`);
    this.#merged.push({ place: placeOf(from), first, last });
  }

  #cell(): void {
    const value = this.#value;
    if (value === null || value === '') {
      // A formula whose result is an empty text says that it is a text; one that nobody has computed says nothing.
      if (this.#formula && this.#type !== 'str') this.#put('=', NO_VALUE);
      return;
    }
    if (this.#type === 's') {
      const text = this.#book.strings[Number(value)];
      if (text === undefined) throw unreadable(`it has no text ${value}`);
      this.#put(text);
    } else if (this.#type === 'b') this.#put(value === '1' ? 'true' : 'false');
    else if (this.#type === 'e')
      this.#put(value, {
        zh: `这个单元格的公式有错误：${value}`,
        en: `the formula of this cell has an error: ${value}`,
      });
    else if (this.#type === 'n') {
      const { text, note } = numberText(value, this.#style, this.#book.from1904);
      this.#put(text, note);
    } else this.#put(unescaped(value));
  }

  #put(text: string, note?: Label): void {
    if (text.trim() === '') return;
    if (this.#place < 0 || this.#place >= COLUMNS_MAX)
      throw tooLarge(`a row has more than ${COLUMNS_MAX} columns`);
    this.#cells[this.#place] = text;
    if (note !== undefined) this.#notes.set(this.#place, note);
  }
}

/** Cells that have a format and say nothing, and rows of nothing else: a column that somebody has coloured is a million of them. */
const EMPTY_CELL = /<c r="[A-Z]{1,3}\d+"(?: s="\d+")?(?:\/>|><\/c>)/g;
const EMPTY_ROW = /<row r="\d+"[^<>]*(?:\/>|><\/row>)/g;

/** XML of a sheet without them, which costs a tenth of reading them. */
const withoutEmpty = (xml: string): string =>
  xml.includes('<![CDATA[') ? xml : xml.replaceAll(EMPTY_CELL, '').replaceAll(EMPTY_ROW, '');

async function* recordsOf(
  office: OfficePackage,
  book: Workbook,
  { path }: Sheet,
): AsyncGenerator<SheetRecord> {
  const rows = new Rows(book);
  for await (const _ of office.read(path, rows, { prepare: withoutEmpty })) yield* rows.taken();
  yield* rows.taken();
  yield* rows.end();
}

/** How much a sheet has of a table: nothing, something, headings, or headings and rows. */
const STAGES = ['empty', 'other', 'headings', 'table'] as const;
type Stage = (typeof STAGES)[number];

async function stageOf(
  records: AsyncIterable<SheetRecord>,
  isHead: (cells: readonly string[]) => boolean,
): Promise<Stage> {
  let stage: Stage = 'empty';
  let looked = 0;
  for await (const { cells } of records) {
    if (cells.length === 0) continue;
    if (stage === 'headings') return 'table';
    stage = isHead(cells) ? 'headings' : 'other';
    if (++looked === HEADING_ROWS && stage === 'other') break;
  }
  return stage;
}

/** The sheet that is meant, of those that are shown. @throws RowFault when it may be several */
async function sheetOf(
  office: OfficePackage,
  book: Workbook,
  isHead: (cells: readonly string[]) => boolean,
): Promise<Sheet | undefined> {
  if (book.sheets.length < 2) return book.sheets[0];
  const staged: { sheet: Sheet; stage: Stage }[] = [];
  for (const sheet of book.sheets)
    staged.push({ sheet, stage: await stageOf(recordsOf(office, book, sheet), isHead) });
  const tables = staged.filter(({ stage }) => stage === 'table');
  if (tables.length > 1) {
    const names = tables.slice(0, 5).map(({ sheet }) => sheet.name.slice(0, 40));
    throw new RowFault(1, {
      zh: `有 ${tables.length} 张工作表都有内容（${names.join('、')}），一次只能导入一张：请把其余的各存为一个文件，或隐藏`,
      en: `${tables.length} sheets have rows (${names.join(', ')}), and one is imported at a time: save the others as files of their own, or hide them`,
    });
  }
  return staged.toSorted((a, b) => STAGES.indexOf(b.stage) - STAGES.indexOf(a.stage))[0]?.sheet;
}

/** Records of the sheet that has the headings, of those that are shown. @throws RowFault unreadable-workbook workbook-too-large */
export async function* workbookRecords(
  bytes: Buffer,
  isHead: (cells: readonly string[]) => boolean,
): AsyncGenerator<SheetRecord> {
  const office = await OfficePackage.open(bytes);
  if (office.has('content.xml')) throw unreadable('it is an OpenDocument file; save it as .xlsx');
  const book = await readBook(office);
  const sheet = await sheetOf(office, book, isHead);
  if (sheet !== undefined) yield* recordsOf(office, book, sheet);
}

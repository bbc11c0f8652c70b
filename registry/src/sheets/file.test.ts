import { describe, expect, it } from 'vitest';
import { readSheet } from './file.ts';
import { separatedRecords } from './separated.ts';
import { Headings } from './table.ts';
import { workbookOf, zipOf } from './testing.ts';

const HEADINGS = new Headings([
  { name: 'id', titles: ['编号'], kind: 'code', needed: true },
  { name: 'name', titles: ['名称', '设备名称'], kind: 'text' },
  { name: 'since', titles: ['日期'], kind: 'day' },
]);

interface Seen {
  rows: string[][];
  faults: string[];
}
async function read(file: Buffer | string): Promise<Seen> {
  const sheet = await readSheet(file, HEADINGS);
  if ('readings' in sheet) throw new Error('asked for the encoding');
  return {
    rows: sheet.rows.map(({ line, cells }) => [String(line), cells.id, cells.name, cells.since]),
    faults: sheet.faults.map(({ line, column, cell, message }) =>
      [line, column, cell ?? '', message].join('|'),
    ),
  };
}
const good = (...rows: string[][]): Seen => ({ rows, faults: [] });
const A = ['2', 'a', '甲', ''];
const B = ['3', 'b', '乙', '2020-01-02'];

describe('text with separators', () => {
  it.each([
    ['plain', 'id,name,since\na,甲,\nb,乙,2020-01-02\n'],
    ['semicolons', 'id;name;since\na;甲;\nb;乙;2020-01-02\n'],
    ['tabs', 'id\tname\tsince\na\t甲\t\nb\t乙\t2020-01-02\n'],
    ['full-width separators', 'id，name，since\na，甲，\nb，乙，2020-01-02\n'],
    ['another order', 'since,id,name\n,a,甲\n2020-01-02,b,乙\n'],
    ['Chinese headings', '日期,编号,设备名称\n,a,甲\n2020-01-02,b,乙\n'],
    [
      'headings with width, spaces, capitals and notes',
      ' ＩＤ ,Name（必填）,"Since *"\na,甲,\nb,乙,2020-01-02\n',
    ],
    ['a mark within', '\ufeffid,\ufeffname,since\u200b\na,甲,\nb,乙,2020-01-02\n'],
    ['line ends of a Mac', 'id,name,since\ra,甲,\rb,乙,2020-01-02\r'],
    ['mixed line ends', 'id,name,since\r\na,甲,\nb,乙,2020-01-02\r'],
    [
      'empty rows and columns at the end',
      'id,name,since,,,\na,甲,,,,\nb,乙,2020-01-02,,,\n,,,,,\n,,,,,',
    ],
    ['cells missing at the end', 'id,name,since\na,甲\nb,乙,2020-01-02'],
    ['an empty column in between', 'id,,name,since\na,,甲,\nb,,乙,2020-01-02\n'],
    ['full-width and padded cells', 'id,name,since\n　ａ\u00a0,甲 ,\nb, 乙,２０２０/1/2\n'],
    ['days as they are written here', 'id,name,since\na,甲,\nb,乙,2020年1月2日\n'],
    ['quotes', '"id","name","since"\n"a","甲",""\n"b","乙","2020-01-02"\n'],
    ['a quote that made it a text', "id,name,since\n'a,甲,\n’b,乙,'2020-01-02\n"],
    ['a formula that made it a text', 'id,name,since\n="a","=""甲""",\n="b",乙,="2020-01-02"\n'],
    ['NUL to the end of a block', `id,name,since\na,甲,\nb,乙,2020-01-02\n${'\0'.repeat(37)}`],
    ['an end mark of DOS', 'id,name,since\na,甲,\nb,乙,2020-01-02\n\u001a'],
  ])('%s', async (_, text) => {
    expect(await read(text)).toEqual(good(A, B));
    expect(await read(Buffer.from(`\ufeff${text}`))).toEqual(good(A, B));
  });

  it('counts rows as a spreadsheet shows them', async () => {
    const text = '\n设备清单,,\n\n编号,名称,日期\na,"甲\n一",\n,,\nb,乙,x,surplus\n';
    expect(await read(text)).toEqual({
      rows: [
        ['5', 'a', '甲\n一', ''],
        ['7', 'b', '乙', 'x'],
      ],
      faults: ['7||D7|this cell stands in a column without a heading'],
    });
    expect(await read('sep=;\nid;name;since\na;甲;\n')).toEqual(good(['3', 'a', '甲', '']));
  });

  it('takes an inch for an inch, and tells a quote that is never closed', async () => {
    expect(await read('id,name,since\na,5" 管,\n')).toEqual(good(['2', 'a', '5" 管', '']));
    const { rows, faults } = await read('id,name,since\na,甲,\nb,"乙,\nc,丙,\n');
    expect(rows).toEqual([A]);
    expect(faults).toEqual([expect.stringMatching(/^3\|\|\|a quote that begins in this row/)]);
  });

  it('tells the row of such a quote, and gives all before it, however slowly they are taken', async () => {
    const rows = Array.from({ length: 3_000 }, (_, n) => `d${n},甲,`);
    const text = `id,name,since\n${rows.join('\n')}\nb,"乙,\nc,丙,\n`;
    const taken: number[] = [];
    const slowly = async (): Promise<void> => {
      for await (const { row } of separatedRecords(text, () => 1)) {
        taken.push(row);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await expect(slowly()).rejects.toMatchObject({ row: 3_002 });
    expect(taken).toEqual(Array.from({ length: 3_001 }, (_, n) => n + 1));
  });

  it('tells headings that are missing, unknown or there twice, with their cells', async () => {
    expect((await read('id,colour,ID,name\n1,2,3,4\n')).faults).toEqual([
      expect.stringMatching(/^1\|colour\|B1\|there is no such column: .*empty table/),
      '1|ID|C1|this column is there twice',
      expect.stringMatching(/^1\|since\|\|this column is missing; it may be empty/),
    ]);
    expect((await read('\n \n')).faults).toEqual(['1|||the file is empty']);
  });

  it('takes headings in two rows: groups above columns, one below the other, in two languages', async () => {
    const row = ['3', 'a', 'b', '2026-01-02'];
    expect(await read('id,name,time\n,,since\na,b,2026-01-02\n')).toEqual(good(row));
    expect(await read('id,name,\n编号,名称,since\na,b,2026-01-02\n')).toEqual(good(row));
    expect(await read('id,,\n,name,since\na,b,2026-01-02\n')).toEqual(good(row));
    // A row below that says more than headings is one of the table.
    expect(await read('id,name,since\nname,b,2026-01-02\n')).toEqual(
      good(['2', 'name', 'b', '2026-01-02']),
    );
    expect((await read('id,name,time\na,b,2026-01-02\n')).faults).toEqual([
      expect.stringMatching(/^1\|time\|C1\|/),
      expect.stringMatching(/^1\|since\|\|/),
    ]);
  });

  it('takes an identifier that became a number with decimals for itself, and a version for a version', async () => {
    expect(await read("id,name,since\n330522100201.0,'=1+1,\n1.0,'甲,\nc,'－3号井,\n")).toEqual(
      good(['2', '330522100201', '=1+1', ''], ['3', '1.0', "'甲", ''], ['4', 'c', '－3号井', '']),
    );
  });

  it('tells a long number that was shortened', async () => {
    const { faults } = await read('id;name;since\n1.2E+11;2E+05;\n8.66E+14;甲;\n"1,2E+11";乙;\n');
    expect(faults).toEqual([
      expect.stringMatching(
        /^2\|id\|A2\|1.2E\+11 is a long number that the spreadsheet has shortened/,
      ),
      expect.stringMatching(/^3\|id\|A3\|/),
      expect.stringMatching(/^4\|id\|A4\|1,2E\+11 is/),
    ]);
  });

  it('takes what can not be seen out of an identifier', async () => {
    const text = 'id,name,since\n\u202aa\u200b-\u00ad1\u202c,\u200e甲\u200f,\n';
    expect(await read(Buffer.from(`\ufeff${text}`))).toEqual(good(['2', 'a-1', '甲', '']));
  });

  it('is refused, with little in memory, when a row is longer than anybody needs', async () => {
    const { rows, faults } = await read(`id,name,since\na,甲,\n${','.repeat(300_000)}`);
    expect([rows, faults]).toEqual([[A], [expect.stringMatching(/^3\|\|\|a row has more than/)]]);
    const long = await read(`id,name,since\n${'a,b,c,d\n'.repeat(200_000)}`);
    expect([long.rows, long.faults.length]).toEqual([[], 1_000]);
  });

  it('lets others have their turn while a large one is read, and loses no character between two turns', async () => {
    let turns = 0;
    let reading = true;
    const turn = (): void => {
      turns++;
      if (reading) setImmediate(turn);
    };
    setImmediate(turn);
    const names = Array.from({ length: 40_000 }, (_, n) => `𠮷${'村'.repeat(n % 7)}${n}`);
    const { rows, faults } = await read(
      `id,name,since\n${names.map((name) => `a,${name},`).join('\n')}`,
    );
    reading = false;
    expect([faults, rows.map(([, , name]) => name)]).toEqual([[], names]);
    expect(turns).toBeGreaterThan(4);
  });
});

const text = (cell: string, words: string): string =>
  `<c r="${cell}" t="inlineStr"><is><t>${words}</t></is></c>`;
const head = (row = 1): string =>
  `<row r="${row}">${text(`A${row}`, 'id')}${text(`B${row}`, '名称')}${text(`C${row}`, 'since')}</row>`;

describe('an Excel file', () => {
  it('is taken as its cells show', async () => {
    const styles = `<numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;;@"/>
      <numFmt numFmtId="165" formatCode="000000"/><numFmt numFmtId="166" formatCode="[Red]&quot;day &quot;0.00"/></numFmts>
      <cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
      <cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs>`;
    const strings = [
      '<t>名称</t>',
      '<r><t>长</t></r><r><rPr><b/></rPr><t xml:space="preserve">兴 </t></r><rPh sb="0" eb="1"><t>CHANG</t></rPh>',
      '<t>a_x000A_b &amp; &lt;c&gt;</t>',
    ];
    const rows = [
      `<row><c t="inlineStr"><is><t>id</t></is></c><c t="s"><v>0</v></c>${text('C1', 'since')}</row>`,
      // 330522100201 as a number; 43832 is 2020-01-02.
      '<row r="3"><c r="A3"><v>3.30522100201E11</v></c><c r="B3" t="s"><v>1</v></c><c r="C3" s="1"><v>43832</v></c></row>',
      '<row r="4"><c r="A4" s="3"><v>42</v></c><c r="B4" t="s"><v>2</v></c><c r="C4" s="2"><v>59</v></c></row>',
      '<row r="5"><c r="A5" s="4"><v>7</v></c><c r="B5" t="str"><f>1+1</f><v>两</v></c><c r="C5" s="1"><v>43832.5</v></c></row>',
      '<row r="6"><c r="A6" t="b"><v>1</v></c><c r="B6"><v>0.30000000000000004</v></c></row>',
      '<row r="1048576"><c r="A1048576" s="1"/><c r="XFD1048576"/></row>',
    ];
    const file = workbookOf({
      styles,
      strings,
      sheets: { hidden: `<row><c><v>9</v></c></row>`, empty: '<row/>', data: rows.join('') },
    });
    expect(await read(file)).toEqual(
      good(
        ['3', '330522100201', '长兴', '2020-01-02'],
        ['4', '000042', 'a\nb & <c>', '1900-02-28'],
        ['5', '7', '两', '2020-01-02T12:00:00'],
        ['6', 'true', '0.3', ''],
      ),
    );
    const mac = `${head()}<row r="2"><c r="A2"><v>1</v></c><c r="C2" s="1"><v>42370</v></c></row>`;
    const from1904 = workbookOf({
      styles,
      sheets: { one: mac },
      book: '<workbookPr date1904="1"/>',
    });
    expect((await read(from1904)).rows).toEqual([['2', '1', '', '2020-01-02']]);
  });

  it('tells what was lost: digits, results and errors of formulas', async () => {
    const file = workbookOf({
      sheets: {
        one: `${head(2)}<row r="3"><c r="A3"><v>866123456789012345</v></c><c r="B3" t="e"><v>#REF!</v></c><c r="C3"><f>TODAY()</f></c></row>`,
      },
    });
    expect((await read(file)).faults).toEqual([
      expect.stringMatching(/^3\|id\|A3\|Excel keeps no more than 15 digits/),
      expect.stringMatching(/^3\|name\|B3\|the formula of this cell has an error: #REF!/),
      expect.stringMatching(
        /^3\|since\|C3\|this cell is a formula whose result is not in the file/,
      ),
    ]);
  });

  it('tells a formula that nobody has computed, as programs write them, from an empty text', async () => {
    const row = (cells: string): string => `${head()}<row r="2">${text('A2', 'a')}${cells}</row>`;
    for (const cell of ['<c r="C2"><f>B2</f><v/></c>', '<c r="C2"><f>B2</f><v></v></c>'])
      expect((await read(workbookOf({ sheets: { one: row(cell) } }))).faults).toEqual([
        expect.stringMatching(/^2\|since\|C2\|this cell is a formula/),
      ]);
    const empty = row('<c r="C2" t="str"><f>B2</f><v></v></c>');
    expect(await read(workbookOf({ sheets: { one: empty } }))).toEqual(good(['2', 'a', '', '']));
  });

  it('says in every row what merged cells say, where the row is one', async () => {
    const rows = [
      `<row r="1">${text('A1', '设备清单')}</row>`,
      head(2),
      `<row r="3">${text('A3', 'a')}${text('B3', '甲')}</row>`,
      `<row r="4">${text('A4', 'b')}</row>`,
      `<row r="5">${text('A5', 'c')}${text('B5', '丙')}${text('C5', '2020/1/2')}</row>`,
      `<row r="6">${text('B6', '丁')}</row>`,
      '<row r="7"><c r="A7" s="0"/></row>',
    ].join('');
    const merged = ['A1:C1', 'B3:B5', 'C5:C1048576', 'A5:A7'];
    const sheet = `${rows}</sheetData><mergeCells>${merged.map((ref) => `<mergeCell ref="${ref}"/>`).join('')}</mergeCells><sheetData>`;
    expect(await read(workbookOf({ sheets: { one: sheet } }))).toEqual(
      good(
        ['3', 'a', '甲', ''],
        ['4', 'b', '甲', ''],
        ['5', 'c', '丙', '2020-01-02'],
        ['6', 'c', '丁', '2020-01-02'],
      ),
    );
    const bomb = `${head()}<row r="1048576">${text('A1048576', 'a')}</row><mergeCell ref="B2:B1048576"/><mergeCell ref="B2:B1048576"/>`;
    await expect(read(workbookOf({ sheets: { one: bomb } }))).rejects.toMatchObject({
      code: 'workbook-too-large',
    });
  });

  it('tells rows that are hidden or filtered out and say something', async () => {
    const hidden = (attribute: string): string =>
      `${head()}<row r="2">${text('A2', 'a')}</row><row r="3" ${attribute}>${text('A3', 'b')}</row><row r="4" ${attribute}/>`;
    for (const attribute of ['hidden="1"', 'hidden="true"'])
      expect((await read(workbookOf({ sheets: { one: hidden(attribute) } }))).faults).toEqual([
        expect.stringMatching(/^3\|\|\|this row is hidden or filtered out/),
      ]);
    expect((await read(workbookOf({ sheets: { one: hidden('hidden="0"') } }))).faults).toEqual([]);
  });

  it('is that sheet of several which has the headings, and not a part of what is there', async () => {
    const notes = `<row>${text('A1', '填写说明')}</row><row>${text('A2', '不要改标题')}</row>`;
    const table = `${head()}<row r="2">${text('A2', 'a')}</row>`;
    const sheets = { 说明: notes, hidden: table, 模板: head(), 北镇: table, 字典: notes };
    expect(await read(workbookOf({ sheets }))).toEqual(good(['2', 'a', '', '']));
    expect((await read(workbookOf({ sheets: { ...sheets, 南镇: table } }))).faults).toEqual([
      expect.stringMatching(/^1\|\|\|2 sheets have rows \(北镇, 南镇\)/),
    ]);
    expect((await read(workbookOf({ sheets: { one: '', two: notes } }))).faults).toContainEqual(
      expect.stringMatching(/^1\|填写说明\|A1\|there is no such column/),
    );
  });

  it.each(['abc', '0', '1.5', '1048577', '-1'])('is refused with a row %s', async (row) => {
    const sheet = `${head()}<row r="${row}">${text('A2', 'a')}</row>`;
    await expect(read(workbookOf({ sheets: { one: sheet } }))).rejects.toMatchObject({
      code: 'unreadable-workbook',
    });
  });

  it('may have a million rows that have a format and say nothing, at little cost', async () => {
    const rows = Array.from(
      { length: 1_048_574 },
      (_, n) => `<row r="${n + 3}"><c r="A${n + 3}" s="0"/><c r="C${n + 3}" s="0"></c></row>`,
    );
    const last = `<row r="1048576">${text('A1048576', 'z')}</row>`;
    const sheet = `${head()}<row r="2"><c r="A2" s="0"/>${text('B2', 'b')}</row>${rows.slice(0, -1).join('')}${last}`;
    expect(await read(workbookOf({ sheets: { one: sheet } }))).toEqual(
      good(['2', '', 'b', ''], ['1048576', 'z', '', '']),
    );
  }, 60_000);

  it('keeps what looks like an empty cell within a text', async () => {
    const said = '<c r="A3"/>';
    const sheet = `${head()}<row r="2"><c r="A2" t="inlineStr"><is><t><![CDATA[${said}]]></t></is></c></row>`;
    expect(await read(workbookOf({ sheets: { one: sheet } }))).toEqual(good(['2', said, '', '']));
  });

  it('may have a million empty rows', async () => {
    const empty = '<row><c s="0"/></row>'.repeat(1_048_574);
    const file = workbookOf({
      sheets: { one: `${head()}<row r="2">${text('A2', 'a')}</row>${empty}` },
    });
    expect(await read(file)).toEqual(good(['2', 'a', '', '']));
  }, 60_000);

  it.each<[string, () => Buffer, string]>([
    [
      'a hundred megabytes of texts',
      () => workbookOf({ sheets: { one: head() }, strings: [`<t>${'长'.repeat(35_000_000)}</t>`] }),
      'workbook-too-large',
    ],
    [
      'a bomb',
      () => workbookOf({ sheets: { one: `${head()}${'<row/>'.repeat(2_000_000)}` } }),
      'workbook-too-large',
    ],
    [
      'deep elements',
      () => workbookOf({ sheets: { one: '<a>'.repeat(1_000_000) } }),
      'unreadable-workbook',
    ],
    [
      'attributes without end',
      () =>
        workbookOf({
          sheets: {
            one: `<row ${Array.from({ length: 10_000 }, (_, n) => `a${n}=""`).join(' ')}/>`,
          },
        }),
      'unreadable-workbook',
    ],
    [
      'a document type',
      () => zipOf({ 'xl/workbook.xml': '<!DOCTYPE a [<!ENTITY b "c">]><workbook>&b;</workbook>' }),
      'unreadable-workbook',
    ],
    [
      'columns without end',
      () => workbookOf({ sheets: { one: `<row>${text('ZZZ1', 'x')}</row>` } }),
      'workbook-too-large',
    ],
    [
      'a text that is not in it',
      () =>
        workbookOf({ sheets: { one: '<row><c t="s"><v>1</v></c></row>' }, strings: ['<t>a</t>'] }),
      'unreadable-workbook',
    ],
    ['XML that ends early', () => workbookOf({ sheets: { one: '<row>' } }), 'unreadable-workbook'],
    [
      'a text that is all of a bomb',
      () => workbookOf({ sheets: { one: `<row><c><v>${'x'.repeat(20_000_000)}</v></c></row>` } }),
      'workbook-too-large',
    ],
    ['a PDF', () => Buffer.from('%PDF-1.4\n1 0 obj'), 'unreadable-workbook'],
    ['a picture', () => Buffer.from('ffd8ffe000104a464946', 'hex'), 'unreadable-workbook'],
    ['a packed file', () => Buffer.from('1f8b080000000000', 'hex'), 'unreadable-workbook'],
    ['JSON', () => Buffer.from('[{"id": "a"}]'), 'unreadable-workbook'],
    ['an .xls of before 1997', () => Buffer.from('0908100000060500', 'hex'), 'unreadable-workbook'],
    ['no workbook', () => zipOf({ 'a.txt': 'x' }), 'unreadable-workbook'],
    ['an OpenDocument file', () => zipOf({ 'content.xml': '<a/>' }), 'unreadable-workbook'],
    [
      'a torn zip',
      () => workbookOf({ sheets: { one: head() } }).subarray(0, 600),
      'unreadable-workbook',
    ],
    [
      'an .xls or a password',
      () => Buffer.from('d0cf11e0a1b11ae10000', 'hex'),
      'unreadable-workbook',
    ],
    [
      'a web page named .xls',
      () => Buffer.from('<html><table><tr><td>id</td></tr></table></html>'),
      'unreadable-workbook',
    ],
  ])(
    'is refused as %s',
    async (_, file, code) => {
      await expect(read(file())).rejects.toMatchObject({ code });
    },
    60_000,
  );
});

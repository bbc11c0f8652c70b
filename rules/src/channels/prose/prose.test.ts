import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOON, notice, outgoing } from '../testing.ts';
import { cutBytes, cutCharacters, fitLines, oneLine } from './cut.ts';
import { plainLines, proseOf } from './prose.ts';

describe('cutting', () => {
  it('is by bytes, and never within a character', () => {
    // 汉 has three bytes, 𠮷 four (and two UTF-16 units), the ellipsis three.
    expect(cutBytes('汉汉汉', 9)).toBe('汉汉汉');
    expect(cutBytes('汉汉汉汉', 11)).toBe('汉汉…');
    expect(cutBytes('汉𠮷𠮷𠮷', 10)).toBe('汉𠮷…');
    expect(cutBytes('ab', 1)).toBe('a');
    expect(cutCharacters('𠮷𠮷𠮷', 4)).toBe('𠮷…');
  });

  it('keeps what fits and is within the limit, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat({ max: 40 }), (text, most) => {
        const bytes = cutBytes(text, most);
        expect(Buffer.byteLength(bytes)).toBeLessThanOrEqual(most);
        expect(bytes.isWellFormed()).toBe(true);
        if (Buffer.byteLength(text.toWellFormed()) <= most) expect(bytes).toBe(text.toWellFormed());
        expect(cutCharacters(text, most).length).toBeLessThanOrEqual(most);
      }),
    );
  });

  it('leaves out whole entries and says how many, and is never too long', () => {
    const list = Array.from({ length: 100 }, (_, i) => `第 ${i} 条`);
    const more = (count: number): string => `另有 ${count} 条`;
    const parts = { head: ['标题'], list, foot: ['查看'] };
    const text = fitLines(parts, 200, more).split('\n');
    expect(text[0]).toBe('标题');
    expect(text.at(-1)).toBe('查看');
    expect(text.at(-2)).toBe(`另有 ${100 - (text.length - 3)} 条`);
    expect(Buffer.byteLength(text.join('\n'))).toBeLessThanOrEqual(200);
    // One more entry would have been too much.
    const longer = [
      '标题',
      ...list.slice(0, text.length - 2),
      more(100 - (text.length - 2)),
      '查看',
    ];
    expect(Buffer.byteLength(longer.join('\n'))).toBeGreaterThan(200);
    expect(fitLines(parts, 100_000, more)).toBe(['标题', ...list, '查看'].join('\n'));
    fc.assert(
      fc.property(
        fc.array(fc.string()),
        fc.array(fc.string()),
        fc.nat({ max: 300 }),
        (head, rows, most) => {
          const fitted = fitLines({ head, list: rows, foot: ['f'] }, most, more);
          expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(most);
        },
      ),
    );
  });

  it('puts a text on one line', () => {
    expect(oneLine(' a\r\nBcc: x\u2028y\u202ez\u0000 ')).toBe('a Bcc: x y z');
  });
});

describe('what a notice says', () => {
  it('in Chinese', () => {
    const prose = proseOf(outgoing());
    expect(prose.title).toBe('【重要告警】氨氮过高');
    expect(plainLines(prose, 'zh')).toEqual([
      '地点：和平镇便民桥村',
      '设备：2 号污水站',
      '数值：10.4 mg/L（限值 8，DB33/973）',
      '开始：2026-03-01 14:05',
      '说明：约 40 分钟后溢流',
      '先做：先看曝气风机',
      '编号：A7K2',
    ]);
  });

  it('in English, when it is over, and without what is not known', () => {
    const parts = notice({
      kind: 'clear',
      value: null,
      notes: [],
      advice: null,
      until: NOON + 3_600_000,
    });
    const prose = proseOf(outgoing({ parts, language: 'en', code: null }));
    expect(prose.title).toBe('[Major] Alert is over: Ammonia nitrogen too high');
    expect(plainLines(prose, 'en')).toEqual([
      'Place: Bianminqiao, Heping',
      'Device: Sewage station 2',
      'Since: 2026-03-01 14:05',
      'Until: 2026-03-01 15:05',
    ]);
  });

  it('says that a test is one, and of a digest no severity', () => {
    const titleOf = (kind: 'test' | 'digest') =>
      proseOf(outgoing({ parts: notice({ kind }) })).title;
    expect(titleOf('test')).toBe('【测试，无需处理】氨氮过高');
    expect(titleOf('digest')).toBe('【告警汇总】氨氮过高');
  });
});

import { QUANTITIES, SEVERITIES, type Severity, unitsOf } from '@village/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTICE_KINDS, type NoticeParts } from '../contract.ts';
import { notice as ammonia, NOON as SINCE } from '../testing.ts';
import { cut, isPlain, plain } from './characters.ts';
import { PHRASES } from './phrases.ts';
import { smsSegments, smsText } from './sms.ts';
import { fillTemplate, templateValues, variablesOf } from './template.ts';
import { sayTime, spellTime } from './times.ts';
import { spell, spellUnit, spellValue } from './units.ts';
import { voiceText } from './voice.ts';

/** What the vendors name as refused, and its like. */
const REFUSED = /[³²¹μµ℃°→★•①※【】\u{1f300}-\u{1faff}\ud800-\udfff]/u;

const words = fc.oneof(
  fc.constantFrom(
    '和平镇便民桥村',
    '氨氮过高',
    '3 号井 2.5 mg/L',
    'PM2.5 35 µg/m³',
    '水温 30℃→35℃',
    '★注意★',
    '①②③',
    '【紧急】',
    '🔥着火',
    '',
    '。',
    '……',
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom('长', '兴', '县', '，', '。', 'a', ' ', '²', '𠮷'),
    maxLength: 80,
  }),
);
const label = fc.record({ zh: words, en: words });
const anyNotice: fc.Arbitrary<NoticeParts> = fc.record({
  kind: fc.constantFrom(...NOTICE_KINDS),
  severity: fc.constantFrom<Severity>(...SEVERITIES),
  place: label,
  device: label,
  what: label,
  value: fc.option(
    fc.record({
      text: fc
        .double({ noNaN: true, noDefaultInfinity: true, min: -1e5, max: 1e5 })
        .map((n) => n.toFixed(2)),
      unit: fc.constantFrom('mg/L', 'µg/m³', '℃', 'dB', 'NTU', '', '%'),
    }),
  ),
  limit: fc.option(
    fc.record({ text: fc.constantFrom('1.5', '≤ 1.5 mg/L', '6～9'), standard: fc.option(words) }),
  ),
  since: fc.integer({ min: 0, max: 4e12 }),
  until: fc.option(fc.integer({ min: 0, max: 4e12 })),
  notes: fc.array(label, { maxLength: 4 }),
  advice: fc.option(label),
  lines: fc.array(label, { maxLength: 12 }),
});
const code = fc.option(fc.stringMatching(/^[A-Z2-9]{4,6}$/));
const language = fc.constantFrom<'zh' | 'en'>('zh', 'en');

describe('characters', () => {
  it('writes what vendors refuse otherwise', () => {
    expect(plain('水温 31℃→35℃', 'zh')).toBe('水温31度到35度');
    expect(plain('面积 20 m²，PM₂.₅ ①★•', 'zh')).toBe('面积20 m2，PM2.5 1');
    expect(plain('【长兴】~7', 'zh')).toBe('（长兴）至7');
    expect(plain('ＡＢＣ１２３', 'zh')).toBe('ABC123');
    expect(plain('着火🔥了\n快来', 'zh')).toBe('着火了，快来');
    expect(plain('≥ 5, 31 ℃', 'en')).toBe('at least 5, 31 deg C');
  });

  it('what comes out is let through, by every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), language, (text, lang) => {
        const said = plain(text, lang);
        expect(isPlain(said)).toBe(true);
        expect(said).not.toMatch(REFUSED);
        expect(plain(said, lang)).toBe(said);
      }),
    );
  });

  it('cuts between code points', () => {
    expect(cut('一二三四五', 5)).toBe('一二三四五');
    expect(cut('一二三四五六', 5)).toBe('一二三四…');
    expect(cut('一二，三四五', 4)).toBe('一二…');
    expect(cut('𠮷𠮷𠮷', 2)).toBe('𠮷…');
    expect(cut('一二三', 1)).toBe('一');
    expect(cut('一二三', 0)).toBe('');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, most) => {
        const short = cut(text, most);
        expect([...short].length).toBeLessThanOrEqual(most);
        expect(short.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('units', () => {
  it.each([
    ['µg/m³', '微克每立方米'],
    ['μg/m³', '微克每立方米'],
    ['mg/L', '毫克每升'],
    ['℃', '度'],
    ['dB(A)', '分贝'],
    ['dB', '分贝'],
    ['NTU', 'NTU'],
    ['µS/cm', '微西每厘米'],
    ['', ''],
  ])('%s is said %s', (unit, said) => expect(spellUnit(unit, 'zh')).toBe(said));

  it('every unit of the quantity list is said in words or in letters that all know', () => {
    const all = new Set(Object.keys(QUANTITIES).flatMap(unitsOf));
    const kept = ['', 'NTU', '%', '级'];
    for (const unit of all) {
      const zh = spellUnit(unit, 'zh');
      expect(isPlain(zh) && isPlain(spellUnit(unit, 'en')), unit).toBe(true);
      if (!kept.includes(unit)) expect(zh, unit).not.toMatch(/[A-Za-z/]/);
    }
  });

  it('are said in a running text behind a number, and nothing else is', () => {
    expect(spell('氨氮 2.31 mg/L，水温31℃，噪声72dB', 'zh')).toBe(
      '氨氮2.31毫克每升，水温31度，噪声72分贝',
    );
    expect(spell('PM2.5 为 80 µg/m³', 'zh')).toBe('PM2.5为80微克每立方米');
    expect(spell('1A类，5号 V 型槽，3m', 'zh')).toBe('1A类，5号V型槽，3m');
    expect(spell('ammonia 2.31mg/L', 'en')).toBe('ammonia 2.31 mg/L');
    expect(spell('12 mg/Lx', 'zh')).toBe('12 mg/Lx');
  });

  it('stand behind their value', () => {
    expect(spellValue({ text: '2.31', unit: 'mg/L' }, 'zh')).toBe('2.31毫克每升');
    expect(spellValue({ text: '2.31', unit: 'mg/L' }, 'en')).toBe('2.31 mg/L');
    expect(spellValue({ text: '87', unit: '%' }, 'en')).toBe('87%');
    expect(spellValue({ text: '8.2', unit: '' }, 'en')).toBe('8.2');
  });
});

describe('times', () => {
  const nextDay = SINCE + 86_400_000;
  it('are the county’s, with the date of another day', () => {
    expect(spellTime(SINCE, SINCE + 3_600_000, 'zh')).toBe('14:05');
    expect(spellTime(SINCE, nextDay, 'zh')).toBe('3月1日14:05');
    expect(spellTime(SINCE, nextDay, 'en')).toBe('1 Mar 14:05');
    expect(spellTime(Date.UTC(2026, 2, 1, 16, 0), Date.UTC(2026, 2, 1, 15, 0), 'zh')).toBe(
      '3月2日00:00',
    );
    expect(sayTime(SINCE, SINCE, 'zh')).toBe('14点05分');
    expect(sayTime(SINCE - 300_000, SINCE, 'zh')).toBe('14点整');
    expect(sayTime(SINCE, SINCE, 'en')).toBe('14:05');
  });
});

describe('text of an SMS', () => {
  const options = {
    language: 'zh',
    now: SINCE,
    code: 'A7K2',
    replies: true,
    sign: '长兴数字乡村',
  } as const;

  it('says what, where, value, since when, what to do and how to answer in one message', () => {
    const text = smsText(ammonia(), options);
    expect(text).toBe(
      '【长兴数字乡村】和平镇便民桥村2号污水站氨氮过高10.4毫克每升，限值8毫克每升，14:05起。先看曝气风机。回复1 A7K2确认',
    );
    expect(text.length).toBeLessThanOrEqual(70);
  });

  it('says what more is known where there is room for it', () => {
    const text = smsText(ammonia(), { ...options, sign: null, most: 134 });
    expect(text).toBe(
      '和平镇便民桥村2号污水站氨氮过高10.4毫克每升，限值8毫克每升，14:05起。约40分钟后溢流。先看曝气风机。回复1 A7K2确认',
    );
  });

  it('tells its kind, and who is not to be answered', () => {
    const clear = ammonia({
      kind: 'clear',
      until: SINCE + 600_000,
      value: null,
      limit: null,
      notes: [],
      advice: null,
    });
    expect(smsText(clear, { ...options, code: null })).toBe(
      '【长兴数字乡村】已恢复：和平镇便民桥村2号污水站氨氮过高，14:05至14:15',
    );
    expect(smsText(ammonia({ kind: 'reminder' }), { ...options, replies: false })).toMatch(
      /^【长兴数字乡村】无人确认：.*编号A7K2$/,
    );
    expect(smsText(ammonia({ severity: 'critical' }), options)).toMatch(/^【长兴数字乡村】紧急：/);
    expect(smsText(ammonia(), { ...options, language: 'en', sign: null })).toBe(
      'Bianminqiao, Heping: Ammonia nitrogen too high 10.4 mg/L, limit 8 mg/L, since 14:05. Look at the blower first. Reply 1 A7K2 to confirm',
    );
  });

  it('keeps what, where, advice and the code of a notice that is much too long', () => {
    const long = ammonia({
      place: { zh: '水口乡顾渚村金山自然村第三村民小组', en: '' },
      what: { zh: '农村生活污水处理设施提升泵连续三次启动失败且液位持续上升', en: '' },
      advice: { zh: '请先到现场断电检查提升泵热继电器再复位启动并拍照上报', en: '' },
    });
    const text = smsText(long, { ...options, code: 'A7K2M9' });
    expect(text.length).toBeLessThanOrEqual(70);
    expect(text).toBe(
      '【长兴数字乡村】水口乡顾渚村金山自…农村生活污水处理设施提升泵连续…。请先到现场断电检查提升泵热继电器再复位启动…。回复1 A7K2M9确认',
    );
  });

  it('keeps the code where English words have hardly any room', () => {
    const text = smsText(ammonia({ kind: 'test' }), {
      ...options,
      language: 'en',
      sign: '长兴县数字乡村环境中心',
      most: 70,
    });
    expect(text).toBe(
      '【长兴县数字乡村环境中心】Test, do nothing: Ammonia nitro…. Reply 1 A7K2 to confirm',
    );
  });

  it('counts the lines that it leaves out of a summary', () => {
    const lines = ['一', '二', '三', '四'].map((n) => ({
      zh: `${n}号站化学需氧量超过限值两倍`,
      en: n,
    }));
    expect(smsText(ammonia({ kind: 'summary', lines }), { ...options, code: null })).toBe(
      '【长兴数字乡村】多条告警：一号站化学需氧量超过限值两倍；二号站化学需氧量超过限值两倍；三号站化学需氧量超过限值两倍；另有1条',
    );
  });

  it('is never longer than it may be, never loses its code, and has no refused character', () => {
    fc.assert(
      fc.property(
        anyNotice,
        code,
        language,
        fc.boolean(),
        fc.constantFrom(null, '长兴', '长兴县数字乡村环境中心'),
        fc.constantFrom(70, 134),
        (parts, given, lang, replies, sign, most) => {
          const text = smsText(parts, {
            language: lang,
            now: SINCE,
            code: given,
            replies,
            sign,
            most,
          });
          expect(text.length).toBeLessThanOrEqual(most);
          expect(smsSegments(text)).toBeLessThanOrEqual(most === 70 ? 1 : 2);
          const own = sign === null ? text : text.slice(sign.length + 2);
          expect(isPlain(own)).toBe(true);
          const listed =
            parts.lines.length > 0 && (parts.kind === 'summary' || parts.kind === 'digest');
          if (given !== null && !listed) expect(own).toContain(given);
          const advice = parts.advice === null ? '' : spell(parts.advice[lang], lang);
          const begin = /^[\u4e00-\u9fff]{2}/.exec(advice)?.[0] ?? '';
          if (lang === 'zh' && !listed) expect(own).toContain(begin);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    [0, 1],
    [70, 1],
    [71, 2],
    [134, 2],
    [135, 3],
    [201, 3],
    [202, 4],
  ])('%d characters are %d messages', (length, count) =>
    expect(smsSegments('字'.repeat(length))).toBe(count),
  );
});

describe('variables of a template', () => {
  const template = {
    text: `\${place}\${device}\${what}，现值\${value}，\${since}起。\${advice}，编号\${code}。`,
    longest: 20,
    lengths: {},
  };
  const options = {
    language: 'zh',
    now: SINCE,
    code: 'A7K2',
    spoken: false,
    sign: '长兴数字乡村',
  } as const;

  it('are named by the text of the template, each once', () => {
    expect(variablesOf(`\${a}b\${cd}\${a}$x{e}`)).toEqual(['a', 'cd']);
  });

  it('fill it', () => {
    const values = templateValues(ammonia(), template, options);
    expect(fillTemplate(template.text, values)).toBe(
      '和平镇便民桥村2号污水站氨氮过高，现值10.4毫克每升，14:05起。先看曝气风机，编号A7K2。',
    );
  });

  it('are never empty, and no half of a value', () => {
    const values = templateValues(
      ammonia({ value: null, advice: null }),
      { ...template, longest: 6 },
      options,
    );
    expect(values).toMatchObject({
      value: '无',
      advice: '无',
      place: '和平镇便民…',
      device: '2号污水站',
    });
    expect(templateValues(ammonia(), { ...template, longest: 6 }, options)).toMatchObject({
      value: '无',
    });
    expect(
      templateValues(ammonia(), { ...template, lengths: { place: 4 } }, options),
    ).toMatchObject({ place: '和平镇…' });
  });

  it('leave the least important first', () => {
    const long = ammonia({
      device: { zh: '农村生活污水处理设施二号站出水口', en: '' },
      what: { zh: '化学需氧量连续超过限值', en: '' },
    });
    const values = templateValues(long, template, options);
    const text = `【长兴数字乡村】${fillTemplate(template.text, values)}`;
    expect(text.length).toBeLessThanOrEqual(70);
    expect(values).toMatchObject({
      what: '化学需氧量连续超过限值',
      code: 'A7K2',
      place: '和平镇便民桥村',
    });
    expect(values['device']).toMatch(/^农村生活污水.*…$/);
  });

  it('keep their limits whatever the notice says', () => {
    const every = PHRASES.map((name) => `\${${name}}`).join('，');
    fc.assert(
      fc.property(
        anyNotice,
        code,
        language,
        fc.integer({ min: 1, max: 35 }),
        fc.boolean(),
        (parts, given, lang, longest, spoken) => {
          const values = templateValues(
            parts,
            { text: every, longest, lengths: {} },
            { language: lang, now: SINCE, code: given, spoken, sign: '长兴' },
          );
          expect(Object.keys(values).sort()).toEqual([...PHRASES].sort());
          for (const [name, value] of Object.entries(values)) {
            expect(value, name).not.toBe('');
            expect(isPlain(value), name).toBe(true);
            // The word for nothing may be longer than a limit of less than four.
            expect(value.length, name).toBeLessThanOrEqual(Math.max(longest, 4));
          }
        },
      ),
    );
  });
});

describe('text of a call', () => {
  it('is for the ear', () => {
    expect(
      voiceText(ammonia({ severity: 'critical' }), {
        language: 'zh',
        now: SINCE,
        code: 'A7K2',
        most: 250,
      }),
    ).toBe(
      '紧急告警，和平镇便民桥村2号污水站，氨氮过高，10.4毫克每升。先看曝气风机。14点05分开始。编号A 7 K 2。限值8毫克每升。约40分钟后溢流',
    );
    expect(
      voiceText(ammonia({ kind: 'clear', until: SINCE }), {
        language: 'zh',
        now: SINCE,
        code: null,
        most: 40,
      }),
    ).toMatch(/^已恢复，/);
  });

  it('is never longer than it may be', () => {
    fc.assert(
      fc.property(
        anyNotice,
        code,
        language,
        fc.integer({ min: 20, max: 250 }),
        (parts, given, lang, most) => {
          const text = voiceText(parts, { language: lang, now: SINCE, code: given, most });
          expect(text.length).toBeLessThanOrEqual(most);
          expect(isPlain(text)).toBe(true);
        },
      ),
    );
  });
});

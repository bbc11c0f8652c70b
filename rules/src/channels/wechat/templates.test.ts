import { describe, expect, it } from 'vitest';
import { NOON, notice, outgoing } from '../testing.ts';
import { templateFor, templatesSchema, type WeixinTemplate, weixinData } from './templates.ts';

const template = (fields: Record<string, string>): WeixinTemplate => ({ id: 'T1', fields });
const said = (fields: Record<string, string>, ...given: Parameters<typeof outgoing>) => {
  const filled = weixinData(template(fields), outgoing(...given), NOON);
  if ('missing' in filled) return filled;
  return Object.fromEntries(Object.entries(filled.data).map(([name, { value }]) => [name, value]));
};

const HOUR = 3_600_000;

describe('the fields of a notice', () => {
  it('are its parts as each type may say them', () => {
    expect(
      said({
        thing1: `\${place}\${device}`,
        thing2: `\${what}\${value}`,
        time3: `\${since}`,
        phrase4: `\${severity}`,
        number5: `\${value}`,
        character_string6: `\${code}`,
        character_string7: `\${value}`,
        thing8: '请尽快处理',
      }),
    ).toEqual({
      thing1: '和平镇便民桥村2号污水站',
      thing2: '氨氮过高10.4毫克每升',
      time3: '2026年3月1日 14:05',
      phrase4: '重要',
      number5: '10.4',
      character_string6: 'A7K2',
      character_string7: '10.4mg/L',
      thing8: '请尽快处理',
    });
  });

  it('are never too long, and a value is whole or not there', () => {
    const place = { zh: '很长的村名'.repeat(5), en: '' };
    const fields = { thing1: `\${place}\${value}` };
    const text = said(fields, { parts: notice({ place }) }) as Record<string, string>;
    expect(text['thing1']?.length).toBeLessThanOrEqual(20);
    expect(text['thing1']).toMatch(/^很长.*…10\.4毫克每升$/);
  });

  it('say when it was over, and of a test that it is one', () => {
    const over = notice({ kind: 'clear', until: NOON + HOUR });
    expect(said({ time1: `\${since}~\${until}`, phrase2: `\${kind}` }, { parts: over })).toEqual({
      time1: '2026年3月1日 14:05~2026年3月1日 15:05',
      phrase2: '已恢复',
    });
    expect(said({ phrase1: `\${kind}` }, { parts: notice({ kind: 'test' }) })).toEqual({
      phrase1: '测试',
    });
  });

  it('say none where there is nothing, and tell which can not', () => {
    const bare = notice({ value: null, advice: null });
    expect(said({ thing1: `\${advice}` }, { parts: bare })).toEqual({ thing1: '无' });
    expect(said({ number1: `\${value}` }, { parts: bare })).toEqual({ missing: 'number1' });
    const above = notice({ value: { text: '>10', unit: 'mg/L' } });
    expect(said({ number1: `\${value}` }, { parts: above })).toEqual({ missing: 'number1' });
  });
});

it('the first template of the kind is taken', () => {
  const templates = templatesSchema.parse([
    { id: 'over', kinds: ['clear'], fields: { thing1: 'x' } },
    { id: 'all', fields: { thing1: 'x' } },
  ]);
  const idOf = (kind: 'clear' | 'active') =>
    templateFor(templates, { parts: notice({ kind }) })?.id;
  expect([idOf('clear'), idOf('active')]).toEqual(['over', 'all']);
  expect(templateFor(templates.slice(0, 1), { parts: notice() })).toBeUndefined();
});

it.each([
  [{ thing1: `\${nothing}` }, 'thing1'],
  [{ phrase1: `\${what}` }, 'phrase1'],
  [{ phrase1: 'CODmn超标' }, 'phrase1'],
  [{ number1: `\${place}` }, 'number1'],
  [{ time1: `\${what}` }, 'time1'],
  [{ time1: '明天' }, 'time1'],
  [{ car_number1: `\${place}` }, 'car_number1'],
  [{ first: 'x' }, 'first'],
  [{ thing1: 'x'.repeat(21) }, 'thing1'],
  [{}, 'fields'],
])('a template that could never be sent is refused with the field: %j', (fields, place) => {
  const { error } = templatesSchema.safeParse([{ id: 'T1', fields }]);
  expect(error?.issues.map(({ path }) => path.join('.')).join()).toContain(place);
});

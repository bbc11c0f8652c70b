/** Units as they are said in a message: without raised digits and signs that vendors refuse, in Chinese with words. */
import type { Label } from '@village/core';
import { type Language, plain } from './characters.ts';

/** All units of the quantity list and what converts to them. Those that people only know by their letters keep them. */
const UNITS: Readonly<Record<string, Label>> = {
  'µg/m³': { zh: '微克每立方米', en: 'ug/m3' },
  'mg/m³': { zh: '毫克每立方米', en: 'mg/m3' },
  'ng/m³': { zh: '纳克每立方米', en: 'ng/m3' },
  'mg/L': { zh: '毫克每升', en: 'mg/L' },
  'µg/L': { zh: '微克每升', en: 'ug/L' },
  'ug/L': { zh: '微克每升', en: 'ug/L' },
  'g/L': { zh: '克每升', en: 'g/L' },
  '个/L': { zh: '个每升', en: 'per L' },
  'W/m²': { zh: '瓦每平方米', en: 'W/m2' },
  'm³/h': { zh: '立方米每小时', en: 'm3/h' },
  'm³/s': { zh: '立方米每秒', en: 'm3/s' },
  'm³/d': { zh: '立方米每天', en: 'm3/d' },
  'L/s': { zh: '升每秒', en: 'L/s' },
  'L/min': { zh: '升每分钟', en: 'L/min' },
  'L/h': { zh: '升每小时', en: 'L/h' },
  'm³': { zh: '立方米', en: 'm3' },
  'm²': { zh: '平方米', en: 'm2' },
  kL: { zh: '千升', en: 'kL' },
  L: { zh: '升', en: 'L' },
  'µS/cm': { zh: '微西每厘米', en: 'uS/cm' },
  'mS/cm': { zh: '毫西每厘米', en: 'mS/cm' },
  NTU: { zh: 'NTU', en: 'NTU' },
  'GJ/h': { zh: '吉焦每小时', en: 'GJ/h' },
  'km/h': { zh: '千米每小时', en: 'km/h' },
  'm/s': { zh: '米每秒', en: 'm/s' },
  kn: { zh: '节', en: 'kn' },
  'dB(A)': { zh: '分贝', en: 'dB' },
  dBm: { zh: '分贝毫瓦', en: 'dBm' },
  dB: { zh: '分贝', en: 'dB' },
  '℃': { zh: '度', en: 'deg C' },
  '℉': { zh: '华氏度', en: 'deg F' },
  K: { zh: '开', en: 'K' },
  '°': { zh: '度', en: 'deg' },
  '%': { zh: '%', en: '%' },
  ratio: { zh: '', en: '' },
  级: { zh: '级', en: 'Bft' },
  hPa: { zh: '百帕', en: 'hPa' },
  kPa: { zh: '千帕', en: 'kPa' },
  Pa: { zh: '帕', en: 'Pa' },
  mbar: { zh: '毫巴', en: 'mbar' },
  klx: { zh: '千勒克斯', en: 'klx' },
  lx: { zh: '勒克斯', en: 'lx' },
  mm: { zh: '毫米', en: 'mm' },
  cm: { zh: '厘米', en: 'cm' },
  m: { zh: '米', en: 'm' },
  mV: { zh: '毫伏', en: 'mV' },
  kV: { zh: '千伏', en: 'kV' },
  V: { zh: '伏', en: 'V' },
  mA: { zh: '毫安', en: 'mA' },
  A: { zh: '安', en: 'A' },
  kWh: { zh: '千瓦时', en: 'kWh' },
  MWh: { zh: '兆瓦时', en: 'MWh' },
  Wh: { zh: '瓦时', en: 'Wh' },
  kW: { zh: '千瓦', en: 'kW' },
  W: { zh: '瓦', en: 'W' },
  Hz: { zh: '赫兹', en: 'Hz' },
  kg: { zh: '千克', en: 'kg' },
  g: { zh: '克', en: 'g' },
};

/** Both signs for micro are in use: U+00B5 and the Greek letter U+03BC. */
const oneMicro = (text: string): string => text.replaceAll('μ', 'µ');

/** A unit as it is said; one that nobody has listed in characters that are let through. */
export function spellUnit(unit: string, language: Language): string {
  const known = oneMicro(unit.trim());
  const said = Object.hasOwn(UNITS, known) ? UNITS[known] : undefined;
  return said?.[language] ?? plain(unit, language);
}

/** A value with its unit: 2.31毫克每升, 2.31 mg/L. */
export function spellValue(value: { text: string; unit: string }, language: Language): string {
  const unit = spellUnit(value.unit, language);
  const gap = language === 'en' && unit !== '' && unit !== '%' ? ' ' : '';
  return `${spell(value.text, language)}${gap}${unit}`;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** In a running text only units behind a digit that can't be anything else: a lone letter may be a class or a name. */
const IN_TEXT = new RegExp(
  `(?<=\\d) ?(${Object.keys(UNITS)
    .filter((unit) => unit.length > 1 && unit !== 'ratio')
    .sort((a, b) => b.length - a.length)
    .map(escaped)
    .join('|')})(?![A-Za-z0-9/])`,
  'gu',
);

/** A running text in which units behind a number are said, in characters that are let through. */
export function spell(text: string, language: Language): string {
  const said = oneMicro(text).replace(
    IN_TEXT,
    (_all, unit: string) => `${language === 'en' ? ' ' : ''}${spellUnit(unit, language)}`,
  );
  return plain(said, language);
}

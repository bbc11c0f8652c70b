/** The faults that the checker of profile files finds, in Chinese. */
import { CODES, RULES, TYPES, YAML } from './fault-rules.ts';

/** The fault in Chinese; null for one that only the English text tells. */
export function inChinese(message: string): string | null {
  for (const [pattern, text] of RULES) {
    const found = pattern.exec(message);
    if (found === null) continue;
    let nth = 0;
    return text
      .replaceAll('{type}', () => TYPES[found[++nth] ?? ''] ?? found[nth] ?? '')
      .replaceAll('{code}', () => CODES[found[1] ?? ''] ?? found[1] ?? '')
      .replaceAll(/\{(\d)\}/g, (_all, n: string) => found[Number(n)] ?? '');
  }
  return null;
}

/** The same, with a word that leads to the English text where only that tells it. `yaml` is the code of a fault of YAML itself. */
export const chineseOf = (message: string, yaml?: string): string =>
  yaml === undefined
    ? (inChinese(message) ?? '见英文说明')
    : `YAML 格式有误：${YAML[yaml] ?? '见英文说明'}`;

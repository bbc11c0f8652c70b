/** The files that a county's configuration names. */
import { readFileSync, statSync } from 'node:fs';
import { Standards } from '../standards.ts';
import { type AnyStandard, TABLES } from '../tables/index.ts';
import { withCounty } from './apply.ts';
import { type CountyValues, parseCounty, type StandardsFault } from './file.ts';

/** The text of a file, or why there is none. */
function textOf(file: string): { text: string } | { fault: StandardsFault } {
  const fault = (zh: string, message: string) => ({ fault: { file, path: '', message, zh } });
  try {
    // A pipe gives nothing for ever, a device no end.
    if (!statSync(file).isFile()) return fault('不是文件', 'is no file');
    const bytes = readFileSync(file);
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return fault('不是 UTF-8 编码，请另存为 UTF-8', 'is not in UTF-8: save it as UTF-8');
    return fault(`无法读取：${message}`, `can't be read: ${message}`);
  }
}

/**
 * The standards with what files of a county say, in the order of the files. Where there is any fault the faulty part is left out, and
 * what ships stays: a server does not start with faults.
 */
export function loadStandards(
  files: readonly string[],
  tables: readonly AnyStandard[] = TABLES,
): { readonly standards: Standards; readonly faults: readonly StandardsFault[] } {
  const faults: StandardsFault[] = [];
  const read = files.map((file) => {
    const found = textOf(file);
    if ('fault' in found) return { faults: [found.fault] };
    return parseCounty(found.text, file);
  });
  const values: CountyValues[] = read.flatMap((one) =>
    'values' in one && one.values !== undefined ? [one.values] : [],
  );
  // Entries that can't stand beside what there is tell their faults into the file's own list.
  const all = withCounty(tables, values);
  for (const one of read) faults.push(...one.faults);
  return { standards: new Standards(values.length === 0 ? tables : all), faults };
}

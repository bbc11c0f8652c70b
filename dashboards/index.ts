/** Where the built console lies, for the server that serves it, and whether it is that of the sources beside it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the folder of built pages; made by `npm run build`. */
export const consoleDirectory: string = fileURLToPath(new URL('./dist/', import.meta.url));

/** What the console is built from, relative to this file; a packed server has the built pages alone. */
const SOURCES = ['index.html', 'vite.config.ts', 'calls-plugin.ts', 'console', 'kit', 'public'];
const ABROAD = ['../api/src', '../core/src', '../package-lock.json'];
/** File of the built pages that tells what they were built from. */
export const BUILT_FROM = 'built-from.txt';

function filesOf(path: string): string[] {
  const entries = readdirSync(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** A checksum over all sources, or null where there are none. */
export function consoleSources(
  root: string = fileURLToPath(new URL('./', import.meta.url)),
): string | null {
  if (!existsSync(join(root, 'console'))) return null;
  const hash = createHash('sha256');
  for (const source of [...SOURCES, ...ABROAD].map((name) => join(root, name))) {
    if (!existsSync(source)) continue;
    const files = /\.[a-z]+$/.test(source) ? [source] : filesOf(source).sort();
    for (const file of files)
      hash.update(`${file.slice(root.length)}\n`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Whether the built pages are there and were built from the sources that lie here now. */
export function consoleIsCurrent(directory: string = consoleDirectory): boolean {
  if (!existsSync(join(directory, 'index.html'))) return false;
  const sources = consoleSources();
  if (sources === null) return true;
  const builtFrom = join(directory, BUILT_FROM);
  return existsSync(builtFrom) && readFileSync(builtFrom, 'utf8') === sources;
}

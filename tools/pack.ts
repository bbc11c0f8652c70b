/**
 * `npm run pack:gateway -- [--out village-gateway.tar.gz]`, `npm run pack:server`: the tar that an edge box or a county's
 * server installs from: the sources of one workspace and of those it imports, with the manifest and the lockfile of the
 * whole. The same sources give the same bytes.
 */
import { globSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { create } from 'tar';
import { buildConsole } from '../dashboards/build.ts';
import { consoleDirectory } from '../dashboards/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What can be packed; each is a workspace. */
export const PACKED = ['gateway', 'server'] as const;
export type Packed = (typeof PACKED)[number];

/** The folder that everything unpacks into. */
export const prefixOf = (workspace: Packed): string => `village-${workspace}`;

/** The manifest names workspaces that are not there; npm installs the one that it is asked for. */
const SHARED = ['package.json', 'package-lock.json', '.npmrc', 'LICENSE', 'tools/node24.mjs'];
const TEST = /\.test\.tsx?$|[.-]child\.ts$|\/testing\.ts$/;
/** Pages go as they were built: what builds them stays behind. */
const CONSOLE = /^dashboards\/(package\.json$|index\.ts$|dist\/)/;
/** Times of files are no part of what is packed. */
const MTIME = new Date(Date.UTC(2026, 0, 1));

/** The workspace and all that it imports. */
function withImports(workspace: string, found = new Set<string>()): Set<string> {
  if (found.has(workspace)) return found;
  found.add(workspace);
  const { dependencies = {} } = JSON.parse(
    readFileSync(join(root, workspace, 'package.json'), 'utf8'),
  ) as { dependencies?: Record<string, string> };
  for (const name of Object.keys(dependencies))
    if (name.startsWith('@village/')) withImports(name.slice('@village/'.length), found);
  return found;
}

/** What is packed, by paths from the repository's root. */
export function packedFiles(workspace: Packed): string[] {
  const own = [...withImports(workspace)].flatMap((name) =>
    globSync(`${name}/**/*`, { cwd: root, exclude: (path) => path.endsWith('node_modules') }),
  );
  return [...SHARED, ...own]
    .filter((path) => !TEST.test(path))
    .filter((path) => !path.startsWith('dashboards/') || CONSOLE.test(path))
    .filter((path) => statSync(join(root, path)).isFile())
    .sort();
}

/** Writes the tar. */
export async function pack(workspace: Packed, out: string): Promise<void> {
  if (withImports(workspace).has('dashboards')) await buildConsole(consoleDirectory);
  const prefix = prefixOf(workspace);
  await create(
    { file: out, cwd: root, gzip: { level: 9 }, portable: true, mtime: MTIME, prefix },
    packedFiles(workspace),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' } },
  });
  const workspace = PACKED.find((name) => name === positionals[0]);
  if (workspace === undefined || positionals.length > 1) {
    console.error(`usage: node tools/pack.ts ${PACKED.join('|')} [--out FILE]`);
    process.exit(2);
  }
  const { out = `${prefixOf(workspace)}.tar.gz` } = values;
  await pack(workspace, out);
  const { size } = statSync(out);
  console.log(
    `${resolve(out)}: ${packedFiles(workspace).length} files, ${Math.ceil(size / 1024)} kB`,
  );
}

/**
 * `npm run pack:gateway -- [--out village-gateway.tar.gz]`: the tar that an edge box installs its gateway from: the sources
 * of four workspaces with the manifest and the lockfile of the whole. The same sources give the same bytes.
 */
import { globSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { create } from 'tar';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The folder that everything unpacks into. */
export const PREFIX = 'village-gateway';

const WORKSPACES = ['core', 'device-profiles', 'broker', 'gateway'];
/** The manifest names workspaces that are not there; npm installs the one that it is asked for. */
const SHARED = ['package.json', 'package-lock.json', '.npmrc', 'LICENSE', 'tools/node24.mjs'];
const TEST = /\.test\.ts$|[.-]child\.ts$|\/testing\.ts$/;
/** Times of files are no part of what is packed. */
const MTIME = new Date(Date.UTC(2026, 0, 1));

/** What is packed, by paths from the repository's root. */
export function gatewayFiles(): string[] {
  const own = WORKSPACES.flatMap((workspace) => globSync(`${workspace}/**/*`, { cwd: root }));
  return [...SHARED, ...own]
    .filter((path) => !path.includes('node_modules') && !TEST.test(path))
    .filter((path) => statSync(join(root, path)).isFile())
    .sort();
}

/** Writes the tar. */
export async function packGateway(out: string): Promise<void> {
  await create(
    { file: out, cwd: root, gzip: { level: 9 }, portable: true, mtime: MTIME, prefix: PREFIX },
    gatewayFiles(),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: `${PREFIX}.tar.gz` } },
  });
  await packGateway(values.out);
  const { size } = statSync(values.out);
  console.log(
    `${resolve(values.out)}: ${gatewayFiles().length} files, ${Math.ceil(size / 1024)} kB`,
  );
}

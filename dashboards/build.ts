/** Builds the pages into `dist/` (or another folder) and says how large they came out. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { BUILT_FROM, consoleDirectory, consoleSources } from './index.ts';

const HERE = fileURLToPath(new URL('./', import.meta.url));

/** The bundler is no part of what a server installs. */
async function bundler(): Promise<typeof import('vite')> {
  try {
    return await import('vite');
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(
      '缺少页面，且未安装生成工具 · the console is not built, and what builds it is not installed: run `npm ci` without ' +
        '--omit=dev, or install from the tar of `npm run pack:server`',
    );
    process.exit(1);
  }
}

/** Builds `root` into `outDir` and returns the bytes of scripts and styles after gzip, by file name. */
export async function buildConsole(outDir: string, root = HERE): Promise<Map<string, number>> {
  const { build } = await bundler();
  // Before, so that what changes meanwhile is built at the next start.
  const sources = consoleSources(root);
  await build({ configFile: join(root, 'vite.config.ts'), logLevel: 'warn', build: { outDir } });
  if (sources !== null) writeFileSync(join(outDir, BUILT_FROM), sources);
  const assets = join(outDir, 'assets');
  return new Map(
    readdirSync(assets)
      .filter((name) => /\.(js|css)$/.test(name))
      .map((name) => [name, gzipSync(readFileSync(join(assets, name))).length]),
  );
}

// The launcher imports this file where its own Node is new enough, so `import.meta.main` would not tell.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = await buildConsole(consoleDirectory);
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const parts = [...sizes].map(([name, size]) => `${name} ${(size / 1024).toFixed(1)} KiB`);
  console.log(`console built: ${(total / 1024).toFixed(1)} KiB gzip (${parts.join(', ')})`);
}

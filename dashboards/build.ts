/** Builds the console into `dist/` (or another folder) and says how large it came out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { consoleDirectory } from './index.ts';

/** Builds into `outDir` and returns the bytes of scripts and styles after gzip, by file name. */
export async function buildConsole(outDir: string): Promise<Map<string, number>> {
  await build({
    configFile: fileURLToPath(new URL('./vite.config.ts', import.meta.url)),
    logLevel: 'warn',
    build: { outDir },
  });
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

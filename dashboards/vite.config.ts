/** How the console is built: Preact through Vite, into files that any strict content policy allows. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { callsPlugin } from './calls-plugin.ts';

const root = fileURLToPath(new URL('./', import.meta.url));

/** Each HTML file is the entry of a surface; `index.html` is the console's. */
const entries = readdirSync(root).filter((name) => name.endsWith('.html'));

/** A page's file is named after its topic and not `page`, as all of them would be. */
const nameOf = ({
  facadeModuleId,
  name,
}: {
  facadeModuleId: string | null;
  name: string;
}): string =>
  facadeModuleId !== null && /[\\/]page\.tsx$/.test(facadeModuleId)
    ? basename(dirname(facadeModuleId))
    : name;

export default defineConfig({
  root,
  base: '/',
  plugins: [callsPlugin()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing is inlined: data: addresses would need holes in the content policy.
    assetsInlineLimit: 0,
    // Browsers of the last years know modulepreload; the polyfill would be dead weight.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      // A slow machine's first start is no place for a warning about our own plug-in.
      checks: { pluginTimings: false },
      input: entries.map((name) => join(root, name)),
      output: { chunkFileNames: (chunk) => `assets/${nameOf(chunk)}-[hash].js` },
    },
  },
});

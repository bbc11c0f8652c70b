/** How the console is built: Preact through Vite, into files that any strict content policy allows. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { callsPlugin } from './calls-plugin.ts';

export default defineConfig({
  root: fileURLToPath(new URL('./', import.meta.url)),
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
  },
});

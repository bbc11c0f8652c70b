/** Runs one benchmark by name: `npm run bench -- <name> [options]`. Each lives in a folder here with a main.ts. */
import { existsSync, readdirSync } from 'node:fs';

const folder = new URL('./', import.meta.url);
const [name, ...options] = process.argv.slice(2);
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/main.ts`, folder)))
  .map((entry) => entry.name);

if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run bench -- <name> [options]; names: ${names.join(', ')}`);
  process.exit(2);
}
const { run } = (await import(new URL(`${name}/main.ts`, folder).href)) as {
  run: (options: string[]) => Promise<void>;
};
await run(options);

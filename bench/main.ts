/** `npm run bench -- [name [options]]`: runs one benchmark, or all. Each lives in a folder here with a main.ts. */
import { existsSync, readdirSync } from 'node:fs';

const folder = new URL('./', import.meta.url);
const [name, ...options] = process.argv.slice(2);
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/main.ts`, folder)))
  .map((entry) => entry.name);

if (name !== undefined && !names.includes(name)) {
  console.error(`usage: npm run bench -- <name> [options]; names: ${names.join(', ')}`);
  process.exit(2);
}
for (const one of name === undefined ? names : [name]) {
  if (name === undefined) console.log(`# ${one}`);
  const { run } = (await import(new URL(`${one}/main.ts`, folder).href)) as {
    run: (options: string[]) => Promise<void>;
  };
  await run(options);
}

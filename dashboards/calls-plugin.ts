/**
 * Puts the source of calls and decoders in place of the module that makes them of schemas, while the console is built: schemas
 * and TypeBox stay out of the bundle, and nothing makes code in the browser, which the content policy forbids.
 */
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'vite';

const inApi = (name: string): string =>
  fileURLToPath(new URL(`./kit/api/${name}`, import.meta.url));
const CALLS = inApi('calls.ts');

/** The text of the module as it goes into the bundle. */
export async function callsText(): Promise<string> {
  const { emitModule } = (await import(
    pathToFileURL(inApi('schema.ts')).href
  )) as typeof import('./kit/api/schema.ts');
  const calls = (await import(pathToFileURL(CALLS).href)) as Record<string, unknown>;
  return emitModule(calls, inApi('decoder.ts'));
}

export const callsPlugin = (): Plugin => ({
  name: 'village-calls',
  enforce: 'pre',
  load: (id) => (fileURLOf(id) === CALLS ? callsText() : null),
});

/** The path of a module's id, in the form of this machine. */
const fileURLOf = (id: string): string => fileURLToPath(pathToFileURL(id.split('?', 1)[0] ?? id));

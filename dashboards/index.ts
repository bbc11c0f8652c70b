/** Where the built console lies, for the server that serves it. */
import { fileURLToPath } from 'node:url';

/** Absolute path of the folder of built pages; made by `npm run build`. */
export const consoleDirectory: string = fileURLToPath(new URL('./dist/', import.meta.url));

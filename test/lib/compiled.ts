/**
 * Before each file of tests: what it starts is compiled once, not at each start, as `tools/node24.mjs` has it. The test runner
 * turns that off for itself, and all that it starts would inherit it.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
delete process.env['NODE_DISABLE_COMPILE_CACHE'];
process.env['NODE_COMPILE_CACHE'] = join(root, 'node_modules', '.cache', 'compile');

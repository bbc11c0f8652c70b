/** Installs what `tools/pack.ts` packed into an empty folder, as an edge box or a county's server does. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar';
import { expect, type TestContext } from 'vitest';
import { type Packed, pack, prefixOf } from '../../tools/pack.ts';

export const INSTALL_MS = 180_000;

/** Packs into `folder` and unpacks there. Returns the folder to install in. */
export async function unpacked(workspace: Packed, folder: string): Promise<string> {
  const file = join(folder, `${workspace}.tar.gz`);
  await pack(workspace, file);
  await extract({ file, cwd: folder });
  return join(folder, prefixOf(workspace));
}

/** One of npm's own codes for a registry that is not reached, or null. */
function unreachable(output: string): string | null {
  return (
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED)\b/.exec(output)?.[1] ??
    null
  );
}

/** Installs as the documents say; skips the test where npm reaches no registry. Returns the names installed. */
export function install(box: string, workspace: Packed, context: TestContext): string[] {
  const npm = spawnSync(
    'npm',
    ['ci', `--workspace=@village/${workspace}`, '--omit=dev', '--prefer-offline'],
    { cwd: box, encoding: 'utf8', timeout: INSTALL_MS, env: { ...process.env, NODE_ENV: '' } },
  );
  const said = `${npm.error?.message ?? ''}\n${npm.stderr}\n${npm.stdout}`;
  const reason = npm.status === 0 ? null : unreachable(said);
  if (reason !== null) context.skip(`npm does not reach its registry here: ${reason}`);
  expect(npm.status, said).toBe(0);
  return readdirSync(join(box, 'node_modules'));
}

/** `npm run serve -- check-archive`: proves every archive file by the manifest, and brings back what was set aside and is whole. */
import type { Command } from '@village/platform';
import type { ArchiveCheck, TimeSeriesStore } from '@village/store/time-series';
import type { Tools } from '../needs.ts';

/** Prints what was found; false when readings are missing or could not be proved. */
export async function checkArchive(
  store: Pick<TimeSeriesStore, 'checkArchive'>,
  say: (line: string) => void,
): Promise<boolean> {
  const check: ArchiveCheck = await store.checkArchive();
  for (const path of check.restored) say(`已恢复 · read again: ${path}`);
  for (const { path, reason } of check.setAside)
    say(`已损坏或缺失 · damaged or missing: ${path} (${reason})`);
  for (const { path, reason } of check.unknown)
    say(`暂时无法读取 · can't be read for the moment: ${path} (${reason})`);
  const bad = check.setAside.length + check.unknown.length;
  say(
    `共 ${check.files} 个文件，${bad} 个有问题 · ${check.files} files checked, ${bad} with a fault, ${check.restored.length} read again`,
  );
  return bad === 0;
}

/** Proves the archive of a server that does not run. */
export const proveArchive: Command<Tools> = {
  name: 'check-archive',
  help: 'of a stopped server: proves its files, and reads again what is whole',
  run: ({ say, withStores }) => withStores(({ store }) => checkArchive(store, say)),
};

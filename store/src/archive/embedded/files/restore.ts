/** Reading the manifest back at a start: which files there are, which of them are read, and which hours are dirty. */
import type { ArchiveParts } from '../parts.ts';
import { looksWhole, removeStrays } from './files.ts';

/** Fills the view; files set aside before that prove whole are read again. */
export async function restoreFiles(archive: ArchiveParts): Promise<void> {
  const { db, manifest, view, folder, settings, health } = archive;
  const listed = manifest.files();
  const removed = await removeStrays(folder, new Set(listed.map(({ file }) => file.path)));
  if (removed > 0)
    settings.log('info', 'files of an unfinished flush or compaction were deleted', { removed });
  for (const row of db.sql('SELECT layout, hour FROM dirty').all())
    view.addDirty(row['layout'] as number, row['hour'] as number);
  for (const { file, readable } of listed) {
    archive.nextSerial = Math.max(archive.nextSerial, file.ord + 1);
    if (readable && (await looksWhole(folder, file))) {
      view.files.push(file);
      continue;
    }
    if (readable)
      settings.log('error', `archive file ${file.path} is missing or cut and is left out`, {
        code: 'file-unreadable',
        path: file.path,
        rows: file.rows,
      });
    await health.restoreSetAside(file);
  }
  await health.bringBackAtStart();
}

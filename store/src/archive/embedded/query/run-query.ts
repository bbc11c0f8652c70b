/** Runs a query: what it reads is held while it runs, and it is asked again when files proved damaged were taken out. */
import { OperationalError } from '@village/core';
import { type QueryClass, QueryFailure } from '../duck/duck.ts';
import type { Columns } from '../duck/messages.ts';
import type { ArchiveParts, Reads } from '../parts.ts';

/** Times that one query is asked again before it fails. */
const REPAIRS_MAX = 8;
/** A statement that DuckDB does not accept is a fault of ours; no file has to do with it. */
const OUR_FAULT = /^(Parser|Binder|Catalog|Conversion|Syntax) Error/;
const NO_MEMORY = /^Out of Memory Error/;

/**
 * Asks what `make` writes; it is called anew after files were taken out.
 * @throws store-busy, archive-unreadable, query-timeout, query-aborted, query-failed
 */
export async function runQuery(
  archive: ArchiveParts,
  make: () => string,
  reads: Reads,
  signal: AbortSignal | undefined,
  queryClass: QueryClass = 'interactive',
): Promise<Columns> {
  const answer = await withRepairs(
    archive,
    (sql) => archive.duck.query(sql, { signal, queryClass }),
    make,
    signal,
  );
  archive.health.noteQuery(reads);
  return answer;
}

/** Runs what `make` writes through `run`, as `runQuery` does. */
export async function withRepairs<T>(
  archive: ArchiveParts,
  run: (sql: string) => Promise<T>,
  make: () => string,
  signal?: AbortSignal,
): Promise<T> {
  for (let repairs = 0; ; repairs++) {
    const release = archive.pins.hold();
    const { files } = archive.view;
    let sql = '';
    try {
      sql = make();
      return await run(sql);
    } catch (error) {
      if (!(error instanceof QueryFailure) || OUR_FAULT.test(error.message)) throw error;
      if (NO_MEMORY.test(error.message))
        throw new OperationalError('store-busy', 'There is not enough memory for the query now.', {
          retry: true,
          cause: error,
        });
      const read = files.filter((file) => sql.includes(file.path));
      // No file was read, so that the archive is not what failed.
      if (read.length === 0) throw error;
      const found =
        repairs === REPAIRS_MAX ? 0 : await archive.health.examine(read, error.message, signal);
      if (found === 0) throw notProved(archive, error);
    } finally {
      release();
    }
  }
}

/** No file is proved damaged: whatever keeps DuckDB from reading may pass. */
function notProved(archive: ArchiveParts, cause: QueryFailure): OperationalError {
  archive.settings.log('warn', 'the archive could not be read for the moment', {
    code: 'archive-unreadable',
    reason: cause.message,
  });
  return new OperationalError('archive-unreadable', 'The archive can not be read for the moment.', {
    retry: true,
    cause,
  });
}

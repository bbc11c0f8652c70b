/** Sends a file of readings, or a part of it. */
import { createReadStream, type ReadStream } from 'node:fs';
import { file } from '@village/api';
import { MINUTE, type Timer } from '@village/core';
import type { Call, Headers } from '@village/platform';
import type { ByteRange } from '../../http/byte-range.ts';
import type { Format } from './write.ts';

/** A download of which nothing was taken for so long is given up. */
const STUCK_MS = 5 * MINUTE;

/** Ends a download when nobody takes it. */
async function watch(stream: ReadStream, timer: Timer, over: AbortSignal): Promise<void> {
  for (let before = -1; ; before = stream.bytesRead) {
    if (stream.bytesRead === before) {
      stream.destroy(new Error(`nothing of a download was taken for ${STUCK_MS / MINUTE} min`));
      return;
    }
    await timer.sleep(STUCK_MS, over);
  }
}

/** The bytes of a file as an answer's body; `after` runs when it has been sent or its asker has gone. */
export function download(
  call: Pick<Call, 'whenOver' | 'warn'>,
  path: string,
  { timer, range, after }: { timer: Timer; range?: ByteRange; after: () => Promise<void> | void },
): ReadStream {
  const stream = createReadStream(
    path,
    range === undefined ? {} : { start: range.first, end: range.last },
  );
  const over = new AbortController();
  // The end of the watch is that of the answer.
  watch(stream, timer, over.signal).catch(() => undefined);
  call.whenOver(() => {
    over.abort();
    stream.destroy();
    Promise.resolve(after()).catch((error: unknown) =>
      call.warn(error, 'an export file stays behind'),
    );
  });
  return stream;
}

/** What a browser needs to keep it as a file. */
export const headersOf = (format: Format, name: string, bytes: number): Headers => ({
  'content-type':
    format === 'csv' ? `${file.FILE_TYPES.csv}; charset=utf-8` : file.FILE_TYPES.parquet,
  'content-disposition': `attachment; filename="${name}.${format}"`,
  'content-length': String(bytes),
});

/** The module of exports: readings as a file. Ids and metric keys are the only texts in it, and neither may begin like a formula. */
import { randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync, type ReadStream, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { file } from '@village/api';
import { MINUTE, OperationalError, type Timer } from '@village/core';
import { answer, type Call, defineModule, list, route, span } from '@village/platform';
import { incompleteHeaders } from '../../http/incomplete.ts';
import { devicesFor } from '../../http/query.ts';
import type { Needs } from '../needs.ts';

/** Files that are made at once. */
const AT_ONCE_MAX = 2;
/** Files that lie here, being made or sent: in all, and of one person, whose slow line is not to keep out the others. */
const FILES_MAX = 8;
const FILES_OF_ONE_MAX = 2;
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

export const exportModule = defineModule<Needs>({
  name: 'export',
  title: { zh: '数据导出', en: 'Export' },
  rights: {
    'export.read': {
      title: { zh: '导出数据', en: 'Export readings' },
      roles: ['clerk', 'officer', 'admin'],
    },
  },
  start: (needs) => {
    const { store, readings, directory, relational, config, timer } = needs;
    // Files lie here while they are sent.
    const folder = join(config.data, 'temporary');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    let making = 0;
    const files = new Map<string, string>();
    const exportFile = async (call: Call<typeof file.exportReadings>) => {
      const { caller, query } = call;
      const entries = devicesFor(directory, caller, query);
      const devices = entries.map(({ device }) => device.id);
      const profiles = [...new Set(entries.map(({ profile }) => profile.id))];
      const { from, to } = span(query);
      const metrics = list(query.metric);
      const own = [...files.values()].filter((who) => who === caller.actor);
      if (making >= AT_ONCE_MAX || files.size >= FILES_MAX || own.length >= FILES_OF_ONE_MAX)
        throw new OperationalError('busy', 'other exports are being made or sent', { retry: true });
      making++;
      const path = join(folder, `${randomUUID()}.${query.format}`);
      files.set(path, caller.actor);
      const drop = async (): Promise<void> => {
        files.delete(path);
        await rm(path, { force: true });
      };
      try {
        const what = { devices, ...(metrics === undefined ? {} : { metrics }), from, to };
        const queries = readings[query.view ?? 'corrected'];
        const { rows } = await queries.exportTo(path, query.format, what, call.signal);
        const target = query.device ?? query.area ?? caller.area;
        await relational.audit.append(call.audited('export', target, { rows }));
      } catch (error) {
        await drop();
        throw error;
      } finally {
        making--;
      }
      const stream = createReadStream(path);
      const over = new AbortController();
      // The end of the watch is that of the answer.
      watch(stream, timer, over.signal).catch(() => undefined);
      call.whenOver(() => {
        over.abort();
        drop().catch((error: unknown) => call.warn(error, 'an export file stays behind'));
      });
      const type =
        query.format === 'csv' ? `${file.FILE_TYPES.csv}; charset=utf-8` : file.FILE_TYPES.parquet;
      return answer(200, stream, {
        'content-type': type,
        'content-disposition': `attachment; filename="readings.${query.format}"`,
        ...incompleteHeaders(store, { of: profiles, from, to }),
      });
    };
    return { routes: [route(file.exportReadings, exportFile)] };
  },
});

/** The module of exports: readings as a file. Ids and metric keys are the only texts in it, and neither may begin like a formula. */
import { randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { file } from '@village/api';
import { OperationalError } from '@village/core';
import { answer, type Call, defineModule, list, route, span } from '@village/platform';
import { incompleteHeaders } from '../../http/incomplete.ts';
import { devicesFor } from '../../http/query.ts';
import type { Needs } from '../needs.ts';

const AT_ONCE_MAX = 2;

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
    const { store, readings, directory, relational, config } = needs;
    // Files lie here while they are sent.
    const folder = join(config.data, 'temporary');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    let running = 0;
    const exportFile = async (call: Call<typeof file.exportReadings>) => {
      const { caller, query } = call;
      const entries = devicesFor(directory, caller, query);
      const devices = entries.map(({ device }) => device.id);
      const profiles = [...new Set(entries.map(({ profile }) => profile.id))];
      const { from, to } = span(query);
      const metrics = list(query.metric);
      if (running >= AT_ONCE_MAX)
        throw new OperationalError('busy', 'other exports are being made', { retry: true });
      running++;
      const path = join(folder, `${randomUUID()}.${query.format}`);
      const drop = async (): Promise<void> => {
        running--;
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
      }
      call.whenOver(() => {
        drop().catch((error: unknown) => call.warn(error, 'an export file stays behind'));
      });
      const type =
        query.format === 'csv' ? `${file.FILE_TYPES.csv}; charset=utf-8` : file.FILE_TYPES.parquet;
      return answer(200, createReadStream(path), {
        'content-type': type,
        'content-disposition': `attachment; filename="readings.${query.format}"`,
        ...incompleteHeaders(store, { of: profiles, from, to }),
      });
    };
    return { routes: [route(file.exportReadings, exportFile)] };
  },
});

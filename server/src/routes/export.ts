/** Export of readings as a file. Ids and metric keys are the only texts in it, and neither may begin like a formula. */

import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { file } from '@village/api';
import { OperationalError } from '@village/core';
import type { FastifyInstance } from 'fastify';
import { callerOf } from '../http/access.ts';
import type { Context } from '../http/context.ts';
import { devicesFor, list, span } from '../http/query.ts';
import { route } from '../http/route.ts';
import { note } from './people.ts';
import { gone } from './readings.ts';

const AT_ONCE_MAX = 2;

/** Adds `/export`; files are written to `folder` and removed when sent. */
export function exportRoutes(app: FastifyInstance, context: Context, folder: string): void {
  const { store, directory } = context;
  let running = 0;
  route(app, file.exportReadings, async (request, reply) => {
    const caller = callerOf(request);
    const { query } = request;
    const devices = devicesFor(directory, caller, query).map(({ device }) => device.id);
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
      const { rows } = await store.exportTo(path, query.format, what, gone(reply));
      await note(context, request, 'export', query.device ?? query.area ?? caller.area, { rows });
    } catch (error) {
      await drop();
      throw error;
    }
    const left = (): void => {
      drop().catch((error: unknown) =>
        request.log.warn({ err: error }, 'an export file stays behind'),
      );
    };
    if (reply.raw.closed) left();
    else reply.raw.once('close', left);
    return reply
      .type(
        query.format === 'csv' ? `${file.FILE_TYPES.csv}; charset=utf-8` : file.FILE_TYPES.parquet,
      )
      .header('content-disposition', `attachment; filename="readings.${query.format}"`)
      .code(200)
      .send(createReadStream(path));
  });
}

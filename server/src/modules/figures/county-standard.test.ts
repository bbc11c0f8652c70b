/** Stored figures after a start with a value that the county answers for: computed again, cited so, and as before once it is taken back. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOUR } from '@village/core';
import { askCheck, checkState } from '@village/platform';
import { afterEach, expect, it } from 'vitest';
import {
  AREAS,
  deviceCsv,
  SECRET,
  SOUTH_VILLAGE,
  startTest,
  type TestServer,
  until,
} from '../../testing.ts';

interface Tables {
  figure_day: { device: string; figure: string; body: string };
  figure_former: { device: string; figure: string; reasons: number };
  figure_mark: { device: string };
}

let test: TestServer | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
});

/** A day of GB 3095-2012, which nobody has held against its text. */
const DAY = Date.parse('2026-02-10T00:00:00+08:00');

it('a corrected limit changes the verdicts of its time alone, and says whose it is', async () => {
  let files: string[] = [];
  test = await startTest((config) => ({ ...config, standards: files }));
  await test.server.importAreas(AREAS);
  await test.server.importDevices(
    deviceCsv(`air-1,站,village/air-weather,${SOUTH_VILLAGE},,,,,,${SECRET}`),
  );
  const now = () => test as TestServer;
  const later = Date.parse('2026-03-10T00:00:00+08:00');
  const readings = [DAY, later].flatMap((day) =>
    Array.from({ length: 120 }, (_, n) => ({
      ...{ device: 'air-1', at: new Date(day + n * 60_000).toISOString() },
      values: { o3: n < 60 ? 210 : 230 },
    })),
  );
  const posted = await (await now().client('admin')).ask('POST', '/readings', { readings });
  expect(posted.statusCode).toBe(202);
  const db = () => now().server.relational.for<Tables>('figures');
  const stored = async (): Promise<(number | null)[]> => {
    const rows = await db()
      .selectFrom('figure_day')
      .select('body')
      .where('device', '=', 'air-1')
      .where('figure', '=', 'hours-above:air.o3')
      .orderBy('day' as 'body')
      .execute();
    return rows.map(({ body }) => (JSON.parse(body) as [[number | null]])[0][0]);
  };
  const worked = async (values: readonly number[]): Promise<void> => {
    now().timer.haste = 20;
    now().timer.shift += 11_000;
    await until(`${values} to be stored`, async () => `${await stored()}` === `${values}`);
    await until('the rest', async () => {
      const marks = await db().selectFrom('figure_mark').select('device').execute();
      return marks.length === 0;
    });
    const id = randomUUID();
    await askCheck(now().server.relational, id, now().timer.now());
    now().timer.shift += 5_000;
    await until(
      'the check',
      async () => (await checkState(now().server.relational, id))?.state === 'ended',
    );
    expect(await checkState(now().server.relational, id)).toMatchObject({ differing: 0 });
    now().timer.haste = 1;
  };
  const opened = async () =>
    (await now().client('admin')).get<{
      value: number;
      version: string;
      definitionVersion: number;
      standards: { version: string; limits: { name: { zh: string }; value: number }[] }[];
    }>(
      `/figures/explain?figure=hours-above:air.o3&device=air-1&at=${new Date(DAY + HOUR).toISOString()}`,
    );
  await worked([2, 2]);
  expect(await opened()).toMatchObject({ value: 2, version: 'GB 3095-2012' });

  await now().server.stop();
  const file = join(now().folder, 'own.yaml');
  writeFileSync(
    file,
    'by: 张三\non: 2026-11-05\nlimits:\n  - { version: GB 3095-2012, quantity: air.o3, class: 2, period: hour, atMost: 220, unit: µg/m³, source: 原文 }\n',
  );
  files = [file];
  test = await now().restart();
  await worked([1, 2]);
  const own = await opened();
  expect(own).toMatchObject({
    ...{ value: 1, version: 'GB 3095-2012 (county 2026-11-05)', definitionVersion: 1 },
    history: [{ value: 2, version: 'GB 3095-2012', reasons: ['definition'] }],
  });
  expect(own.standards[0]?.limits.map(({ name, value }) => [name.zh, value])).toEqual([
    ['一类区 1 小时平均', 160],
    ['二类区 1 小时平均 本县核定', 220],
  ]);

  await now().server.stop();
  files = [];
  test = await now().restart();
  await worked([2, 2]);
  expect(await opened()).toMatchObject({ value: 2, version: 'GB 3095-2012' });
}, 120_000);

/** Files that are made in the background: for their asker alone, while the rights last, told how far, fetched in pieces. */
import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { file } from '@village/api';
import { DAY, formatTime, HOUR, MINUTE, SECOND } from '@village/core';
import { putRow } from '@village/store/time-series/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../config/config.ts';
import {
  type Client,
  DEVICES,
  deviceCsv,
  NORTH,
  PASSWORD,
  SOUTH_VILLAGE,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

/** More than one part. */
const ROWS = 30_000;
const METRICS = ['o3', 'no2', 'so2', 'co'];

const exporting =
  (more: Partial<Config['exports']>) =>
  (config: Config): Config => ({ ...config, exports: { ...config.exports, ...more } });

/** Readings of an hour's thousands of seconds, and the question for them. */
async function fill({ server, timer }: TestServer): Promise<{ from: string; to: string }> {
  const to = Math.floor(timer.now() / SECOND) * SECOND - HOUR;
  const from = to - ROWS * SECOND;
  for (let at = from; at < to; at += SECOND)
    putRow(server.store, 'village/air-weather', METRICS, {
      ...{
        device: 'north-air',
        at,
        values: { o3: (at / SECOND) % 97, no2: 1.25, so2: 2.5, co: 3 },
      },
    });
  await server.store.commitNow();
  return { from: formatTime(from), to: formatTime(to) };
}

const filesOf = ({ folder }: TestServer): string[] =>
  readdirSync(join(folder, 'data', 'temporary'));

const start = async (client: Client, body: object): Promise<file.Export> => {
  const answer = await client.ask('POST', '/exports', { format: 'csv', ...body });
  expect([answer.statusCode, answer.body]).toEqual([201, expect.anything()]);
  return answer.json();
};

async function ended(client: Client, { id }: { id: string }): Promise<file.Export> {
  let job: file.Export | undefined;
  await until('the export to end', async () => {
    job = await client.get<file.Export>(`/exports/${id}`);
    return job.state === 'done' || job.state === 'failed';
  });
  return job!;
}

/** Three seconds' question: a file of a moment. */
const brief = ({ from }: { from: string }): object => ({
  ...{ device: 'north-air', from, to: formatTime(Date.parse(from) + 3 * SECOND) },
});

describe('a file in the background', () => {
  let test: TestServer;
  let admin: Client;
  let span: { from: string; to: string };
  beforeAll(async () => {
    test = await startCounty(exporting({ megabytesPerSecond: 10_000 }));
    admin = await test.client('admin');
    span = await fill(test);
  }, 60_000);
  afterAll(() => test.close());
  beforeEach(async () => {
    for (const user of ['admin', 'north', 'village'] as const) {
      const client = await test.client(user);
      const { items } = await client.get<{ items: file.Export[] }>('/exports');
      for (const { id } of items)
        expect((await client.ask('DELETE', `/exports/${id}`)).statusCode).toBe(204);
    }
    await until('no file lies there', () => filesOf(test).length === 0);
  });

  it('is as large as was told, about, says how far it is, and is the same as at once', async () => {
    const asked = { device: 'north-air', ...span };
    // What was put in is in the archive once it is found.
    await admin.get(`/readings?device=north-air&from=${span.from}&to=${span.to}&limit=1`);
    const query = new URLSearchParams({ format: 'csv', ...asked });
    const told = await admin.get<file.ExportEstimate>(`/export/estimate?${query}`);
    expect(told).toMatchObject({ direct: true, refusal: null });
    const job = await start(admin, { ...asked, mark: 'bom' });
    expect(job).toMatchObject({
      state: 'queued',
      progress: 0,
      expiresAt: null,
      error: null,
      ...asked,
    });
    const done = await ended(admin, job);
    expect(done).toMatchObject({ state: 'done', progress: 1, rows: ROWS * METRICS.length });
    expect(Date.parse(done.expiresAt!)).toBeGreaterThan(test.timer.now() + DAY - MINUTE);
    const { rawPayload, headers } = await admin.ask('GET', `/exports/${job.id}/file`);
    expect(headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-length': String(done.bytes),
      'accept-ranges': 'bytes',
    });
    for (const [estimate, real] of [
      [told.rows, done.rows],
      [told.bytes, done.bytes],
    ] as const) {
      expect(estimate / real).toBeGreaterThan(0.75);
      expect(estimate / real).toBeLessThan(1.3);
    }
    const direct = await admin.ask('GET', `/export?${query}&mark=bom`);
    expect(rawPayload.equals(direct.rawPayload)).toBe(true);
    expect((await admin.get<{ items: file.Export[] }>('/exports')).items).toEqual([done]);
  }, 120_000);

  it('is fetched in pieces, and as a whole when it is another one by now', async () => {
    const job = await ended(admin, await start(admin, brief(span)));
    const path = `/exports/${job.id}/file`;
    const whole = await admin.ask('GET', path);
    const etag = String(whole.headers['etag']);
    const ask = (headers: Record<string, string>) => admin.ask('GET', path, undefined, headers);
    const first = await ask({ range: 'bytes=0-99' });
    const rest = await ask({ range: 'bytes=100-', 'if-range': etag });
    expect([first.statusCode, rest.statusCode]).toEqual([206, 206]);
    expect(rest.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-range': `bytes 100-${job.bytes - 1}/${job.bytes}`,
      'content-length': String(job.bytes - 100),
      etag,
    });
    expect(Buffer.concat([first.rawPayload, rest.rawPayload])).toEqual(whole.rawPayload);
    const other = await ask({ range: 'bytes=100-', 'if-range': '"another"' });
    expect([other.statusCode, other.rawPayload]).toEqual([200, whole.rawPayload]);
    const beyond = await ask({ range: `bytes=${job.bytes}-` });
    expect([beyond.statusCode, beyond.headers['content-range']]).toEqual([
      416,
      `bytes */${job.bytes}`,
    ]);
    expect(beyond.headers['content-type']).toMatch(/^application\/problem\+json/);
    const known = await ask({ 'if-none-match': etag });
    expect([known.statusCode, known.body, known.headers['etag']]).toEqual([304, '', etag]);
    const head = await admin.ask('HEAD', path);
    expect([head.statusCode, head.body, head.headers['content-length']]).toEqual([
      200,
      '',
      String(job.bytes),
    ]);
  });

  it('is Parquet where that is asked for', async () => {
    const job = await ended(admin, await start(admin, { ...brief(span), format: 'parquet' }));
    const { rawPayload, headers } = await admin.ask('GET', `/exports/${job.id}/file`);
    expect(headers['content-type']).toBe('application/vnd.apache.parquet');
    expect(rawPayload.subarray(0, 4).toString()).toBe('PAR1');
    expect(filesOf(test).sort()).toEqual([`${job.id}.json`, `${job.id}.parquet`]);
  });

  it('is nobody else’s', async () => {
    const job = await ended(admin, await start(admin, brief(span)));
    const north = await test.client('north');
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/file'],
      ['DELETE', ''],
    ] as const) {
      const { statusCode } = await north.ask(method, `/exports/${job.id}${path}`);
      expect([method, path, statusCode]).toEqual([method, path, 404]);
    }
    expect(await north.get('/exports')).toEqual({ items: [] });
    expect((await admin.ask('GET', `/exports/${job.id}/file`)).statusCode).toBe(200);
    const foreign = await north.ask('POST', '/exports', {
      ...{ format: 'csv', device: 'south-air', ...span },
    });
    expect(foreign.statusCode).toBe(404);
  });

  it('is not given to who has got another role or area since, nor when a device of it lies elsewhere by now', async () => {
    const village = await test.client('village');
    const job = await ended(village, await start(village, brief(span)));
    const fetched = async (client: Client): Promise<number> =>
      (await client.ask('GET', `/exports/${job.id}/file`)).statusCode;
    expect(await fetched(village)).toBe(200);
    await test.server.importDevices(
      deviceCsv(`north-air,空气站,village/air-weather,${SOUTH_VILLAGE},,,,,,`),
    );
    expect(await fetched(village)).toBe(404);
    await test.server.importDevices(DEVICES);
    expect(await fetched(village)).toBe(200);
    const user = { displayName: 'village', role: 'clerk', area: NORTH, password: PASSWORD };
    expect((await admin.ask('PUT', '/users/village', user)).statusCode).toBe(200);
    expect(await fetched(await test.client('village'))).toBe(404);
  });

  it('has few beside it', async () => {
    for (let n = 0; n < 4; n++) await start(admin, brief(span));
    const fifth = await admin.ask('POST', '/exports', { format: 'csv', ...brief(span) });
    expect([fifth.statusCode, fifth.json().code]).toEqual([409, 'too-many-exports']);
    const query = new URLSearchParams({
      format: 'csv',
      ...(brief(span) as Record<string, string>),
    });
    expect(await admin.get(`/export/estimate?${query}`)).toMatchObject({
      refusal: { code: 'too-many-exports' },
    });
    // Others have their own.
    const north = await test.client('north');
    expect((await ended(north, await start(north, brief(span)))).state).toBe('done');
  });

  it('is taken away after its time', async () => {
    const job = await ended(admin, await start(admin, brief(span)));
    test.timer.shift += DAY - MINUTE;
    // Who comes back after a day signs in anew.
    const later = await test.client('admin');
    expect((await later.ask('GET', `/exports/${job.id}/file`)).statusCode).toBe(200);
    test.timer.shift += MINUTE;
    expect((await later.ask('GET', `/exports/${job.id}/file`)).statusCode).toBe(404);
    await until('the file is gone', () => filesOf(test).length === 0);
  }, 90_000);
});

describe('a file that takes long', () => {
  let test: TestServer;
  let span: { from: string; to: string };
  beforeAll(async () => {
    test = await startCounty(exporting({ megabytesPerSecond: 1 }));
    span = await fill(test);
  }, 60_000);
  afterAll(() => test.close());

  const running = async (client: Client): Promise<file.Export> => {
    const job = await start(client, { device: 'north-air', ...span });
    await until('it is being made', async () => {
      const { state } = await client.get<file.Export>(`/exports/${job.id}`);
      return state === 'running' && filesOf(test).length > 0;
    });
    return job;
  };

  it('is given up when its asker wants it no more, and nothing of it stays', async () => {
    const admin = await test.client('admin');
    const job = await running(admin);
    const early = await admin.ask('GET', `/exports/${job.id}/file`);
    expect([early.statusCode, early.json().code]).toEqual([409, 'not-done']);
    expect((await admin.ask('DELETE', `/exports/${job.id}`)).statusCode).toBe(204);
    await until('nothing lies there', () => filesOf(test).length === 0);
    expect((await admin.ask('GET', `/exports/${job.id}`)).statusCode).toBe(404);
  });

  it('is given up when its asker may not have it any more', async () => {
    const north = await test.client('north');
    const job = await running(north);
    await north.ask('DELETE', '/session');
    // The next look at the rights, and a pace that has had all its time.
    test.timer.shift += HOUR;
    test.timer.haste = 1_000;
    const again = await test.client('north');
    expect(await ended(again, job)).toMatchObject({
      state: 'failed',
      error: { code: 'rights-ended' },
    });
    test.timer.haste = 1;
    await until('its book alone lies there', () => filesOf(test).join() === `${job.id}.json`);
    expect((await again.ask('DELETE', `/exports/${job.id}`)).statusCode).toBe(204);
  });

  it('has failed after a restart, and says so; what is no export stays, and pieces of one do not', async () => {
    // What was written in haste before has used up the pace of a while.
    test.timer.shift += HOUR;
    const admin = await test.client('admin');
    const job = await running(admin);
    const folder = join(test.folder, 'data', 'temporary');
    const own = join(folder, 'mine.csv');
    writeFileSync(own, 'x');
    for (const left of ['parquet.3', 'json', 'json.new'])
      writeFileSync(join(folder, `${crypto.randomUUID()}.${left}`), '{"version":1');
    test = await test.restart();
    const left = [`${job.id}.json`, 'mine.csv'].sort().join();
    await until('the rest to be gone', () => filesOf(test).sort().join() === left);
    const again = await test.client('admin');
    const { items } = await again.get<{ items: file.Export[] }>('/exports');
    expect(items).toMatchObject([
      { id: job.id, state: 'failed', error: { code: 'server-restarted' }, from: job.from },
    ]);
    const early = await again.ask('GET', `/exports/${job.id}/file`);
    expect([early.statusCode, early.json().code]).toEqual([409, 'not-done']);
    expect((await again.ask('DELETE', `/exports/${job.id}`)).statusCode).toBe(204);
    expect(filesOf(test)).toEqual(['mine.csv']);
  }, 90_000);
});

describe('a file that was done before a restart', () => {
  let test: TestServer;
  let span: { from: string; to: string };
  beforeAll(async () => {
    test = await startCounty(exporting({ megabytesPerSecond: 10_000 }));
    span = await fill(test);
  }, 60_000);
  afterAll(() => test.close());

  it('is there again for its asker alone, goes on where a download was cut, and goes in its time', async () => {
    const before = await test.client('admin');
    const job = await ended(before, await start(before, brief(span)));
    const short = await ended(before, await start(before, brief(span)));
    const path = `/exports/${job.id}/file`;
    const whole = await before.ask('GET', path);
    const first = await before.ask('GET', path, undefined, { range: 'bytes=0-99' });
    truncateSync(join(test.folder, 'data', 'temporary', `${short.id}.csv`), 10);
    test = await test.restart();
    const admin = await test.client('admin');
    const { items } = await admin.get<{ items: file.Export[] }>('/exports');
    // What is not whole is told instead of given.
    expect(items).toEqual([
      {
        ...short,
        state: 'failed',
        progress: 0,
        error: { code: 'file-lost', message: expect.any(String) },
      },
      job,
    ]);
    const north = await test.client('north');
    expect((await north.ask('GET', path)).statusCode).toBe(404);
    const rest = await admin.ask('GET', path, undefined, {
      ...{ range: 'bytes=100-', 'if-range': String(first.headers['etag']) },
    });
    expect(rest.statusCode).toBe(206);
    expect(Buffer.concat([first.rawPayload, rest.rawPayload])).toEqual(whole.rawPayload);
    test.timer.shift += DAY - MINUTE;
    test = await test.restart();
    const later = await test.client('admin');
    expect((await later.ask('GET', path)).statusCode).toBe(200);
    test.timer.shift += MINUTE;
    expect((await later.ask('GET', path)).statusCode).toBe(404);
    await until('nothing lies there', () => filesOf(test).length === 0);
    // What went over its time while no server ran is not there either.
    const last = await ended(later, await start(later, brief(span)));
    test.timer.shift += DAY;
    test = await test.restart();
    expect(filesOf(test)).toEqual([]);
    const after = await test.client('admin');
    expect((await after.ask('GET', `/exports/${last.id}`)).statusCode).toBe(404);
  }, 120_000);
});

/** What the system page asks beside counters: the configuration as it holds, the disks, and the backups that there are. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, PASSWORD, startCounty, type TestServer, until } from '../../testing.ts';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
});
afterAll(() => test.close());

interface Backups {
  folder: string;
  items: {
    folder: string;
    own: boolean | null;
    files: number;
    bytes: number;
    fault: string | null;
  }[];
}

it('tells the configuration as it holds, without the password that it was started with', async () => {
  const answer = await admin.ask('GET', '/system/configuration');
  expect(answer.statusCode).toBe(200);
  const { path, items } = answer.json() as { path: string; items: { key: string }[] };
  expect(path).toBe(join(test.folder, 'village.yaml'));
  const of = (key: string) => items.find((one) => one.key === key);
  expect(of('http.host')).toMatchObject({ value: '127.0.0.1', source: 'environment' });
  expect(of('backup.keep')).toMatchObject({ value: '7', source: 'default', default: '7' });
  expect(of('VILLAGE_ADMIN_PASSWORD')).toMatchObject({
    value: null,
    source: 'environment',
    secret: true,
  });
  expect(answer.body).not.toContain(PASSWORD);
});

it('is for administrators of the county alone', async () => {
  for (const user of ['north', 'south', 'village'])
    for (const url of ['/system/configuration', '/system/backups'])
      expect([user, (await (await test.client(user)).ask('GET', url)).statusCode]).toEqual([
        user,
        403,
      ]);
});

it('tells the disk of the data with what is kept of it for the log, and the time', async () => {
  const { disks, now } = await admin.get<{
    disks: { purpose: string; freeBytes: number; totalBytes: number; reserveBytes: number }[];
    now: string;
  }>('/system');
  const data = disks.find(({ purpose }) => purpose === 'data');
  expect(data?.reserveBytes).toBe(512 * 1024 * 1024);
  expect(data?.freeBytes).toBeGreaterThan(0);
  expect(data?.totalBytes).toBeGreaterThanOrEqual(data?.freeBytes ?? 0);
  expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(60_000);
});

it('lists backups, also one that is not whole, and nothing that is none', async () => {
  expect((await admin.get<Backups>('/system/backups')).items).toEqual([]);
  const { folder } = (await admin.ask('POST', '/system/backup')).json() as { folder: string };
  await until('the backup', () => existsSync(join(folder, 'backup.json')));
  const place = join(folder, '..');
  mkdirSync(join(place, '2020-01-01T000000.000Z'));
  mkdirSync(join(place, 'holiday-pictures'));
  const { items } = await admin.get<Backups>('/system/backups');
  expect(items).toMatchObject([
    { folder, own: true, fault: null },
    {
      folder: join(place, '2020-01-01T000000.000Z'),
      own: null,
      fault: expect.stringContaining('backup.json'),
    },
  ]);
  expect(items[0]?.files).toBeGreaterThan(1);
  expect(items[0]?.bytes).toBeGreaterThan(1_000);
  rmSync(join(place, '2020-01-01T000000.000Z'), { recursive: true });
});

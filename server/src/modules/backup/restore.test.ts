/** A backup made under load, restored elsewhere by the command: the same rows, people, devices and secrets; and what is refused. */
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatTime, HOUR } from '@village/core';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  PASSWORD,
  SECRET,
  startCounty,
  startTest,
  type TestServer,
  until,
} from '../../testing.ts';
import { checksum, listFiles, readList } from './backup-files.ts';
import { Backups } from './backups.ts';
import { restore } from './restore.ts';

/** Of a journal. */
const ID = '00000000-0000-4000-8000-000000000001';
const main = fileURLToPath(new URL('../../main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'village-restore-'));
let test: TestServer;
let admin: Client;
let backup = '';
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(async () => {
  await test.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (data: string, ...args: string[]): SpawnSyncReturns<string> =>
  runWith({ VILLAGE_DATA: data }, ...args);

const runWith = (env: object, ...args: string[]): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });

interface Row {
  at: string;
  receivedAt: string;
  values: Record<string, number>;
}

/** Every row of the two air stations by device and time, as the interface tells it. */
async function rowsOf(client: Client): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  for (const device of ['north-air', 'south-air']) {
    let cursor = '';
    do {
      const page: { items: Row[]; next: string | null } = await client.get(
        `/readings?device=${device}&from=2020-01-01T00:00:00Z&to=2029-01-01T00:00:00Z&limit=10000${cursor}`,
      );
      for (const row of page.items) rows.set(`${device} ${row.at}`, row);
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
  }
  return rows;
}

/** What the relational part and the rest of the store hold, as an admin sees it. */
/** Without when somebody signed in last or used a token, which the asking itself changes. */
const withoutUse = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer), (key, value: unknown) =>
    key === 'lastSignInAt' || key === 'lastUsedAt' ? undefined : value,
  );

async function restOf(client: Client): Promise<unknown[]> {
  const parts: unknown[] = [];
  for (const url of [
    '/areas',
    '/users',
    '/tokens',
    '/quarantine',
    '/events?from=2020-01-01T00:00:00Z&to=2029-01-01T00:00:00Z',
  ])
    parts.push(await client.get(url).then(withoutUse));
  const { items } = await client.get<{ items: { id: string; name: string; address: string }[] }>(
    '/devices',
  );
  return [...parts, items.map(({ id, name, address }) => [id, name, address])];
}

it('a backup under load, restored elsewhere, holds all that was acknowledged before it', async () => {
  const start = test.timer.now() - HOUR;
  const acknowledged: string[] = [];
  let sent = 0;
  let stop = false;
  const client = await mqtt.connectAsync({
    host: '127.0.0.1',
    port: test.server.mqttPort,
    clientId: 'north-air',
    username: 'north-air',
    password: SECRET,
  });
  const byDevice = async (): Promise<void> => {
    while (!stop) {
      const at = formatTime(start + sent++);
      const payload = JSON.stringify({ at, values: { pm25: sent, temperature: sent / 10 } });
      await client.publishAsync('village/v1/devices/north-air/readings', payload, { qos: 1 });
      acknowledged.push(`north-air ${at}`);
    }
  };
  const byHttp = async (): Promise<void> => {
    while (!stop) {
      const rows = Array.from({ length: 50 }, () => formatTime(start + sent++));
      const readings = rows.map((at) => ({ device: 'south-air', at, values: { pm10: sent } }));
      expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
      acknowledged.push(...rows.map((at) => `south-air ${at}`));
    }
  };
  await admin.ask('POST', '/readings', {
    readings: [{ device: 'nobody', at: formatTime(start), values: {} }],
    events: [{ device: 'south-air', at: formatTime(start), type: 'opened', detail: { by: '王' } }],
  });
  await admin.ask('POST', '/tokens', { name: 'machine', role: 'clerk' });
  const load = Promise.all([byDevice(), byHttp()]);
  await until('some load', () => acknowledged.length > 500);
  await test.server.store.flush();
  await until('more load', () => acknowledged.length > 1_000);
  await until('both stations to be seen', async () => {
    const { items } = await admin.get<{ items: { counts: { online: number } }[] }>('/areas');
    return items[0]?.counts.online === 2;
  });
  const before = acknowledged.slice();
  const rest = await restOf(admin);
  const answer = await admin.ask('POST', '/system/backup');
  expect(answer.statusCode).toBe(202);
  backup = (answer.json() as { folder: string }).folder;
  await until('the backup', async () => {
    const { backup: state } = await admin.get<{ backup: { state: string } }>('/system');
    return state.state === 'done';
  });
  await until('load after the backup', () => acknowledged.length > before.length + 200);
  stop = true;
  await load;
  await client.endAsync();
  const original = await rowsOf(admin);

  const data = join(folder, 'elsewhere', 'data');
  const { status, stdout, stderr } = run(data, 'serve', 'restore', backup);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain(data);
  expect(await listFiles(data)).toEqual(
    (await listFiles(backup)).filter(({ path }) => path !== 'backup.json'),
  );

  const other = await startTest((config) => config, join(folder, 'elsewhere'));
  try {
    const elsewhere = await other.client('admin', PASSWORD);
    const restored = await rowsOf(elsewhere);
    expect(before.filter((key) => !restored.has(key))).toEqual([]);
    for (const [key, row] of restored) expect(row).toEqual(original.get(key));
    expect(restored.size).toBeLessThan(original.size);
    expect(await restOf(elsewhere)).toEqual(rest);
    // People and devices come in with what they had, and new readings join the old.
    expect((await other.client('village')).cookie).not.toBe('');
    const device = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: other.server.mqttPort,
      clientId: 'north-air',
      username: 'north-air',
      password: SECRET,
    });
    const at = formatTime(other.timer.now());
    const payload = JSON.stringify({ at, values: { pm25: 1 } });
    await device.publishAsync('village/v1/devices/north-air/readings', payload, { qos: 1 });
    await device.endAsync();
    expect((await rowsOf(elsewhere)).size).toBe(restored.size + 1);
  } finally {
    await other.server.stop();
  }
}, 120_000);

describe('a restore', () => {
  it('is refused into a folder that holds anything', () => {
    const data = join(folder, 'full');
    mkdirSync(data);
    writeFileSync(join(data, 'something'), '');
    const { status, stderr } = run(data, 'restore', backup);
    expect([status, stderr.trim().split('\n').length]).toEqual([1, 1]);
    expect(stderr).toContain('not empty');
    expect(readdirSync(data)).toEqual(['something']);
  });

  it.each([
    ['a changed byte', (copy: string) => change(join(copy, 'relational.sqlite')), 'damaged'],
    ['a missing file', (copy: string) => rmSync(join(copy, 'relational.sqlite')), 'missing'],
    ['no list', (copy: string) => rmSync(join(copy, 'backup.json')), 'no whole backup'],
    ['half a list', (copy: string) => halve(join(copy, 'backup.json')), 'no whole backup'],
    [
      'what is no file',
      (copy: string) => {
        rmSync(join(copy, 'relational.sqlite'));
        execFileSync('mkfifo', [join(copy, 'relational.sqlite')]);
        const text = readFileSync(join(copy, 'backup.json'), 'utf8');
        writeFileSync(join(copy, 'backup.json'), text.replace(/"bytes": \d+/, '"bytes": 0'));
      },
      'damaged',
    ],
    ['a path that leads outside', (copy: string) => rename(copy, '../x'), 'no whole backup'],
    [
      'a path through the stores',
      (copy: string) => rename(copy, 'time-series/../../x'),
      'no whole',
    ],
    ['a path of something else', (copy: string) => rename(copy, 'restoring'), 'no whole backup'],
  ])('of a backup with %s is refused, and nothing is written', async (_name, damage, message) => {
    const copy = mkdtempSync(join(folder, 'copy-'));
    cpSync(backup, copy, { recursive: true });
    damage(copy);
    const data = `${copy}-data`;
    await expect(restore({ backup: copy, data, postgres: false })).rejects.toThrow(message);
    expect(existsSync(data)).toBe(false);
  });

  it('of SQLite is refused where PostgreSQL is configured', async () => {
    const data = join(folder, 'postgres');
    await expect(restore({ backup, data, postgres: true })).rejects.toMatchObject({
      code: 'other-database',
    });
  });

  it('that was interrupted is no data folder, for no command either', async () => {
    const half = join(folder, 'half');
    const data = join(half, 'data');
    await restore({ backup, data, postgres: false });
    writeFileSync(join(data, 'restoring'), backup);
    await expect(startTest((config) => config, half)).rejects.toMatchObject({
      code: 'restore-unfinished',
    });
    await expect(restore({ backup, data, postgres: false })).rejects.toMatchObject({
      code: 'restore-unfinished',
    });
    for (const command of ['backup', 'reset-password']) {
      const { status, stdout, stderr } = run(data, 'serve', command);
      expect([command, status, stdout]).toEqual([command, 1, '']);
      expect(stderr).toContain('is not finished');
    }
    expect(existsSync(join(data, 'backups'))).toBe(false);
  }, 120_000);

  it('leaves alone what a server made in the folder while the backup was proved', async () => {
    const data = join(folder, 'meanwhile');
    let made = false;
    const progress = (): void => {
      if (made) return;
      made = true;
      mkdirSync(data);
      writeFileSync(join(data, 'relational.sqlite'), 'of a running server');
    };
    await expect(restore({ backup, data, postgres: false, progress })).rejects.toMatchObject({
      code: 'data-not-empty',
    });
    expect(readdirSync(data)).toEqual(['relational.sqlite']);
    expect(readFileSync(join(data, 'relational.sqlite'), 'utf8')).toBe('of a running server');
  });

  it('of two at once into one folder is made once', async () => {
    const data = join(folder, 'twice');
    const both = [1, 2].map(() => restore({ backup, data, postgres: false }));
    const ends = await Promise.allSettled(both);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await listFiles(data)).toEqual(readList(backup).files);
  });

  it('onto a disk without room writes nothing, and takes away what it wrote when the disk fills up meanwhile', async (ctx) => {
    const disk = mkdtempSync(join(folder, 'disk-'));
    const bytes = readList(backup).files.reduce((sum, one) => sum + one.bytes, 0);
    const mount = (size: number): void => {
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk], {
          stdio: 'ignore',
        });
      } catch (error) {
        ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
      }
    };
    const data = join(disk, 'data');
    mount(Math.floor(bytes / 8192) * 4096);
    try {
      await expect(restore({ backup, data, postgres: false })).rejects.toMatchObject({
        code: 'no-room',
      });
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
    mount(2 * bytes);
    try {
      const progress = (done: number, total: number): void => {
        if (done !== total / 2) return;
        // Another program takes what was free.
        writeFileSync(join(disk, 'ballast'), Buffer.alloc(2 * bytes - 256 * 1024));
      };
      await expect(restore({ backup, data, postgres: false, progress })).rejects.toMatchObject({
        code: 'restore-failed',
        message: expect.stringContaining('taken away'),
      });
      expect(readdirSync(data)).toEqual([]);
      rmSync(join(disk, 'ballast'));
      await restore({ backup, data, postgres: false });
      expect(await listFiles(data)).toEqual(readList(backup).files);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  it('takes what the backup of a stopped server made', () => {
    const stopped = join(folder, 'elsewhere', 'data');
    const made = run(stopped, 'serve', 'backup');
    expect([made.status, made.stderr]).toEqual([0, '']);
    const data = join(folder, 'again');
    expect(run(data, 'restore', made.stdout.trim().split(': ').at(-1) ?? '').status).toBe(0);
    expect(existsSync(join(data, 'relational.sqlite'))).toBe(true);
    const running = run(join(test.folder, 'data'), 'backup');
    expect([running.status, running.stderr.trim().split('\n').length]).toEqual([1, 1]);
    expect(running.stderr).toContain('another server');
  }, 120_000);
});

describe('a stopped server whose PostgreSQL is away', () => {
  it('is backed up but for what is in that, which is said', async () => {
    const data = join(folder, 'away', 'data');
    await restore({ backup, data, postgres: false });
    const yaml = join(folder, 'away', 'village.yaml');
    writeFileSync(yaml, 'relational: { url: "postgres://127.0.0.1:1/nobody" }\n');
    const made = runWith({ VILLAGE_DATA: data, VILLAGE_CONFIG: yaml }, 'backup');
    expect([made.status, made.stderr]).toEqual([0, '']);
    const [told = '', more = ''] = made.stdout.trim().split('\n');
    expect(more).toContain('pg_dump');
    const list = readList(told.split(': ').at(-1) ?? '');
    expect(list.relational).toBe('postgresql');
    expect(list.files.map(({ path }) => path)).toContain('time-series/log.sqlite');
  }, 120_000);
});

/** Lists a file under another path. */
function rename(copy: string, path: string): void {
  const list = join(copy, 'backup.json');
  writeFileSync(list, readFileSync(list, 'utf8').replace('relational.sqlite', path));
}

/** Turns one byte in the middle of a file. */
function change(path: string): void {
  const bytes = readFileSync(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function halve(path: string): void {
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, bytes.length >> 1));
}

describe('backups that are kept', () => {
  it('say what they lack where the archive has means of its own', async () => {
    const place = join(folder, 'none-of-ours');
    mkdirSync(place);
    const backups = new Backups({
      folder: place,
      data: join(test.folder, 'data'),
      keep: 2,
      clock: Date.now,
      relational: {
        backup: async (file: string) => {
          writeFileSync(file, 'x');
          return true;
        },
      },
      store: { id: ID, diskReserveBytes: 0, keepsFiles: false, backup: async () => undefined },
    });
    const list = readList(await backups.make());
    expect(list).toMatchObject({ relational: 'sqlite', readings: 'influxdb' });
    expect(list.files.map(({ path }) => path)).toEqual(['relational.sqlite']);
  });

  it('are the newest whole ones; what is not ours stays', async () => {
    const place = join(folder, 'kept');
    mkdirSync(place);
    let now = Date.UTC(2026, 0, 1);
    const failed: unknown[] = [];
    const tell = (error: unknown): void => {
      failed.push(error);
    };
    const backups = new Backups({
      folder: place,
      data: join(test.folder, 'data'),
      keep: 2,
      clock: () => now,
      relational: {
        backup: async (file: string) => {
          writeFileSync(file, 'x');
          return true;
        },
      },
      store: {
        id: ID,
        diskReserveBytes: 0,
        keepsFiles: true,
        backup: () => (now === 0 ? Promise.reject(new Error('disk')) : Promise.resolve()),
      },
    });
    mkdirSync(join(place, 'notes'));
    mkdirSync(join(place, '2025-12-31T000000.000Z.part'));
    for (let n = 0; n < 4; n++) {
      now += HOUR;
      backups.start(tell);
      expect(() => backups.start(tell)).toThrow(
        expect.objectContaining({ code: 'backup-running' }),
      );
      await backups.settled();
    }
    const names = readdirSync(place).sort();
    expect(names).toHaveLength(3);
    expect(names.slice(0, 2).every((name) => name.startsWith('2026-01-01T0'))).toBe(true);
    expect(names[2]).toBe('notes');
    expect(backups.counters()).toEqual({ made: 4, deleted: 3 });
    now = 0;
    backups.start(tell);
    await backups.settled();
    expect(failed).toHaveLength(1);
    expect(backups.last?.state).toBe('failed');
    // Who waits for one hears of its failure, and half a copy a night would fill the disk.
    await expect(backups.make()).rejects.toThrow('disk');
    expect(readdirSync(place).sort()).toEqual(names);
  });

  it('are made though old ones can not be deleted, which is told', async (ctx) => {
    const place = join(folder, 'stuck');
    // What is mounted can't be deleted.
    const stuck = ['2026-01-01T010000.000Z', '2026-01-01T020000.000Z.part'];
    for (const name of stuck) {
      mkdirSync(join(place, name), { recursive: true });
      try {
        execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(place, name)], { stdio: 'ignore' });
      } catch (error) {
        ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
      }
    }
    try {
      const backups = new Backups({
        folder: place,
        data: join(test.folder, 'data'),
        keep: 1,
        clock: () => Date.UTC(2026, 0, 1, 3),
        relational: { backup: () => Promise.resolve(false) },
        store: { id: ID, diskReserveBytes: 0, keepsFiles: true, backup: () => Promise.resolve() },
      });
      expect(await backups.unfinished()).toEqual(stuck.slice(1));
      expect(backups.last).toMatchObject({ startedAt: Date.UTC(2026, 0, 1, 2), state: 'failed' });
      await expect(backups.make()).rejects.toMatchObject({
        code: 'not-deleted',
        message: expect.stringContaining(stuck[0] as string),
      });
      expect(backups.last).toMatchObject({ startedAt: Date.UTC(2026, 0, 1, 3), state: 'done' });
      expect(backups.counters()).toEqual({ made: 1, deleted: 0 });
      expect(readList(join(place, '2026-01-01T030000Z')).files).toEqual([]);
    } finally {
      for (const name of stuck) execFileSync('umount', ['-l', join(place, name)]);
    }
  });

  it('have no more room taken away by those that were killed, however often', async () => {
    const place = join(folder, 'killed');
    mkdirSync(place);
    const killed = ['2026-01-01T010000.000Z.part', '2026-01-01T020000.000Z.part'];
    for (const name of [...killed, 'mine.part']) mkdirSync(join(place, name));
    let during: string[] = [];
    const backups = new Backups({
      folder: place,
      data: join(test.folder, 'data'),
      keep: 2,
      clock: () => Date.UTC(2026, 0, 1, 3),
      relational: { backup: () => Promise.resolve(false) },
      store: {
        id: ID,
        diskReserveBytes: 0,
        keepsFiles: true,
        backup: () => {
          during = readdirSync(place).sort();
          return Promise.reject(new Error('killed again'));
        },
      },
    });
    await expect(backups.make()).rejects.toThrow('killed again');
    expect(during).toEqual([`2026-01-01T030000Z.${ID}.part`, 'mine.part']);
    expect(backups.counters()).toEqual({ made: 0, deleted: 2 });
  });

  it('are those that were made last, though the clock was years ahead or behind meanwhile', async () => {
    const place = join(folder, 'clocks');
    mkdirSync(place);
    let now = 0;
    const backups = new Backups({
      folder: place,
      data: join(test.folder, 'data'),
      keep: 2,
      clock: () => now,
      relational: {
        backup: async (file: string) => {
          writeFileSync(file, 'x');
          return true;
        },
      },
      store: { id: ID, diskReserveBytes: 0, keepsFiles: true, backup: () => Promise.resolve() },
    });
    const today = Date.UTC(2026, 0, 1);
    const made: string[] = [];
    for (const at of [0, 1, 2]
      .map((n) => Date.UTC(2100, 0, 1) + n * HOUR)
      .concat([0, 1, 2].map((n) => today + n * HOUR))
      .concat([0, 1, 2].map((n) => n * HOUR))
      .concat(today + 9 * HOUR)) {
      now = at;
      made.push(await backups.make());
      expect(readdirSync(place).sort()).toEqual(
        made
          .slice(-2)
          .map((path) => basename(path))
          .sort(),
      );
    }
  });

  it('are those of the server itself, where another has its own in the same folder', async () => {
    const place = join(folder, 'shared');
    mkdirSync(place);
    const others = ID.replace(/1$/, '2');
    let now = Date.UTC(2026, 0, 1);
    const of = (id: string, backup: () => Promise<void>): Backups =>
      new Backups({
        folder: place,
        data: join(test.folder, 'data'),
        keep: 1,
        clock: () => now++,
        relational: { backup: () => Promise.resolve(false) },
        store: { id, diskReserveBytes: 0, keepsFiles: true, backup },
      });
    const own = of(ID, () => Promise.resolve());
    const first = basename(await own.make());
    // The other's is being made while this one makes its next.
    const other = of(others, async () => {
      await own.make();
    });
    const theirs = basename(await other.make());
    const [, second] = [first, ...readdirSync(place).filter((name) => name !== theirs)];
    expect(second).not.toBe(first);
    expect(readdirSync(place).sort()).toEqual([second, theirs].sort());
    // What either leaves unfinished is deleted by itself alone.
    const left = [ID, others].map((id) => `2026-01-01T010000Z.${id}.part`);
    for (const name of left) mkdirSync(join(place, name));
    expect([await own.unfinished(), await other.unfinished()]).toEqual(left.map((name) => [name]));
    const third = basename(await own.make());
    expect(readdirSync(place).sort()).toEqual([left[1], third, theirs].sort());
  });

  it('have checksums of what is in the files', async () => {
    const path = join(folder, 'known');
    writeFileSync(path, 'abc');
    // FIPS 180-2, appendix B.1.
    expect(await checksum(path)).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});

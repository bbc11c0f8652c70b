import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { type Lane, MINUTE, type WireReading } from '@village/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../run/log.ts';
import { temporaryFolder, until } from '../testing.ts';
import type { OutboxOptions } from './options.ts';
import { Outbox } from './outbox.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  return path;
}

let now = 1_750_000_000_000;
/** No waiting for company, and nothing put aside where the disk is not what is tested. */
const QUICK = { lingerMs: 0, ackWindowMs: 0, reserveBytes: 0 };

function open(path: string, options: Partial<OutboxOptions> = {}): Outbox {
  return new Outbox(path, { now: () => now, log: silentLog }, { ...QUICK, ...options });
}

const row = (device: string, text = ''): WireReading => ({
  device,
  at: `2026-01-01T00:00:00Z${text}`,
  values: { n: 1 },
});

/** Puts a row in and resolves when it is durable. */
const durable = (outbox: Outbox, reading: WireReading): Promise<void> =>
  new Promise((resolve, reject) => {
    outbox.put(reading, [], (error) => (error === undefined ? resolve() : reject(error)));
  });

function devicesOf(body: string): string[] {
  const parsed = JSON.parse(`{${body}`) as { readings: WireReading[] };
  return parsed.readings.map((reading) => reading.device);
}

/** Takes and acknowledges everything; what came, by lane. */
function drain(outbox: Outbox): { lane: Lane; seq: number; devices: string[] }[] {
  const out: { lane: Lane; seq: number; devices: string[] }[] = [];
  for (const lane of ['live', 'backfill'] as const)
    for (let batch = outbox.take(lane); batch !== null; batch = outbox.take(lane)) {
      out.push({ lane, seq: batch.seq, devices: devicesOf(batch.body) });
      outbox.acknowledge(batch.seq);
    }
  return out;
}

describe('keeping', () => {
  it('whatever order of adding, sending, acknowledging, restarting and waiting: nothing lost, lanes in order, numbers whole', async () => {
    type Step = 'add' | 'take' | 'acknowledge' | 'session' | 'restart' | 'wait';
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constant<Step>('add') },
        { weight: 4, arbitrary: fc.constant<Step>('take') },
        { weight: 4, arbitrary: fc.constant<Step>('acknowledge') },
        fc.constantFrom<Step>('session', 'restart', 'wait'),
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const { path, remove } = temporaryFolder();
        let outbox = open(path);
        const added: string[] = [];
        const delivered = new Map<number, string[]>();
        let last: Record<Lane, number> = { live: 0, backfill: 0 };
        const under: { seq: number; devices: string[] }[] = [];
        const restart = (): void => {
          under.length = 0;
          last = { live: 0, backfill: 0 };
        };
        for (const step of list) {
          if (step === 'add') {
            added.push(`d${added.length}`);
            await durable(outbox, row(added.at(-1) as string));
          } else if (step === 'take') {
            const lane: Lane = outbox.counters().waiting.live > 0 ? 'live' : 'backfill';
            const batch = outbox.take(lane);
            if (batch === null) continue;
            expect(batch.seq).toBeGreaterThan(last[lane]);
            last[lane] = batch.seq;
            under.push({ seq: batch.seq, devices: devicesOf(batch.body) });
          } else if (step === 'acknowledge') {
            const one = under.shift();
            if (one === undefined) continue;
            outbox.acknowledge(one.seq);
            delivered.set(one.seq, one.devices);
          } else if (step === 'session') {
            outbox.startSession();
            restart();
          } else if (step === 'restart') {
            outbox.close();
            outbox = open(path);
            restart();
          } else {
            now += MINUTE;
            outbox.age();
          }
        }
        outbox.startSession();
        for (const batch of drain(outbox)) {
          expect(delivered.has(batch.seq)).toBe(false);
          delivered.set(batch.seq, batch.devices);
        }
        const { waiting, bytes, dropped } = outbox.counters();
        outbox.close();
        remove();
        const numbers = [...delivered.keys()].sort((a, b) => a - b);
        expect(numbers).toEqual(added.map((_, i) => i + 1));
        expect(numbers.flatMap((seq) => delivered.get(seq) ?? [])).toEqual(added);
        expect({ waiting, bytes, dropped }).toEqual({
          waiting: { live: 0, backfill: 0 },
          bytes: 0,
          dropped: {},
        });
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });

  it('commits rows that come together as one batch, split at its limits', async () => {
    const outbox = open(folder(), { ackWindowMs: 20, rowsMax: 10 });
    await Promise.all(Array.from({ length: 35 }, (_, i) => durable(outbox, row(`d${i}`))));
    expect(drain(outbox).map((batch) => batch.devices.length)).toEqual([10, 10, 10, 5]);
    outbox.close();
  });

  it('what is acknowledged is gone after a restart, what is not comes again with its number and epoch', async () => {
    const path = folder();
    const first = open(path);
    for (const id of ['a', 'b', 'c']) await durable(first, row(id));
    first.take('live');
    first.take('live');
    first.acknowledge(1);
    const { epoch } = first;
    first.close();
    const second = open(path);
    expect(second.epoch).toBe(epoch);
    expect(drain(second).map((batch) => batch.seq)).toEqual([2, 3]);
    await durable(second, row('d'));
    expect(drain(second)).toMatchObject([{ seq: 4, devices: ['d'] }]);
    second.close();
  });

  it('what has waited is backfill and comes after what is fresh', async () => {
    const outbox = open(folder());
    await durable(outbox, row('old'));
    now += 2 * MINUTE;
    await durable(outbox, row('new'));
    outbox.startSession();
    expect(outbox.counters().waiting).toEqual({ live: 1, backfill: 1 });
    expect(drain(outbox)).toMatchObject([
      { lane: 'live', devices: ['new'] },
      { lane: 'backfill', devices: ['old'] },
    ]);
    outbox.close();
  });

  it('knows how long the oldest has waited, also by a clock that was set, and says nothing where nobody knows', async () => {
    const path = folder();
    const outbox = open(path);
    expect(outbox.oldestMs()).toBeNull();
    for (const id of ['a', 'b']) {
      await durable(outbox, row(id));
      now += MINUTE;
    }
    expect(outbox.oldestMs()).toBe(2 * MINUTE);
    now += 400 * MINUTE;
    outbox.clockSet(400 * MINUTE);
    expect(outbox.oldestMs()).toBe(2 * MINUTE);
    outbox.acknowledge(outbox.take('live')?.seq ?? 0);
    outbox.acknowledge(outbox.take('backfill')?.seq ?? 0);
    expect(outbox.oldestMs()).toBe(MINUTE);
    outbox.close();
    now -= 1_000 * MINUTE;
    const again = open(path);
    expect(again.oldestMs()).toBeNull();
    again.close();
  });

  it('is judged when a batch is taken: live while it is younger than 90 s, and no longer', async () => {
    const outbox = open(folder());
    for (const id of ['a', 'b', 'c']) await durable(outbox, row(id));
    now += 90_000 - 1;
    expect(outbox.take('live')?.seq).toBe(1);
    now += 1;
    // Nobody has called age() meanwhile.
    expect(outbox.take('live')).toBeNull();
    expect(outbox.take('backfill')?.seq).toBe(2);
    await durable(outbox, row('d'));
    expect(outbox.take('live')?.seq).toBe(4);
    expect(outbox.take('backfill')?.seq).toBe(3);
    outbox.close();
  });

  it('what was made before the clock was set back is backfill, what comes after it is live', async () => {
    const path = folder();
    const before = open(path);
    for (const id of ['a', 'b']) await durable(before, row(id));
    before.close();
    now -= 400 * 24 * 60 * MINUTE;
    const after = open(path);
    await durable(after, row('c'));
    expect(after.counters().waiting).toEqual({ live: 1, backfill: 2 });
    expect(drain(after)).toMatchObject([
      { lane: 'live', devices: ['c'] },
      { lane: 'backfill', devices: ['a'] },
      { lane: 'backfill', devices: ['b'] },
    ]);
    after.close();
  });

  it('a batch that grows old under way is not sent twice in a session', async () => {
    const outbox = open(folder());
    await durable(outbox, row('a'));
    expect(outbox.take('live')?.seq).toBe(1);
    now += 2 * MINUTE;
    outbox.age();
    expect(outbox.counters().waiting).toEqual({ live: 0, backfill: 1 });
    expect(outbox.take('backfill')).toBeNull();
    outbox.acknowledge(1);
    outbox.acknowledge(1);
    expect(outbox.counters().waiting).toEqual({ live: 0, backfill: 0 });
    outbox.close();
  });
});

describe('limits', () => {
  it('drops the oldest, counts them, remembers their numbers, and never those under way', async () => {
    const path = folder();
    const outbox = open(path, { bytesMax: 5_000 });
    const filler = 'x'.repeat(400);
    for (let i = 0; i < 3; i++) await durable(outbox, row(`d${i}`, filler));
    expect(outbox.take('live')?.seq).toBe(1);
    for (let i = 3; i < 30; i++) await durable(outbox, row(`d${i}`, filler));
    const { dropped, droppedSeq, bytes, waiting } = outbox.counters();
    expect(bytes).toBeLessThanOrEqual(5_000);
    const lost = dropped['outbox-full'] ?? 0;
    expect(lost).toBe(30 - waiting.live);
    expect(droppedSeq).toEqual([[2, lost + 1]]);
    outbox.close();
    const again = open(path, { bytesMax: 5_000 });
    expect(again.counters()).toMatchObject({ dropped, droppedSeq, bytes, waiting });
    const left = drain(again).map((batch) => batch.seq);
    expect(left).toEqual([1, ...Array.from({ length: 29 - lost }, (_, i) => lost + 2 + i)]);
    again.close();
  });

  it('a row larger than a batch may be is acknowledged and counted', async () => {
    const outbox = open(folder(), { batchBytesMax: 1_000 });
    await durable(outbox, row('a', 'x'.repeat(2_000)));
    expect(outbox.counters()).toMatchObject({ dropped: { 'row-too-large': 1 }, seq: 0 });
    outbox.close();
  });

  it('holds no more in memory than it may, counted in bytes too', async () => {
    const outbox = open(folder(), { ackWindowMs: 50, pendingBytesMax: 100_000 });
    const put = (size: number): Promise<void> => durable(outbox, row('d', 'x'.repeat(size)));
    const kept = [put(45_000), put(45_000)];
    await expect(put(45_000)).rejects.toMatchObject({ code: 'outbox-busy', retry: true });
    await Promise.all(kept);
    await put(45_000);
    expect(drain(outbox).flatMap((batch) => batch.devices)).toHaveLength(3);
    outbox.close();
  });

  it('a full disk: acknowledges nothing, keeps sending, counts what it refuses, and goes on when there is room', async () => {
    const outbox = open(folder(), { fileBytesMax: 400_000, pendingRowsMax: 20 });
    const filler = 'x'.repeat(20_000);
    let acknowledged = 0;
    for (let i = 0; i < 40 && outbox.counters().fault === null; i++) {
      outbox.put(row(`d${i}`, filler), [], (error) => {
        if (error === undefined) acknowledged++;
      });
      await delay(5);
    }
    await until('the fault', () => outbox.counters().fault === 'outbox-refuses');
    const before = acknowledged;
    for (let i = 0; i < 40; i++) outbox.put(row('polled', filler), []);
    expect(outbox.counters().dropped['outbox-refuses']).toBeGreaterThanOrEqual(20);
    await expect(
      (async () => {
        for (let i = 0; i < 25; i++) await durable(outbox, row('device'));
      })(),
    ).rejects.toMatchObject({ code: 'outbox-refuses', retry: true });
    expect(acknowledged).toBe(before);
    const sent = drain(outbox);
    // How many rows a batch got depends on the disk.
    expect(sent.flatMap((batch) => batch.devices)).toHaveLength(before);
    await until('room', () => {
      sent.push(...drain(outbox));
      return outbox.counters().fault === null && outbox.counters().pendingRows === 0;
    });
    expect(sent.map((batch) => batch.seq)).toEqual(sent.map((_, i) => i + 1));
    expect(sent.flatMap((batch) => batch.devices).length).toBeGreaterThan(before);
    outbox.close();
  });
});

it('a file of an earlier version that is as large as it may be is opened, and goes on', async () => {
  const path = folder();
  const before = open(path);
  await durable(before, row('d', 'x'.repeat(20_000)));
  before.close();
  const file = join(path, 'outbox.db');
  const db = new DatabaseSync(file);
  // What that version did not have.
  db.exec('DROP TABLE memory; VACUUM');
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number };
  db.close();
  const outbox = open(path, { fileBytesMax: 8_192 * pages });
  expect(outbox.counters().fault).toBeNull();
  expect(drain(outbox)).toHaveLength(1);
  await durable(outbox, row('e'));
  expect(drain(outbox)).toHaveLength(1);
  outbox.close();
});

describe('a disk that something else has filled', () => {
  const mounts: string[] = [];
  afterEach(() => {
    for (const mount of mounts.splice(0)) execFileSync('umount', ['--lazy', mount]);
  });

  it('acknowledges nothing more, and what is sent makes room for what comes, without a byte from the disk', async (context) => {
    const disk = folder();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'ignore' });
    } catch (error) {
      context.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
    }
    mounts.push(disk);
    const path = join(disk, 'outbox');
    const outbox = open(path, { pendingRowsMax: 20, reserveBytes: 4 * 1024 * 1024 });
    expect(readdirSync(path)).toContain('reserve');
    const { bavail, bsize } = statfsSync(disk);
    // 400 kB are left: the outbox can't put its log into its file when that is used up.
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize - 400_000));
    const acknowledged: string[] = [];
    const put = (id: string): void => {
      outbox.put(row(id, 'x'.repeat(500)), [], (error) => {
        if (error === undefined) acknowledged.push(id);
      });
    };
    for (let i = 0; i < 5_000 && outbox.counters().fault === null; i++) {
      put(`d${i}`);
      await delay(1);
    }
    expect(outbox.counters().fault).toBe('outbox-refuses');
    const before = acknowledged.length;
    expect(before).toBeGreaterThan(0);
    const sent: string[] = [];
    const send = (): void => {
      for (const batch of drain(outbox)) sent.push(...batch.devices);
    };
    send();
    expect(sent).toEqual(acknowledged);
    await until('it to write again', () => {
      send();
      return outbox.counters().fault === null && outbox.counters().pendingRows === 0;
    });
    // As often as it fills up again, though the disk stays full.
    for (let i = 0; i < 600; i++) {
      put(`more-${i}`);
      if (i % 10 === 0) await delay(1);
      if (i % 50 === 0) send();
    }
    await until('everything', () => {
      send();
      return outbox.counters().pendingRows === 0 && outbox.counters().waiting.live === 0;
    });
    expect(acknowledged.length).toBeGreaterThan(before);
    expect(new Set(sent).size).toBe(sent.length);
    expect(acknowledged.filter((id) => !sent.includes(id))).toEqual([]);
    rmSync(join(disk, 'filler'));
    put('last');
    await until('the reserve', () => readdirSync(path).includes('reserve'));
    outbox.close();
  });
});

describe('damage', () => {
  it('an empty file, as a power failure leaves it, is told and begun anew', () => {
    const { path, remove } = temporaryFolder();
    const told: object[] = [];
    const log = { ...silentLog, error: (fields: object) => void told.push(fields) };
    try {
      const before = new Outbox(path, { now: Date.now, log });
      const { epoch } = before;
      before.close();
      expect(told).toEqual([]);
      truncateSync(join(path, 'outbox.db'), 0);
      const after = new Outbox(path, { now: Date.now, log });
      expect(after.epoch).not.toBe(epoch);
      after.close();
      expect(told).toEqual([{ code: 'outbox-corrupt', lost: null }]);
    } finally {
      remove();
    }
  });

  it('a folder that can not be made is a fault with its reason', () => {
    const path = folder();
    writeFileSync(join(path, 'file'), '');
    expect(() => open(join(path, 'file', 'data'))).toThrow(
      expect.objectContaining({ code: 'outbox-refuses' }),
    );
  });

  const overwrite = (file: string, at: number, bytes: Buffer): void => {
    const handle = openSync(file, 'r+');
    writeSync(handle, bytes, 0, bytes.length, at);
    closeSync(handle);
  };

  it.each([
    ['no database at all', (file: string) => truncateSync(file, 100)],
    ['a broken head', (file: string) => overwrite(file, 0, Buffer.alloc(64, 0xa5))],
  ])('%s: set aside and kept, a new epoch begins', async (_, damage) => {
    const path = folder();
    const first = open(path);
    for (let i = 0; i < 20; i++) await durable(first, row(`d${i}`, 'x'.repeat(2_000)));
    const { epoch } = first;
    first.close();
    damage(join(path, 'outbox.db'));
    const second = open(path);
    expect(second.epoch).not.toBe(epoch);
    expect(second.counters()).toMatchObject({ replaced: 1, seq: 0 });
    expect(readdirSync(path)).toContain('outbox-damaged-1.db');
    await durable(second, row('new'));
    expect(drain(second)).toMatchObject([{ seq: 1, devices: ['new'] }]);
    second.close();
  });

  it('whichever page is lost: what is whole is sent in its order, and the rest is counted where it is known', {
    timeout: 90_000,
  }, async () => {
    const PAGE = 8_192;
    const path = folder();
    const first = open(path);
    const put = Array.from({ length: 400 }, (_, i) => `d${i}`);
    for (const id of put.slice(0, 380)) await durable(first, row(id, 'x'.repeat(50)));
    // Bodies that fill pages of their own.
    for (const id of put.slice(380)) await durable(first, row(id, 'x'.repeat(20_000)));
    first.close();
    const whole = readFileSync(join(path, 'outbox.db'));
    const pages = whole.length / PAGE;
    expect(pages).toBeGreaterThan(60);
    let replaced = 0;
    let saved = 0;
    for (let page = 1; page < pages; page++) {
      const { path: copy, remove } = temporaryFolder();
      writeFileSync(join(copy, 'outbox.db'), whole);
      overwrite(join(copy, 'outbox.db'), page * PAGE, Buffer.alloc(PAGE));
      const outbox = open(copy);
      const sent = drain(outbox).flatMap((batch) => batch.devices);
      const { dropped, replaced: times } = outbox.counters();
      outbox.close();
      remove();
      expect(sent, `page ${page}`).toEqual(put.filter((id) => new Set(sent).has(id)));
      const lost = (dropped['outbox-corrupt'] ?? 0) + (dropped['batch-corrupt'] ?? 0);
      expect(sent.length + lost, `page ${page}`).toBeLessThanOrEqual(put.length);
      if (lost > 0) expect(sent.length + lost, `page ${page}`).toBe(put.length);
      replaced += times;
      if (times > 0) saved += sent.length;
    }
    expect(replaced).toBeGreaterThan(10);
    // One page of a hundred holds little: nearly all is saved nearly always.
    expect(saved / replaced).toBeGreaterThan(0.8 * put.length);
  });

  it('what is taken over keeps its time, so that it is no news, and no more of it than fits', async () => {
    const path = folder();
    const first = open(path);
    for (let i = 0; i < 20; i++) await durable(first, row(`d${i}`, 'x'.repeat(2_000)));
    first.close();
    // The page behind the first holds the epoch alone.
    overwrite(join(path, 'outbox.db'), 8_192, Buffer.alloc(8_192));
    now += 10 * MINUTE;
    const second = open(path, { bytesMax: 21_000 });
    expect(second.counters()).toMatchObject({
      replaced: 1,
      waiting: { live: 0, backfill: 10 },
      dropped: { 'outbox-corrupt': 10 },
    });
    expect(drain(second).flatMap((batch) => batch.devices)).toEqual(
      Array.from({ length: 10 }, (_, i) => `d${10 + i}`),
    );
    second.close();
  });

  it('keeps two damaged databases at most', () => {
    const path = folder();
    for (let i = 0; i < 5; i++) {
      open(path).close();
      truncateSync(join(path, 'outbox.db'), 100);
    }
    open(path).close();
    expect(readdirSync(path).filter((name) => /damaged.*\.db$/.test(name))).toEqual([
      'outbox-damaged-4.db',
      'outbox-damaged-5.db',
    ]);
  });

  it('a batch whose text was changed on disk is not sent, and is counted', async () => {
    const path = folder();
    const first = open(path);
    await durable(first, row('aaaa'));
    await durable(first, row('bbbb'));
    first.close();
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(join(path, 'outbox.db'));
    db.exec("UPDATE body SET text = replace(text, 'aaaa', 'aaab') WHERE seq = 1");
    db.close();
    const second = open(path);
    expect(drain(second)).toMatchObject([{ seq: 2, devices: ['bbbb'] }]);
    expect(second.counters()).toMatchObject({
      dropped: { 'batch-corrupt': 1 },
      droppedSeq: [[1, 1]],
    });
    second.close();
  });
});

describe('kill -9', () => {
  it('loses nothing that was acknowledged and repeats no number', async () => {
    const path = folder();
    const acknowledged = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, 'kill.child.ts'), path, String(round)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      let text = '';
      child.stdout.on('data', (data: Buffer) => {
        text += data.toString();
      });
      const dead = new Promise((resolve) => child.once('exit', resolve));
      await until('acknowledgements', () => text.length > 2_000 + 1_000 * round);
      child.kill('SIGKILL');
      await dead;
      for (const line of text.split('\n').slice(0, -1)) acknowledged.add(line);
    }
    const outbox = open(path);
    expect(outbox.counters().replaced).toBe(0);
    const batches = drain(outbox);
    const refused: string[] = [];
    for (let more = outbox.takeRefused(); more !== null; more = outbox.takeRefused()) {
      const { refused: entries } = JSON.parse(more.body) as { refused: { device: string }[] };
      refused.push(...entries.map(({ device }) => device));
      outbox.acknowledgeRefused(more.seqs);
    }
    expect(outbox.counters().refusedDropped).toEqual({});
    outbox.close();
    expect(batches.map((batch) => batch.seq)).toEqual(batches.map((_, i) => i + 1));
    const kept = [...batches.flatMap((batch) => batch.devices), ...refused];
    expect(refused.length).toBeGreaterThan(50);
    expect(new Set(kept).size).toBe(kept.length);
    const missing = [...acknowledged].filter((id) => !kept.includes(id));
    expect(acknowledged.size).toBeGreaterThan(500);
    expect(missing).toEqual([]);
  });
});

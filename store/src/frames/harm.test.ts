/** What harms frames: devices and gateways that say too much or nonsense, files that can't be read, folders in their place. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, seededRandom, systemTimer } from '@village/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { METRICS, NOW, PROFILE, putRow } from '../archive/testing.ts';
import type { ReceivedFrame } from '../journal/contract.ts';
import type { TimeSeriesOptions, TimeSeriesStore } from '../time-series/contract.ts';
import { openTimeSeries } from '../time-series/open.ts';
import { decodeFrames, encodeFrames } from './columns.ts';
import { once, writeFrameFile } from './frame-file.ts';
import { FrameFiles } from './frame-files.ts';

// Stores are opened several times a test, which takes long where much else runs.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let store: TimeSeriesStore;

const open = async (more: Partial<TimeSeriesOptions> = {}): Promise<void> => {
  store = await openTimeSeries({
    folder,
    timer: systemTimer,
    diskReserveBytes: 0,
    tickMs: Number.POSITIVE_INFINITY,
    ...more,
  });
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'village-frames-harm-'));
  await open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const frame = (
  device: string,
  at: number,
  text: string,
  more: Partial<ReceivedFrame> = {},
): ReceivedFrame => ({
  device,
  at,
  receivedAt: at + 1_000,
  source: device,
  way: `village/v1/devices/${device}/readings`,
  epoch: '',
  sequence: null,
  decoding: '{"profile":"acme/one"}',
  payload: new Uint8Array(Buffer.from(text)),
  ...more,
});

async function put(...frames: ReceivedFrame[]): Promise<void> {
  for (const one of frames) {
    putRow(store, PROFILE, METRICS, { device: one.device, at: one.at, values: {} });
    store.frame(one);
  }
  await store.commitNow();
}

const texts = async (device: string): Promise<string[]> =>
  (await store.frames.find(device, 0, 4e12, 1000)).frames.map(({ payload }) =>
    Buffer.from(payload).toString(),
  );

const framesFolder = (): string => join(folder, 'frames');
const names = async (): Promise<string[]> =>
  (await readdir(framesFolder())).filter((name) => name.endsWith('.frames')).sort();

describe('who says too much', () => {
  it('a device whose clock stands still is looked at once a message, however many there are', async () => {
    let looks = 0;
    const count = 5_000;
    const frames = Array.from({ length: count }, (_, n) => {
      const { payload, ...one } = frame('d1', NOW, `${n % (count / 2)}`, { receivedAt: NOW + n });
      return {
        ...one,
        get payload() {
          looks++;
          return payload;
        },
      };
    });
    let kept = 0;
    for await (const one of once(frames)) kept += one.at === NOW ? 1 : 0;
    expect(kept).toBe(count / 2);
    expect(looks).toBeLessThanOrEqual(2 * count);
  });

  it('of very many messages of one time the first are found, each once', async () => {
    const path = join(folder, 'many');
    await mkdir(path);
    const head = { place: { journal: 'j', group: 1 }, replaces: [], pinnedOnly: false };
    // Two files whose messages alternate, so that neither holds the first ones alone; some came twice.
    for (const half of [0, 1]) {
      const said = Array.from({ length: 3_000 }, (_, n) =>
        frame('d1', NOW, `${2 * n + half}`, { receivedAt: NOW + 2 * n + half }),
      );
      const again = half === 0 ? [] : [frame('d1', NOW, '0', { receivedAt: NOW + 9_999 })];
      await writeFrameFile(
        path,
        ([from, to]) => `${from}-${to}-${half + 1}.frames`,
        [...said, ...again],
        head,
      );
    }
    const files = await FrameFiles.open(path, 'j', () => undefined);
    const { frames } = await files.find({ device: 'd1', from: NOW, to: NOW + 1, limit: 21 });
    expect(frames.map(({ payload }) => Buffer.from(payload).toString())).toEqual(
      Array.from({ length: 21 }, (_, n) => `${n}`),
    );
  });

  it('texts about a frame have a bound as well, and many at the bound can be read again', async () => {
    const long = 'f'.repeat(4_000);
    await put(
      frame('d0', NOW, 'x', { decoding: 'f'.repeat(5_000) }),
      frame('d0', NOW, 'y', { way: '村'.repeat(4_096) }),
    );
    expect(store.frames.counters()).toMatchObject({ kept: 0, tooLarge: 2 });
    // Each another text that escapes to six times its length: more than a block may hold if only payloads counted.
    const many = Array.from({ length: 1_000 }, (_, n) =>
      frame('d1', NOW + n, `${n}`, { decoding: `${n}${long}`.replaceAll('f', '\u0001') }),
    );
    await put(...many);
    await store.flush();
    expect(await texts('d1')).toHaveLength(1_000);
    expect(store.frames.counters()).toMatchObject({ blocksDamaged: 0, tooLarge: 2 });
  });

  it('the largest number of a batch changes no number of another', () => {
    const numbers = [Number.MAX_SAFE_INTEGER, null, 7, Number.MAX_SAFE_INTEGER, 1, null];
    const frames = numbers.map((sequence, n) => frame('d1', NOW + n, 'x', { sequence }));
    expect(decodeFrames(encodeFrames(frames)).map(({ sequence }) => sequence)).toEqual(numbers);
  });
});

describe('a device that never stops talking', () => {
  const BUDGET = 100_000;
  const DAY_ENDS = Date.UTC(2026, 2, 10, 16) - 1;
  let now: number;
  const timer = { ...systemTimer, now: () => now };
  const budgeted = { frameBytesPerDay: BUDGET, timer };
  const noise = (at: number): ReceivedFrame[] =>
    Array.from({ length: 200 }, (_, n) =>
      frame('noisy', at + n, `${n} ${'x'.repeat(1_000)}`, { receivedAt: now + n }),
    );

  beforeEach(async () => {
    now = NOW;
    await store.close();
    await open(budgeted);
  });

  it('is kept up to its budget of the day; others, and its readings, go on', async () => {
    await put(...noise(NOW), frame('quiet', NOW, 'heard'));
    const { kept, overBudget } = store.frames.counters();
    expect([kept > 50 && kept < 100, kept + overBudget]).toEqual([true, 201]);
    expect(await texts('quiet')).toEqual(['heard']);
    expect(await texts('noisy')).toHaveLength(kept - 1);
    expect(store.counters().rows).toBe(201);
    // Told of that device alone, of the days that its messages were about alone.
    const missing = async (device: string, at: number) =>
      (await store.frames.find(device, at, at + 1, 10)).missing;
    const told = [{ from: NOW + kept - 1, to: DAY_ENDS }];
    expect(await missing('noisy', NOW + 150)).toEqual(told);
    expect(await missing('quiet', NOW)).toEqual([]);
    expect(await missing('noisy', NOW + 2 * DAY)).toEqual([]);
    expect(await missing('noisy', NOW - 2 * DAY)).toEqual([]);
  });

  it('is told in history as well, and stays over its budget through restarts until the next day', async () => {
    await put(...noise(NOW));
    const { kept } = store.frames.counters();
    const told = [{ from: NOW + kept, to: DAY_ENDS }];
    for (const again of [false, true, true]) {
      if (again) {
        await store.close();
        await open(budgeted);
      }
      await put(frame('noisy', NOW - 30 * DAY, 'late', { receivedAt: now + kept }));
      const found = await store.frames.find('noisy', NOW - 30 * DAY, NOW - 30 * DAY + 1, 10);
      expect(found).toMatchObject({ frames: [], missing: told });
    }
    expect(store.frames.counters()).toMatchObject({ kept: 0, overBudget: 1 });
    now = DAY_ENDS + 1;
    await put(frame('noisy', now, 'tomorrow'));
    expect((await texts('noisy')).at(-1)).toBe('tomorrow');
    // What is told goes with what would be deleted.
    await store.frames.retain(now + DAY);
    expect((await store.frames.find('noisy', NOW + 150, NOW + 151, 10)).missing).toEqual([]);
    await put(frame('noisy', now + 1, 'saved'));
    await store.close();
    await open(budgeted);
    expect((await store.frames.find('noisy', NOW + 150, NOW + 151, 10)).missing).toEqual([]);
  });

  it('very many such devices take little room to be told of', async () => {
    const big = 'x'.repeat(60_000);
    for (let n = 0; n < 1_200; n++) {
      const device = `d${n}`;
      const said = [0, 1].map((i) => frame(device, NOW + i, `${i}${big}`, { receivedAt: now + i }));
      for (const one of said) store.frame(one);
      if (n % 40 === 0) await store.commitNow();
    }
    await store.commitNow();
    expect(store.frames.counters().overBudget).toBe(1_200);
    for (const device of ['d0', 'd1', 'd600', 'd1199'])
      expect((await store.frames.find(device, NOW + 1, NOW + 2, 10)).missing).toEqual([
        { from: NOW + 1, to: DAY_ENDS },
      ]);
  });
});

describe('a disk that refuses', () => {
  /** Enough for memory to be full of what can't be written. */
  async function fill(): Promise<void> {
    await rm(framesFolder(), { recursive: true });
    await writeFile(framesFolder(), 'no folder');
    for (let n = 0; n < 60; n++)
      await put(
        ...Array.from({ length: 4 }, (_, i) => frame('d2', NOW + 4 * n + i, 'y'.repeat(60_000))),
      );
    await expect.poll(() => store.frames.counters().writeFailures).toBeGreaterThan(0);
  }

  it('keeps nobody waiting: what is in memory is found, and what waits in the journal is told', async () => {
    await put(frame('d1', NOW, 'before'));
    await fill();
    await put(frame('d3', NOW + 240, 'last'));
    expect(await texts('d1')).toEqual(['before']);
    const { frames, missing } = await store.frames.find('d3', NOW + 240, NOW + 241, 10);
    expect(frames).toEqual([]);
    expect(missing).toHaveLength(1);
    expect(missing[0]!.from).toBeLessThanOrEqual(NOW + 1_240);
    expect(missing[0]!.to).toBeGreaterThanOrEqual(NOW + 1_240);
    await rm(framesFolder());
    await mkdir(framesFolder());
    await expect.poll(() => texts('d3'), { timeout: 20_000 }).toEqual(['last']);
    expect((await store.frames.find('d3', NOW + 240, NOW + 241, 10)).missing).toEqual([]);
    expect(await texts('d2')).toHaveLength(240);
  });

  it('keeps no backup from being made, in which all is found', async () => {
    await put(frame('d1', NOW, 'before'));
    await fill();
    const copy = join(folder, 'copy');
    await store.backup(copy);
    await store.close();
    const first = folder;
    folder = copy;
    await open();
    expect(await texts('d1')).toEqual(['before']);
    expect(await texts('d2')).toHaveLength(240);
    folder = first;
  });
});

describe('pins', () => {
  it('of very many spans that meet and overlap keep exactly what any of them holds', async () => {
    const random = seededRandom('pins');
    const pins = Array.from({ length: 20_000 }, (_, n) => {
      const from = NOW + Math.floor(random() * 400);
      const span = n % 2 === 0 ? { from, to: from + 1 + Math.floor(random() * 3) } : null;
      // Half of them are long over, and many.
      return {
        device: n % 3 === 0 ? 'd2' : 'd1',
        why: `${n}`,
        ...(span ?? { from: n, to: n + 1 }),
      };
    }).slice(-19_950);
    // Few enough of those that count, so that some frames are of none.
    const counting = pins.filter(({ from }) => from >= NOW).slice(0, 120);
    const all = [...pins.filter(({ from }) => from < NOW), ...counting];
    await store.close();
    await mkdir(framesFolder(), { recursive: true });
    await writeFile(join(framesFolder(), 'pins.json'), JSON.stringify({ pins: all }));
    await open();
    const ats = Array.from({ length: 400 }, (_, n) => NOW + n);
    for (const device of ['d1', 'd2']) await put(...ats.map((at) => frame(device, at, `${at}`)));
    await store.flush();
    await store.frames.retain(NOW + DAY);
    for (const device of ['d1', 'd2']) {
      const kept = ats.filter((at) =>
        counting.some((pin) => pin.device === device && pin.from <= at && at < pin.to),
      );
      expect(kept.length).toBeGreaterThan(20);
      expect(kept.length).toBeLessThan(380);
      expect(await texts(device)).toEqual(kept.map(String));
    }
  });

  it('of spans without an end are refused, and the list stays readable', async () => {
    const pin = { device: 'd1', from: NOW, to: NOW + DAY, why: 'report' };
    await put(frame('d1', NOW, 'pinned'));
    await store.flush();
    await store.frames.pin(pin);
    for (const wrong of [
      { from: Number.NEGATIVE_INFINITY },
      { to: Number.POSITIVE_INFINITY },
      { from: Number.NaN },
      { from: NOW + 2 * DAY },
      { why: 'x'.repeat(2_000) },
    ])
      await expect(store.frames.pin({ ...pin, ...wrong })).rejects.toMatchObject({
        code: 'bad-pin',
      });
    await store.close();
    await open();
    await store.frames.retain(NOW + 100 * DAY);
    expect(await texts('d1')).toEqual(['pinned']);
  });

  it('that can not be read go into a backup as they are, so that nothing is deleted there either', async () => {
    await put(frame('d1', NOW, 'pinned'));
    await store.flush();
    await store.close();
    await writeFile(join(framesFolder(), 'pins.json'), '{"pins":[{');
    await open();
    const copy = join(folder, 'copy');
    await store.backup(copy);
    await store.close();
    const first = folder;
    folder = copy;
    await open();
    await expect(store.frames.retain(NOW + DAY)).rejects.toMatchObject({ code: 'pins-damaged' });
    expect(await texts('d1')).toEqual(['pinned']);
    folder = first;
  });

  it('wait for a deletion under way, which might have passed their frames by', async () => {
    for (let n = 0; n < 20; n++) {
      await put(frame('d1', NOW + n, `${n}`));
      await store.flush();
    }
    const gone = store.frames.retain(NOW + 100 * DAY);
    const pinned = store.frames.pin({ device: 'd1', from: NOW, to: NOW + DAY, why: 'report' });
    const order: string[] = [];
    await Promise.all([
      gone.then(() => order.push('deleted')),
      pinned.then(() => order.push('pinned')),
    ]);
    expect(order).toEqual(['deleted', 'pinned']);
  });
});

const flip = (bytes: Buffer, at: number): Buffer => {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1;
  return changed;
};

describe('a file that can not be read', () => {
  const span = { from: NOW + 1_000, to: NOW + 1_000 };

  /** Two files of one day and one of a later; the name of the first. */
  async function three(): Promise<string> {
    for (const [n, at] of [NOW, NOW + 1, NOW + 5 * DAY].entries()) {
      await put(frame('d1', at, `${n}`));
      await store.flush();
    }
    return join(framesFolder(), (await names())[0]!);
  }

  async function folderInPlaceOf(path: string): Promise<Buffer> {
    const bytes = await readFile(path);
    await rm(path);
    await mkdir(path);
    return bytes;
  }

  it('is told as missing by queries, and comes back when it can be read again', async () => {
    const path = await three();
    const bytes = await folderInPlaceOf(path);
    const asked = () => store.frames.find('d1', NOW, NOW + 2, 10);
    expect(await asked()).toMatchObject({ frames: [{ at: NOW + 1 }], missing: [span] });
    expect(store.frames.counters().filesDamaged).toBe(1);
    await rm(path, { recursive: true });
    await writeFile(path, bytes);
    expect(await asked()).toMatchObject({ frames: [{ at: NOW }, { at: NOW + 1 }], missing: [] });
    expect(store.frames.counters().filesDamaged).toBe(0);
  });

  it('keeps no start, no joining of other days, no deletion and no backup from being done', async () => {
    const path = await three();
    for (const n of [0, 1]) {
      await put(frame('d1', NOW + 6 * DAY + n, `later ${n}`));
      await store.flush();
    }
    await folderInPlaceOf(path);
    await store.close();
    await open();
    expect(await texts('d1')).toEqual(['1', '2', 'later 0', 'later 1']);
    expect((await store.frames.find('d1', NOW, NOW + 1, 10)).missing).toEqual([span]);
    await store.compact(NOW + 20 * DAY);
    expect(await names()).toHaveLength(4);
    const copy = join(folder, 'copy');
    await store.backup(copy);
    expect(await store.frames.retain(NOW + DAY)).toEqual({ files: 1 });
    expect(await texts('d1')).toEqual(['2', 'later 0', 'later 1']);
    await store.close();
    const first = folder;
    folder = copy;
    await open();
    expect(await texts('d1')).toEqual(['1', '2', 'later 0', 'later 1']);
    expect((await store.frames.find('d1', NOW, NOW + 1, 10)).missing).toEqual([span]);
    folder = first;
  });

  it('holds up no other file when it turns out at night, and the night says so', async () => {
    const path = await three();
    for (const n of [0, 1]) {
      await put(frame('d1', NOW + 6 * DAY + n, `later ${n}`));
      await store.flush();
    }
    await folderInPlaceOf(path);
    await expect(store.compact(NOW + 20 * DAY)).rejects.toMatchObject({
      code: 'frames-unreadable',
    });
    expect(await names()).toHaveLength(4);
    // The others of its day are joined without it from then on.
    await store.compact(NOW + 20 * DAY);
    await expect(store.frames.retain(NOW + 5.5 * DAY)).rejects.toMatchObject({
      code: 'frames-unreadable',
    });
    expect(await texts('d1')).toEqual(['later 0', 'later 1']);
  });

  it('that somebody deleted is told as missing, also after a restart and in a restored backup', async () => {
    const path = await three();
    await rm(path);
    const asked = () => store.frames.find('d1', NOW, NOW + 2, 10);
    const told = { frames: [{ at: NOW + 1 }], missing: [span] };
    expect(await asked()).toMatchObject(told);
    const copy = join(folder, 'copy');
    await store.backup(copy);
    await store.close();
    await open();
    expect(await asked()).toMatchObject(told);
    await store.close();
    const first = folder;
    folder = copy;
    await open();
    expect(await asked()).toMatchObject(told);
    folder = first;
  });

  it('of messages that came late is told at the times they are about, and at no others', async () => {
    const MONTH = 30 * DAY;
    const first = folder;
    const late = (n: number) => frame('d1', NOW - MONTH + n, `${n}`, { receivedAt: NOW + n });
    const harmed: ((path: string) => Promise<unknown>)[] = [
      async (path) => writeFile(path, flip(await readFile(path), 5)),
      (path) => rm(path),
      folderInPlaceOf,
    ];
    for (const [n, harm] of harmed.entries()) {
      await put(late(3 * n), late(3 * n + 1));
      await store.flush();
      const name = (await names()).find((one) => one.startsWith(`${NOW + 3 * n}-`))!;
      await harm(join(framesFolder(), name));
    }
    await put(frame('d1', NOW, 'other'));
    await store.flush();
    const told = async (at: number) =>
      (await store.frames.find('d1', at, at + 1, 10)).missing.map(({ from }) => from - NOW);
    for (const step of ['running', 'joined', 'restarted', 'restored']) {
      if (step === 'joined') await store.frames.compact(NOW + 2 * DAY).catch(() => undefined);
      if (step === 'restarted') {
        await store.close();
        await open();
      }
      if (step === 'restored') {
        const copy = join(folder, 'copy');
        await store.backup(copy);
        await store.close();
        folder = copy;
        await open();
      }
      // What is in the place of the last one can't be read after a start, so that its event times are not known.
      const known = step === 'running' || step === 'joined' ? [0, 1, 2] : [0, 1];
      for (const n of known)
        expect(await told(NOW - MONTH + 3 * n), `${step} ${n}`).toContain(3 * n);
      // Before anything of them was about.
      expect(await told(NOW - 2 * MONTH), step).toEqual([]);
    }
    folder = first;
  });

  it('leaves what a kill has left of a temporary folder behind nobody', async () => {
    await store.close();
    await mkdir(join(framesFolder(), '1-2.tmp'));
    await open();
    expect(await readdir(framesFolder())).toEqual([]);
  });
});

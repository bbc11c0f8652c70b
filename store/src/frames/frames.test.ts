/** Frames from the open group to files: found wherever they are, once, through restarts, damage, retention and lag. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, MINUTE, seededRandom, systemTimer } from '@village/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { METRICS, NOW, PROFILE, putRow } from '../archive/testing.ts';
import type { ReceivedFrame } from '../journal/contract.ts';
import type { TimeSeriesOptions, TimeSeriesStore } from '../time-series/contract.ts';
import { openTimeSeries } from '../time-series/open.ts';
import { decodeFrames, encodeFrames } from './columns.ts';
import { writeFrameFile } from './frame-file.ts';
import { FrameFiles } from './frame-files.ts';

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
  folder = await mkdtemp(join(tmpdir(), 'village-frames-'));
  await open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const frame = (device: string, at: number, text: string, more: Partial<ReceivedFrame> = {}) => ({
  device,
  at,
  receivedAt: at + 1_000,
  source: device,
  way: `village/v1/devices/${device}/readings`,
  epoch: '',
  sequence: null,
  decoding: '{"profile":"acme/one"}',
  payload: Buffer.from(text),
  ...more,
});

/** Puts frames in beside a row each, as the pipeline does, and waits until they are durable. */
async function put(...frames: ReceivedFrame[]): Promise<void> {
  for (const one of frames) {
    putRow(store, PROFILE, METRICS, { device: one.device, at: one.at, values: {} });
    store.frame(one);
  }
  await store.commitNow();
}

const texts = async (device: string, from = 0, to = 4e12): Promise<string[]> =>
  (await store.frames.find(device, from, to, 1000)).frames.map(({ payload }) =>
    Buffer.from(payload).toString(),
  );

const framesFolder = (): string => join(folder, 'frames');
const names = async (): Promise<string[]> => (await readdir(framesFolder())).sort();

describe('columns', () => {
  it('give back every frame as it was, whatever its times, texts and payload', () => {
    const random = seededRandom('frames columns');
    const whole = (most: number): number => Math.floor(random() * most);
    const frames = Array.from({ length: 3_000 }, () => ({
      device: `d${whole(4)}`,
      at: whole(2) === 0 ? NOW + whole(100) * MINUTE : whole(4e12),
      receivedAt: NOW + whole(1e6),
      source: ['站一', 'gw', 'http:officer'][whole(3)]!,
      way: `t/${whole(3)}`,
      epoch: whole(2) === 0 ? '' : 'e',
      sequence: whole(3) === 0 ? null : whole(1e9),
      decoding: `{"n":${whole(2)}}`,
      payload: Uint8Array.from({ length: whole(3) === 0 ? 8 : whole(300) }, () => whole(256)),
    }));
    expect(decodeFrames(encodeFrames(frames))).toEqual(frames);
  });

  it('give back those of some devices and times alone, texts and bytes, as they were', () => {
    const random = seededRandom('some frames');
    const whole = (most: number): number => Math.floor(random() * most);
    const texts = [(n: number) => `{"v":${n},"w":-0.${n}}`, (n: number) => `#${n}#${n % 7}.50`];
    const frames = Array.from({ length: 2_000 }, (_, n) =>
      frame(
        `d${Math.floor(n / 200)}`,
        NOW + (n % 200),
        texts[Math.floor(n / 100) % 2]!(whole(1e6)),
      ),
    ).map((one) => ({
      ...one,
      payload:
        whole(3) > 0
          ? new Uint8Array(one.payload)
          : Uint8Array.from({ length: 6 }, () => whole(256)),
    }));
    const block = encodeFrames(frames);
    for (let n = 0; n < 200; n++) {
      const [device, from] = [`d${whole(11)}`, NOW + whole(200)];
      const to = from + whole(20);
      const isWanted = (name: string, at: number): boolean =>
        name === device && at >= from && at < to;
      expect(decodeFrames(block, isWanted)).toEqual(
        frames.filter((one) => isWanted(one.device, one.at)),
      );
    }
  });
});

describe('texts', () => {
  it.each([
    ['{"v":7.10,"w":-0.5,"x":007,"y":1e5,"z":0.000}'],
    ['{"at":"2026-03-02T16:05:09.120Z","n":12345678901234567890}'],
    ['{"a":999999999999999,"b":0.00000000000001,"c":00.5}'],
    ['村 １２ 3\r\n'],
    ['7'],
    ['.5 5. 1..2 1.2.3'],
  ])('%s comes back byte by byte beside others of its kind', (text) => {
    const random = seededRandom(text);
    const other = (): string =>
      text.replaceAll(/\d/g, (digit) =>
        random() < 0.3 ? String(Math.floor(random() * 10)) : digit,
      );
    const all = Array.from({ length: 300 }, (_, n) =>
      frame('d', NOW + n, n % 7 === 0 ? text : random() < 0.1 ? `${other()}!` : other()),
    ).map((one) => ({ ...one, payload: new Uint8Array(one.payload) }));
    expect(decodeFrames(encodeFrames(all))).toEqual(all);
  });
});

describe('finding', () => {
  it('finds a frame in memory, in a file, after a restart and after days were joined, as it was', async () => {
    const one = frame('d1', NOW, 'hello', { epoch: 'e1', sequence: 7, source: 'gw-1' });
    await put(one);
    const there = async (): Promise<void> => {
      const { frames } = await store.frames.find('d1', NOW, NOW + 1, 10);
      expect(frames).toEqual([{ ...one, payload: new Uint8Array(one.payload) }]);
    };
    await there();
    await store.close();
    await open();
    await there();
    await store.flush();
    await there();
    await put(frame('d1', NOW + MINUTE, 'later'), frame('d0', NOW, 'other'));
    await store.flush();
    expect(await names()).toHaveLength(2);
    await store.compact(NOW + 2 * DAY);
    expect(await names()).toHaveLength(1);
    await there();
    expect(await texts('d1')).toEqual(['hello', 'later']);
    expect(await texts('d0')).toEqual(['other']);
    await store.close();
    await open();
    await there();
  });

  it('keeps what was sent again once, as it was first received, and two messages of one time both', async () => {
    await put(frame('d1', NOW, 'a'));
    await store.flush();
    await put(frame('d1', NOW, 'a', { receivedAt: NOW + HOUR }), frame('d1', NOW, 'b'));
    const both = async (): Promise<void> => {
      const { frames } = await store.frames.find('d1', NOW, NOW + 1, 10);
      expect(frames.map((one) => [Buffer.from(one.payload).toString(), one.receivedAt])).toEqual([
        ['a', NOW + 1_000],
        ['b', NOW + 1_000],
      ]);
    };
    await both();
    await store.flush();
    await both();
    await store.compact(NOW + 2 * DAY);
    await both();
  });

  it('tells that there are more than were asked for', async () => {
    await put(...Array.from({ length: 5 }, (_, n) => frame('d1', NOW + n, `${n}`)));
    const { frames, more } = await store.frames.find('d1', NOW, NOW + 5, 4);
    expect([frames.length, more]).toEqual([4, true]);
  });

  it('finds the first of thousands of one time, in the order of receipt, whichever file they are in', async () => {
    const order = Array.from({ length: 6_000 }, (_, n) => n);
    // Two files that lie across each other, each of several blocks.
    for (const half of [order.filter((n) => n % 3 !== 0), order.filter((n) => n % 3 === 0)]) {
      await put(
        ...half.map((n) => ({ ...frame('d1', NOW, `stands still ${n}`), receivedAt: NOW + n })),
      );
      await store.flush();
    }
    const said = (n: number): string => `stands still ${n}`;
    for (const limit of [1, 20, 700]) {
      const { frames, more } = await store.frames.find('d1', NOW, NOW + 1, limit);
      expect([frames.map(({ payload }) => Buffer.from(payload).toString()), more]).toEqual([
        order.slice(0, limit).map(said),
        true,
      ]);
    }
  });

  it('finds each of many frames of many devices over many files, with and without joining', async () => {
    const random = seededRandom('many frames');
    const wanted = new Map<string, string[]>();
    for (let file = 0; file < 20; file++) {
      const batch = Array.from({ length: 500 }, (_, n) => {
        const device = `d${Math.floor(random() * 40)}`;
        const at = NOW + (file * 500 + n) * 1_000;
        wanted.set(device, [...(wanted.get(device) ?? []), `${at}`]);
        return frame(device, at, `${at}`);
      });
      await put(...batch);
      await store.flush();
    }
    for (const [device, all] of wanted) expect(await texts(device)).toEqual(all);
    await store.compact(NOW + 2 * DAY);
    for (const [device, all] of wanted) expect(await texts(device)).toEqual(all);
    expect(await texts('d', 0, 4e12)).toEqual([]);
  });

  it('counts a frame that is too large and keeps none of it', async () => {
    await put(frame('d1', NOW, 'x'.repeat(64 * 1024)), frame('d1', NOW + 1, 'x'.repeat(65_537)));
    expect(store.frames.counters()).toMatchObject({ kept: 1, tooLarge: 1 });
    expect((await texts('d1')).map((text) => text.length)).toEqual([65_536]);
  });
});

describe('joining', () => {
  it('leaves alone what is written meanwhile', async () => {
    const today = NOW + 5 * DAY;
    for (let n = 0; n < 40; n++) {
      await put(frame('d1', NOW + n, `${n}`));
      await store.frames.flush();
    }
    const joined = store.frames.compact(today);
    for (let n = 0; n < 10; n++) {
      await put(frame('d2', today + n, `${n}`));
      await store.frames.flush();
    }
    await joined;
    expect((await names()).filter((name) => Number(name.split('-')[0]) < today)).toHaveLength(1);
    expect((await names()).filter((name) => Number(name.split('-')[0]) > today)).toHaveLength(10);
    expect(await texts('d1')).toHaveLength(40);
    expect(await texts('d2')).toHaveLength(10);
  });
});

describe('a large file', () => {
  it('is found in by pages of blocks, its memory being that of the footer', async () => {
    const [devices, each] = [100, 3_000];
    const all = function* (): Generator<ReceivedFrame> {
      for (let device = 0; device < devices; device++)
        for (let n = 0; n < each; n++)
          yield frame(`d${String(device).padStart(3, '0')}`, NOW + n * MINUTE, `${device} ${n}`);
    };
    const place = { journal: 'j', group: 1 };
    const head = { place, replaces: [], pinnedOnly: false };
    const path = join(folder, 'large');
    await mkdir(path);
    const written = await writeFrameFile(
      path,
      ([from, to]) => `${from}-${to}-1.frames`,
      all(),
      head,
    );
    expect(written!.footer.frames).toBe(devices * each);
    expect(written!.footer.pages.length).toBeGreaterThan(1);
    const files = await FrameFiles.open(path, 'j', () => undefined);
    const random = seededRandom('large file');
    for (let n = 0; n < 30; n++) {
      const [device, index] = [Math.floor(random() * devices), Math.floor(random() * each)];
      const at = NOW + index * MINUTE;
      const { frames } = await files.find({
        device: `d${String(device).padStart(3, '0')}`,
        from: at,
        to: at + 1,
        limit: 10,
      });
      expect(frames.map(({ payload }) => Buffer.from(payload).toString())).toEqual([
        `${device} ${index}`,
      ]);
    }
    expect(
      (await files.find({ device: 'd050', from: 0, to: 4e12, limit: 10_000 })).frames,
    ).toHaveLength(each);
    expect((await files.find({ device: 'd05', from: 0, to: 4e12, limit: 10_000 })).frames).toEqual(
      [],
    );
  });
});

describe('a copy', () => {
  it('fails where the target refuses, and does not take what can be read for damaged', async () => {
    await put(frame('d1', NOW, 'a'));
    await store.flush();
    const own = join(folder, 'frames');
    const told: string[] = [];
    const files = await FrameFiles.open(own, 'j', (_level, message) => told.push(message));
    const [name = ''] = (await readdir(own)).filter((one) => one.endsWith('.frames'));
    // As a quota or a largest size of a file would: what is in its place can't be written.
    const target = join(folder, 'target');
    await mkdir(join(target, name), { recursive: true });
    await expect(files.copyTo(target)).rejects.toThrow();
    expect(await readdir(target)).toEqual([name]);
    expect(told).toEqual([]);
    await rm(join(own, name));
    await mkdir(join(own, name));
    await rm(target, { recursive: true });
    await files.copyTo(target);
    expect(await readdir(target)).toEqual([`${name}.damaged`]);
  });
});

describe('retention', () => {
  it('deletes what is too old and keeps what is pinned, also when pinned by event time only', async () => {
    await put(frame('d1', NOW, 'a'), frame('d1', NOW + MINUTE, 'b'), frame('d2', NOW, 'c'));
    await store.flush();
    await put(frame('d1', NOW + 100 * DAY, 'new'));
    await store.flush();
    await store.frames.pin({ device: 'd1', from: NOW, to: NOW + 1, why: 'report 7' });
    expect(await store.frames.retain(NOW + 50 * DAY)).toEqual({ files: 1 });
    expect(await store.frames.retain(NOW + 50 * DAY)).toEqual({ files: 0 });
    expect([await texts('d1'), await texts('d2')]).toEqual([['a', 'new'], []]);
    await store.close();
    await open();
    expect(await texts('d1')).toEqual(['a', 'new']);
  });

  it('deletes nothing while the list of pins is damaged', async () => {
    await put(frame('d1', NOW, 'a'));
    await store.flush();
    await store.close();
    await writeFile(join(framesFolder(), 'pins.json'), '{"pins":[{');
    await open();
    await expect(store.frames.retain(NOW + DAY)).rejects.toMatchObject({ code: 'pins-damaged' });
    await expect(store.frames.pin({ device: 'd1', from: 0, to: 1, why: '' })).rejects.toMatchObject(
      { code: 'pins-damaged' },
    );
    expect(await texts('d1')).toEqual(['a']);
  });
});

describe('damage', () => {
  async function two(): Promise<string> {
    await put(frame('d1', NOW, 'a'));
    await store.flush();
    await put(frame('d1', NOW + 3 * DAY, 'b'));
    await store.flush();
    return join(framesFolder(), (await names())[0]!);
  }

  it.each([
    ['a cut file', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['a footer with a wrong bit', (bytes: Buffer) => flip(bytes, bytes.length - 20)],
    ['an empty file', () => Buffer.alloc(0)],
  ])(
    'sets aside %s, tells the times of its frames and goes on with the others',
    async (_, harm) => {
      const path = await two();
      await store.close();
      await writeFile(path, harm(await readFile(path)));
      await open();
      for (const again of [false, true]) {
        if (again) {
          await store.close();
          await open();
        }
        const { frames, missing } = await store.frames.find('d1', NOW, NOW + 1, 10);
        expect([frames, missing]).toEqual([[], [{ from: NOW + 1_000, to: NOW + 1_000 }]]);
        expect((await store.frames.find('d1', NOW + 3 * DAY, 4e12, 10)).missing).toEqual([]);
        expect(await texts('d1')).toEqual(['b']);
        expect(store.frames.counters().filesDamaged).toBe(1);
      }
      // What would be deleted by now is missed no longer.
      expect(await store.frames.retain(NOW + DAY)).toEqual({ files: 1 });
      expect(store.frames.counters().filesDamaged).toBe(0);
    },
  );

  it('tells of a damaged block, also after the files of its day were joined', async () => {
    await put(frame('d1', NOW, 'a'));
    await store.flush();
    const path = join(framesFolder(), (await names())[0]!);
    await put(frame('d2', NOW, 'b'));
    await store.flush();
    await writeFile(path, flip(await readFile(path), 5));
    const told = [[], [{ from: NOW + 1_000, to: NOW + 1_000 }]];
    const found = async (): Promise<unknown[]> => {
      const { frames, missing } = await store.frames.find('d1', NOW, NOW + 1, 10);
      return [frames, missing];
    };
    expect(await found()).toEqual(told);
    await store.compact(NOW + 2 * DAY);
    expect(await found()).toEqual(told);
    expect(await texts('d2')).toEqual(['b']);
    await store.close();
    await open();
    expect(await found()).toEqual(told);
  });
});

const flip = (bytes: Buffer, at: number): Buffer => {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1;
  return changed;
};

describe('faults', () => {
  it('answers while files can not be written, stores once when they can, and tells what was given up', async () => {
    await store.close();
    await open({ framesLagMax: 3 * 1024 * 1024 });
    await put(frame('d1', NOW, 'before'));
    await rm(framesFolder(), { recursive: true });
    await writeFile(framesFolder(), 'no folder');
    await expect(store.frames.flush()).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(await texts('d1')).toEqual(['before']);
    // Beyond the bound of what waits; acknowledgements go on.
    for (let n = 0; n < 200; n++) {
      const big = Array.from({ length: 4 }, (_, i) =>
        frame('d2', NOW + n * 10 + i, 'y'.repeat(60_000)),
      );
      await put(...big);
    }
    await expect.poll(() => store.frames.counters().missedSpans).toBeGreaterThan(0);
    await rm(framesFolder());
    await mkdir(framesFolder());
    await expect
      .poll(() =>
        store.frames.flush().then(
          () => 'written',
          () => 'refused',
        ),
      )
      .toBe('written');
    expect(await texts('d1')).toEqual(['before']);
    const { missing } = await store.frames.find('d2', NOW + 1_500, NOW + 1_501, 10);
    expect(missing.length).toBeGreaterThan(0);
    await store.close();
    await open();
    expect((await store.frames.find('d2', NOW + 1_500, NOW + 1_501, 10)).missing).toEqual(missing);
    await store.frames.retain(4e12);
    expect(store.frames.counters().missedSpans).toBe(0);
    expect(store.counters().readersCutOff).toBe(0);
  });

  it('lets the journal be trimmed to where the frames are in files, and not beyond', async () => {
    await put(frame('d1', NOW, 'a'));
    await store.frames.find('d1', 0, 1, 1);
    expect(store.counters().readerLag['frames']).toBeGreaterThan(0);
    await store.flush();
    expect(store.counters().readerLag['frames']).toBe(0);
    // Rows without frames hold nothing.
    putRow(store, PROFILE, METRICS, { device: 'd1', at: NOW + 5, values: {} });
    await store.commitNow();
    await store.frames.find('d1', 0, 1, 1);
    expect(store.counters().readerLag['frames']).toBe(0);
  });

  it('copies frames with a backup; a store opened on it finds them once', async () => {
    await put(frame('d1', NOW, 'a'));
    await store.flush();
    await put(frame('d1', NOW + 1, 'b'));
    const copy = join(folder, 'copy');
    await store.backup(copy);
    await store.close();
    const first = folder;
    folder = copy;
    await open();
    expect(await texts('d1')).toEqual(['a', 'b']);
    await put(frame('d1', NOW + 2, 'c'));
    await store.flush();
    expect(await texts('d1')).toEqual(['a', 'b', 'c']);
    folder = first;
  });
});

import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { Latest } from './latest.ts';

const METRICS = ['pm25', 'no2'];

/** Rows as doubles: at, received, device and flags, quality, one value for each metric. */
function filled(): Latest {
  const latest = new Latest();
  const rows = Float64Array.from([
    ...[5_000, 5_100, 0, 0, 1, Number.NaN],
    ...[2_000, 2_100, 4, 0, 3, 4],
    ...[9_000, 9_100, 0, 0, 2, 7],
  ]);
  latest.apply(0, METRICS.length, rows, 3);
  return latest;
}
function said(latest: Latest, device: number): unknown {
  const values: Parameters<Latest['values']>[3] = [];
  latest.values(0, device, METRICS, values);
  return [values, latest.lastSeen(device), latest.newestAt(device)];
}
function restored(body: Uint8Array): Latest {
  const latest = new Latest();
  latest.restore(0, body);
  return latest;
}

it('a snapshot brings back values, last seen, newest and oldest times', () => {
  const before = filled();
  const after = restored(before.save().get(0)!);
  for (const device of [0, 1]) {
    expect(said(after, device)).toEqual(said(before, device));
    expect(after.oldestAt(device)).toBe(before.oldestAt(device));
  }
  expect([after.oldestAt(0), after.oldestAt(1)]).toEqual([5_000, 2_000]);
});

it('reads a snapshot of before, which knew no oldest times', () => {
  const before = filled();
  const now = Buffer.from(before.save().get(0)!);
  const perDevice = 8 * (4 + 3 * METRICS.length);
  const parts = [now.subarray(0, 16)];
  for (let device = 0; device < 2; device++) {
    const start = 16 + device * perDevice;
    parts.push(now.subarray(start, start + 24), now.subarray(start + 32, start + perDevice));
  }
  const old = Buffer.concat([...parts, now.subarray(16 + 2 * perDevice)]);
  old.writeUInt32LE(0x31545356, 0);
  old.writeUInt32LE(crc32(old.subarray(8)), 4);
  const after = restored(old);
  for (const device of [0, 1]) {
    expect(said(after, device)).toEqual(said(before, device));
    expect(after.oldestAt(device)).toBe(Number.NEGATIVE_INFINITY);
  }
});

it('refuses any other', () => {
  const body = Buffer.from(filled().save().get(0)!);
  body[20]! ^= 1;
  expect(() => restored(body)).toThrow('damaged');
  expect(() => restored(body.subarray(0, 10))).toThrow('damaged');
});

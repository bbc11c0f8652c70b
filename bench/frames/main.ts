/**
 * `npm run bench -- frames [--type vendor/model]`: what keeping frames costs. A day of each type of evidence device goes
 * through the pipeline twice, with and without keeping what was received: bytes of frames against the Parquet bytes of
 * the same readings after both were compacted, processor time of both ways, and how long finding one takes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  DAY,
  type Device,
  formatTime,
  MINUTE,
  seededRandom,
  systemTimer,
  topics,
} from '@village/core';
import {
  builtinCatalog,
  type DeviceProfile,
  decode,
  encode,
  frameKept,
  loadCatalog,
} from '@village/device-profiles';
import { isMqttFrame } from '@village/device-profiles/mqtt';
import { Pipeline } from '@village/ingest';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { type Case, judge, report } from '../report.ts';

const BEGIN = Date.UTC(2026, 2, 2, 16);
const DEVICES = 40;
const PER_DEVICE = 1_440;
/** Rows of one batch of a gateway. */
const BATCH = 100;
const FOUND = 500;
const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

interface Message {
  readonly topic: string;
  readonly sender: { readonly kind: 'device' | 'gateway'; readonly id: string };
  readonly payload: Buffer;
  readonly receivedAt: number;
}

/** A device a minute: values that wander as water and air do, at the resolution of their metric. */
function* valuesOf(profile: DeviceProfile, seed: string): Generator<Record<string, number>> {
  const random = seededRandom(seed);
  const now = Object.fromEntries(
    profile.metrics.map(({ key, range: [low, high], states }) => [
      key,
      states === undefined
        ? low + (high - low) * (0.2 + 0.3 * random())
        : Object.values(states)[0]!,
    ]),
  );
  for (;;) {
    for (const { key, range, states } of profile.metrics) {
      if (states !== undefined) continue;
      const [low, high] = range;
      const step = (random() - 0.5) * (high - low) * 0.002;
      now[key] = Math.min(high, Math.max(low, now[key]! + step));
    }
    yield Object.fromEntries(
      profile.metrics.map(({ key, range: [low, high], states }) => {
        const digits =
          states === undefined ? Math.max(0, 3 - Math.floor(Math.log10(high - low))) : 0;
        return [key, Number(now[key]!.toFixed(digits))];
      }),
    );
  }
}

/** Every message of a day, by time: a device's own, or batches of its gateway with frames beside the rows. */
function messagesOf(profile: DeviceProfile): Message[] {
  const random = seededRandom(`frames ${profile.id}`);
  const streams = Array.from({ length: DEVICES }, (_, n) => valuesOf(profile, `values ${n}`));
  const messages: Message[] = [];
  let rows: object[] = [];
  let seq = 0;
  for (let minute = 0; minute < PER_DEVICE; minute++)
    for (let n = 0; n < DEVICES; n++) {
      const at = BEGIN + minute * MINUTE + n * 1_000 + Math.floor(random() * 300);
      const receivedAt = at + 400 + Math.floor(random() * 2_000);
      const values = streams[n]!.next().value as Record<string, number>;
      const frame = encode(profile, values, { at, address: `d${n}` });
      if (isMqttFrame(frame)) {
        const { topic } = frame;
        const payload = Buffer.from(frame.payload);
        messages.push({ topic, sender: { kind: 'device', id: `d${n}` }, payload, receivedAt });
        continue;
      }
      const { payload, framing } = frameKept(profile, frame);
      const { readings } = decode(profile, frame);
      rows.push({
        device: `d${n}`,
        at: formatTime(at),
        values: Object.fromEntries(readings.map(({ metric, value }) => [metric, value])),
        frame: Buffer.from(payload).toString('base64'),
        framing,
      });
      if (rows.length < BATCH) continue;
      const batch = { epoch: 'bench', seq: ++seq, lane: 'live', readings: rows };
      messages.push({
        topic: topics.gatewayReadings('gw'),
        sender: { kind: 'gateway', id: 'gw' },
        payload: Buffer.from(JSON.stringify(batch)),
        receivedAt,
      });
      rows = [];
    }
  return messages;
}

interface Ran {
  readonly cpuMs: number;
  readonly parquet: number;
  readonly frames: number;
  readonly kept: number;
  readonly findMs: number;
  readonly commitP99Ms: number;
}

async function play(profile: DeviceProfile, messages: readonly Message[]): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-frames-'));
  const timer = { ...systemTimer, now: () => BEGIN + 2 * DAY };
  const store = await openTimeSeries({ folder, timer, tickMs: Number.POSITIVE_INFINITY });
  try {
    const gateway = profile.protocol === 'mqtt' ? null : 'gw';
    const devices = new Map<string, Device>(
      Array.from({ length: DEVICES }, (_, n) => [
        `d${n}`,
        {
          id: `d${n}`,
          name: `d${n}`,
          profile: profile.id,
          area: '330522200001',
          gateway,
          address: `d${n}`,
          options: {},
          longitude: null,
          latitude: null,
          clock: 'keep',
        },
      ]),
    );
    const pipeline = new Pipeline({
      store,
      registry: {
        device: (id) => devices.get(id),
        byAddress: () => undefined,
        verify: () => undefined,
        verifyKey: () => undefined,
      },
      profiles: new Map([[profile.id, profile]]),
      timer,
    });
    const before = process.cpuUsage();
    await give(pipeline, messages);
    await store.commitNow();
    await store.frames.find('d0', 0, 1, 1);
    await store.frames.flush();
    const used = process.cpuUsage(before);
    const commitP99Ms = store.counters().commitSeconds.p99 * 1_000;
    await store.flush();
    await store.compact(BEGIN + 3 * DAY);
    const { kept, bytes } = store.frames.counters();
    const stored = await store.range({ device: 'd0', from: 0, to: 4e12, limit: 10_000 });
    if (stored.length !== PER_DEVICE) throw new Error(`BUG: ${stored.length} rows of a device`);
    return {
      cpuMs: (used.user + used.system) / 1_000,
      parquet: store.counters().archiveBytes,
      frames: bytes,
      kept,
      findMs:
        kept === 0
          ? 0
          : await finding(
              store,
              stored.map(({ at }) => at),
            ),
      commitP99Ms,
    };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function give(pipeline: Pipeline, messages: readonly Message[]): Promise<void> {
  let waiting = 0;
  for (const { topic, sender, payload, receivedAt } of messages) {
    waiting++;
    pipeline.accept({ principal: sender, topic, payload, receivedAt }, () => {
      waiting--;
    });
    while (waiting >= 256 || !pipeline.ready()) await turn();
  }
  while (waiting > 0) await turn();
}

/** The median of finding one frame of a device by its time, from files. */
async function finding(store: TimeSeriesStore, times: readonly number[]): Promise<number> {
  const random = seededRandom('finding');
  const took: number[] = [];
  for (let n = 0; n < FOUND; n++) {
    const at = times[Math.floor(random() * times.length)]!;
    const began = performance.now();
    const { frames } = await store.frames.find('d0', at, at + 1, 10);
    took.push(performance.now() - began);
    if (frames.length !== 1) throw new Error(`BUG: ${frames.length} frames at ${at}`);
  }
  return took.sort((a, b) => a - b)[FOUND / 2]!;
}

export async function run(options: string[]): Promise<void> {
  const { values } = parseArgs({ args: options, options: { type: { type: 'string' } } });
  const { profiles } = loadCatalog([builtinCatalog]);
  const types = [...profiles.values()].filter(
    ({ id, evidence }) => evidence === 'all' && (values.type === undefined || id === values.type),
  );
  const cases: Case[] = [];
  for (const profile of types) {
    const messages = messagesOf(profile);
    const without = await play({ ...profile, evidence: 'none' }, messages);
    const kept = await play(profile, messages);
    const all = DEVICES * PER_DEVICE;
    if (kept.kept !== all) throw new Error(`BUG: ${kept.kept} frames of ${all}`);
    const name = profile.id;
    cases.push(
      judge(`${name}: bytes of a frame`, round(kept.frames / all), 'B'),
      judge(`${name}: Parquet bytes of its readings`, round(kept.parquet / all), 'B'),
      judge(`${name}: frames to Parquet`, round(kept.frames / kept.parquet), 'x', '<= 1.5'),
      judge(
        `${name}: processor time of a row without frames`,
        round((without.cpuMs / all) * 1_000),
        'µs',
      ),
      judge(`${name}: with a frame, moved to a file`, round((kept.cpuMs / all) * 1_000), 'µs'),
      judge(`${name}: finding one`, round(kept.findMs), 'ms'),
    );
  }
  report('frames', cases);
}

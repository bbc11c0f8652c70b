/** What local devices say without a time of their own that can be true: each message is a row, a repeat is none. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClockUse, HOUR, MINUTE, parseTime, SECOND, type WireReading } from '@village/core';
import mqtt, { type Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { type Gateway, silentLog, startGateway } from '../index.ts';
import { Outbox } from '../outbox/outbox.ts';
import { FakeCounty, temporaryFolder, testConfig, testDeps, until } from '../testing.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const BIN = { id: 'bin-7', profile: 'test/bin', address: 'b7', secret: 's', options: {} };

function folder(): string {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  return path;
}

async function box(data: string, url: string, clock: ClockUse = 'keep'): Promise<Gateway> {
  const config = { mqtt: { port: 0, host: '127.0.0.1' }, devices: [{ ...BIN, clock }] };
  const started = await startGateway(testConfig(data, url, config), testDeps());
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= started.stop());
  cleanups.push(stop);
  return { ...started, stop };
}

/** A device that is signed in; it counts the acknowledgements it gets. */
async function signIn(port: number): Promise<{ socket: Socket; acknowledged: () => number }> {
  const socket = connect(port, '127.0.0.1');
  cleanups.push(() => socket.destroy());
  const parser = mqtt.parser();
  let acknowledged = 0;
  let isSignedIn = false;
  parser.on('packet', ({ cmd }: Packet) => {
    if (cmd === 'connack') isSignedIn = true;
    if (cmd === 'puback') acknowledged++;
  });
  socket.on('data', (data) => void parser.parse(data));
  await once(socket, 'connect');
  socket.write(
    mqtt.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: 'b7',
      clean: true,
      keepalive: 60,
      username: 'b7',
      password: Buffer.from('s'),
    }),
  );
  await until('signed in', () => isSignedIn);
  return { socket, acknowledged: () => acknowledged };
}

const message = (messageId: number, payload: object, dup = false): Buffer =>
  mqtt.generate({
    cmd: 'publish',
    topic: 'bin/b7/up',
    payload: JSON.stringify(payload),
    qos: 1,
    dup,
    retain: false,
    messageId,
  });

const TWENTY = Array.from({ length: 20 }, (_, n) => n);
const rowsAt = (county: FakeCounty): WireReading[] =>
  county.batches.flatMap(({ readings }) => readings);
/** What the county has stored in the end: a time and metric is one reading. */
const stored = (county: FakeCounty): (number | undefined)[] =>
  [...new Map(rowsAt(county).map((row) => [row.at, row.values['fill']]))]
    .sort(([a], [b]) => (parseTime(a) ?? 0) - (parseTime(b) ?? 0))
    .map(([, fill]) => fill);

async function county(): Promise<FakeCounty> {
  const started = await FakeCounty.start();
  cleanups.push(() => started.stop());
  return started;
}

describe('twenty messages in one segment', () => {
  it.each([
    ['without a time', {}],
    ['of a clock that stands at 1970', { ts: 5 }],
    ['of a clock that is a year ahead', { ts: Math.floor(Date.now() / 1000) + 365 * 86_400 }],
  ])('%s are twenty rows, in their order', async (_name, time) => {
    const there = await county();
    const gateway = await box(folder(), there.url);
    const { socket, acknowledged } = await signIn(gateway.ports['mqtt'] as number);
    socket.write(Buffer.concat(TWENTY.map((n) => message(n + 1, { ...time, fill: n }))));
    await until('all acknowledged', () => acknowledged() === 20);
    await until('all there', () => rowsAt(there).length >= 20);
    expect(stored(there)).toEqual(TWENTY);
    expect(
      rowsAt(there).every(({ redated }) => redated === ('ts' in time ? true : undefined)),
    ).toBe(true);
  });

  it('that are sent again are the same rows', async () => {
    const there = await county();
    const gateway = await box(folder(), there.url);
    const port = gateway.ports['mqtt'] as number;
    const first = await signIn(port);
    first.socket.write(Buffer.concat(TWENTY.map((n) => message(n + 1, { fill: n }))));
    await until('all acknowledged', () => first.acknowledged() === 20);
    first.socket.destroy();
    const second = await signIn(port);
    second.socket.write(Buffer.concat(TWENTY.map((n) => message(n + 1, { fill: n }, true))));
    second.socket.write(message(21, { fill: 99 }));
    await until('all acknowledged', () => second.acknowledged() === 21);
    await until('all there', () => rowsAt(there).some(({ values }) => values['fill'] === 99));
    expect(stored(there)).toEqual([...TWENTY, 99]);
  });
});

describe('over a restart of the gateway', () => {
  const put = (outbox: Outbox): Promise<void> =>
    new Promise((resolve, reject) =>
      outbox.put({ device: 'd', at: '2026-01-01T00:00:00Z', values: { fill: 1 } }, [], (fault) =>
        fault === undefined ? resolve() : reject(fault),
      ),
    );

  it('what is sent again is the same rows, and what comes then is others', async () => {
    const there = await county();
    const data = folder();
    const before = await box(data, there.url);
    const first = await signIn(before.ports['mqtt'] as number);
    const said = (n: number): object => (n % 2 === 0 ? { fill: n } : { fill: n, ts: 5 });
    first.socket.write(Buffer.concat(TWENTY.map((n) => message(n + 1, said(n)))));
    await until('all acknowledged', () => first.acknowledged() === 20);
    await before.stop();
    const after = await box(data, there.url);
    const second = await signIn(after.ports['mqtt'] as number);
    // Without its mark, what tells a time, though a wrong one, is known too.
    second.socket.write(
      Buffer.concat(TWENTY.map((n) => message(n + 1, said(n), n % 2 === 0 || n % 3 === 0))),
    );
    second.socket.write(message(21, { fill: 99 }));
    await until('all acknowledged', () => second.acknowledged() === 21);
    await until('all there', () => rowsAt(there).some(({ values }) => values['fill'] === 99));
    expect(stored(there)).toEqual([...TWENTY, 99]);
  });

  it('an outbox remembers as much as it says, the newest', async () => {
    const deps = { now: Date.now, log: silentLog };
    const path = folder();
    const first = new Outbox(path, deps);
    for (let n = 0; n < 12_000; n++) {
      first.remember('given-time', `k${n % 11_000}`, n);
      // A row goes with each thousand, as they do.
      if (n % 1_000 === 999) await put(first);
    }
    first.remember('clock', 'd', -8 * HOUR);
    await put(first);
    first.close();
    const second = new Outbox(path, deps);
    cleanups.push(() => second.close());
    const given = second.remembered('given-time');
    expect(given.length).toBeGreaterThanOrEqual(5_000);
    expect(given.length).toBeLessThanOrEqual(6_500);
    expect(given.at(-1)).toEqual(['k999', 11_999]);
    expect(new Map(given).get('k10999')).toBe(10_999);
    expect(second.remembered('clock')).toEqual([['d', -8 * HOUR]]);
  });
});

describe('a local device whose clock is a day behind', () => {
  const BEHIND = 24 * HOUR;
  async function say(
    clock: ClockUse,
    data = folder(),
  ): Promise<{ rows: WireReading[]; began: number; url: string; stop: () => Promise<void> }> {
    const there = await county();
    const gateway = await box(data, there.url, clock);
    const { socket, acknowledged } = await signIn(gateway.ports['mqtt'] as number);
    const began = Date.now();
    const ts = (ago: number): number => (Date.now() - BEHIND - ago) / SECOND;
    // One by one, until its clock has stood so for a second and a half; then what it kept for five hours.
    let sent = 0;
    while (Date.now() - began < 2 * SECOND || sent < 5) {
      socket.write(message(++sent, { ts: ts(0), fill: sent % 100 }));
      await until('acknowledged', () => acknowledged() === sent);
      await delay(50);
    }
    socket.write(message(++sent, { ts: ts(5 * HOUR), fill: 100 }));
    await until('there', () => rowsAt(there).some(({ values }) => values['fill'] === 100));
    return { rows: rowsAt(there), began, url: there.url, stop: () => gateway.stop() };
  }
  const when = (row: WireReading | undefined): number => parseTime(row?.at ?? '') ?? Number.NaN;

  it('correct: its times are corrected, what it kept included, and are marked', async () => {
    const { rows, began } = await say('correct');
    const [first, [live, kept]] = [rows[0], rows.slice(-2)];
    expect(Math.abs(when(first) - began + BEHIND)).toBeLessThan(MINUTE);
    expect(first?.redated).toBe(undefined);
    expect(Math.abs(when(live) - began)).toBeLessThan(MINUTE);
    expect(Math.abs(when(kept) - began + 5 * HOUR)).toBeLessThan(MINUTE);
    expect([live?.redated, kept?.redated]).toEqual([true, true]);
  });

  it('correct: after a restart its first message is corrected at once', async () => {
    const data = folder();
    const { stop } = await say('correct', data);
    await stop();
    const there = await county();
    const gateway = await box(data, there.url, 'correct');
    const { socket } = await signIn(gateway.ports['mqtt'] as number);
    const began = Date.now();
    socket.write(message(1, { ts: (began - BEHIND) / SECOND, fill: 77 }));
    await until('there', () => rowsAt(there).some(({ values }) => values['fill'] === 77));
    const row = rowsAt(there).find(({ values }) => values['fill'] === 77);
    expect(Math.abs(when(row) - began)).toBeLessThan(MINUTE);
    expect(row?.redated).toBe(true);
  });

  it('history: its times stay, and what is late is told as history', async () => {
    const { rows, began } = await say('history');
    const live = rows.at(-2);
    expect(Math.abs(when(live) - began + BEHIND)).toBeLessThan(MINUTE);
    expect(rows.every(({ late, redated }) => late === true && redated === undefined)).toBe(true);
  });
});

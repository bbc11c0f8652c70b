import { MINUTE, seededRandom, systemTimer, type Timer } from '@village/core';
import { parseProfile } from '@village/device-profiles';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type GatewayDeps, startGateway } from '../../run/gateway.ts';
import {
  answerOf,
  exceptionOf,
  FakeCounty,
  FakeSlave,
  freePort,
  pollsOf,
  temporaryFolder,
  testConfig,
  testDeps,
  until,
} from '../../testing.ts';
import { modbusAddress } from './address.ts';
import { backoffIntervals, nextDue, settledTime } from './poller.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One block that two requests read; the registers of a FakeSlave hold their addresses. */
const LONG = `
profile: test/long
revision: 1
name: { zh: 长块, en: Long block }
kind: water-quality
protocol: modbus
modbus:
  every: 10s
  blocks: { all: { table: holding, address: 1000, count: 130 } }
metrics:
  - { key: first, quantity: water.volume-total, name: { zh: 首, en: First }, from: { block: all, at: 0, type: uint16 }, range: [0, 65535] }
  - { key: across, quantity: water.volume-total, name: { zh: 跨, en: Across }, from: { block: all, at: 124, type: uint32 }, range: [0, 4294967295] }
  - { key: last, quantity: water.volume-total, name: { zh: 末, en: Last }, from: { block: all, at: 129, type: uint16 }, range: [0, 65535] }
examples:
  - name: the addresses
    frame: { all: "${Array.from({ length: 130 }, (_, i) => (1000 + i).toString(16).padStart(4, '0')).join(' ')}" }
    readings: { first: 1000, across: 73663589, last: 1129 }
  - name: a cut answer
    frame: { all: "03E8" }
    error: frame-too-short
`;

const NOWHERE = 'mqtt://127.0.0.1:1';

const device = (id: string, port: number, unit: number, every: number, timeout = 200) => ({
  id,
  profile: 'test/two-blocks',
  connection: modbusAddress.parse({ host: '127.0.0.1', port, unit, timeout: `${timeout}ms` }),
  every,
  options: {},
});

async function run(
  devices: ReturnType<typeof device>[],
  deps: Partial<GatewayDeps> = {},
  url = NOWHERE,
) {
  const { path, remove } = temporaryFolder();
  const gateway = await startGateway(testConfig(path, url, { devices }), testDeps(deps));
  cleanups.push(remove, () => gateway.stop());
  return gateway;
}

async function slave(...args: Parameters<typeof FakeSlave.start>): Promise<FakeSlave> {
  const started = await FakeSlave.start(...args);
  cleanups.push(() => started.stop());
  return started;
}

describe('schedule', () => {
  it('the next time is on the grid, later than now, and no more than one interval away', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 41),
        fc.integer({ min: 100, max: 1e8 }),
        fc.nat(1e8),
        (now, every, phase) => {
          const due = nextDue(now, every, phase % every);
          expect(due).toBeGreaterThan(now);
          expect(due - now).toBeLessThanOrEqual(every);
          expect((due - (phase % every)) % every).toBe(0);
        },
      ),
    );
  });

  it('a timer that fires early counts as on time, a clock that was set back as what it says', () => {
    expect(settledTime(9_999, 10_000, 1_000)).toBe(10_000);
    expect(settledTime(9_500, 10_000, 1_000)).toBe(10_000);
    expect(settledTime(10_003, 10_000, 1_000)).toBe(10_003);
    expect(settledTime(2_000, 10_000, 1_000)).toBe(2_000);
  });

  it('a silent device is asked again at its usual time, then less and less, at least every five minutes', () => {
    const random = seededRandom(1);
    const waits = [1, 2, 3, 4, 5, 20].map((failures) => backoffIntervals(failures, 10_000, random));
    expect(waits[0]).toBe(1);
    expect(waits[1]).toBeLessThanOrEqual(2);
    expect(waits[3]).toBeGreaterThan(waits[1] as number);
    expect((waits[5] as number) * 10_000).toBeLessThanOrEqual(5 * MINUTE);
    expect(backoffIntervals(20, 10 * MINUTE, random)).toBe(1);
  });
});

describe('isolation', () => {
  it('a dead, a slow and an absent slave cost the others nothing', async () => {
    const good = await slave();
    const dead = await slave(() => undefined);
    const slow = await slave((request, socket) => {
      setTimeout(() => socket.write(answerOf(request)), 150);
    });
    const nobody = await freePort();
    const gateway = await run([
      ...[1, 2, 3, 4].map((unit) => device(`good-${unit}`, good.port, unit, 100, 5_000)),
      device('dead', dead.port, 1, 100),
      device('slow', slow.port, 1, 100),
      device('gone', nobody, 1, 100),
    ]);
    await until('200 requests to the good ones', () => good.requests.length >= 200);
    // Were polls to wait for one another, the good ones would get no more turns than the others.
    expect(dead.requests.length).toBeLessThan(20);
    expect(slow.requests.length).toBeLessThan(40);
    const { failing } = gateway.counters();
    expect(failing['dead']).toMatch(/device-silent|connection-lost|not-connected/);
    expect(failing['gone']).toBe('not-connected');
    expect(Object.keys(failing).filter((id) => id.startsWith('good'))).toEqual([]);
    expect(pollsOf(gateway).failed['device-silent']).toBeGreaterThan(0);
  });

  it('a dead unit on the line of others leaves them their rhythm', async () => {
    const server = await slave((request, socket) => {
      if (request.unit !== 9) socket.write(answerOf(request));
    });
    const gateway = await run([
      ...[1, 2, 3].map((unit) => device(`good-${unit}`, server.port, unit, 200)),
      device('dead', server.port, 9, 200),
    ]);
    await until(
      'a hundred good requests',
      () => server.requests.filter((r) => r.unit !== 9).length > 100,
    );
    const polls = pollsOf(gateway);
    const asked = server.requests.filter((request) => request.unit === 9).length;
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(15);
    expect(polls.failed['device-silent']).toBe(asked);
    expect(gateway.counters().failing).toEqual({ dead: 'device-silent' });
  });
});

describe('requests', () => {
  it('devices behind one converter are asked one at a time, though one of them would bear more', async () => {
    let open = 0;
    let most = 0;
    const converter = await slave((request, socket) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        socket.write(answerOf(request));
      }, 5);
    });
    const devices = [1, 2, 3, 4].map((unit) => device(`d${unit}`, converter.port, unit, 100));
    const eager = { ...device('d5', converter.port, 5, 100) };
    eager.connection = { ...eager.connection, inFlight: 8 };
    const gateway = await run([...devices, eager]);
    await until('polls of all', () => pollsOf(gateway).ok >= 25);
    expect(most).toBe(1);
    expect(converter.connections).toBe(1);
    expect(new Set(converter.requests.map((request) => request.unit)).size).toBe(5);
  });

  it('no request asks for more than 125 registers, and the pieces come together', async () => {
    const { profile, faults } = parseProfile(LONG, 'long.yaml');
    expect(faults).toEqual([]);
    const server = await slave();
    const long = { ...device('long', server.port, 1, 100), profile: 'test/long' };
    const catalog = new Map(profile === undefined ? [] : [[profile.id, profile]]);
    const county = await FakeCounty.start();
    cleanups.push(() => county.stop());
    await run([long], { catalog }, county.url);
    await until('a reading', () => county.batches.length > 0);
    expect(server.requests.slice(0, 2)).toMatchObject([
      // Not 125, as the 32 bits across the border would be of two moments.
      { address: 1_000, count: 124 },
      { address: 1_124, count: 6 },
    ]);
    expect(county.batches[0]?.readings[0]?.values).toEqual({
      first: 1_000,
      across: 1_124 * 65_536 + 1_125,
      last: 1_129,
    });
  });
});

describe('polls', () => {
  it('a timer that fires early makes no second poll', async () => {
    const server = await slave();
    const early: Timer = {
      ...systemTimer,
      sleep: (ms, signal) => systemTimer.sleep(Math.max(0, ms - 30), signal),
    };
    const gateway = await run([device('d', server.port, 1, 200)], { timer: early });
    await until('fifteen polls', () => pollsOf(gateway).ok >= 15);
    const began = server.requests.filter((request) => request.address === 10).map((one) => one.at);
    const spanMs = (began.at(-1) ?? 0) - (began[0] ?? 0);
    // A slow machine makes polls late and skips some; it can't make more of them than there were intervals.
    expect(began.length).toBeLessThanOrEqual(Math.floor(spanMs / 200) + 3);
  });

  it('a refused block is counted for its device, and costs only what is in it', async () => {
    const server = await slave((request, socket) => {
      socket.write(request.address === 300 ? exceptionOf(request, 2) : answerOf(request));
    });
    const gateway = await run([device('d', server.port, 1, 100)]);
    await until('two polls', () => gateway.counters().intake.frames >= 2);
    const { intake, failing } = gateway.counters();
    expect(pollsOf(gateway).failed['device-refused']).toBeGreaterThanOrEqual(1);
    expect(failing).toEqual({ d: 'device-refused' });
    const parts = Object.values(intake.refused).reduce((sum, one) => sum + one, 0);
    expect(parts).toBeGreaterThanOrEqual(2);
    expect(intake.undecodable).toEqual({});
    expect(intake.readings).toBeGreaterThanOrEqual(1);
  });

  it('a poll whose time came during the one before is skipped, not piled up', async () => {
    const server = await slave((request, socket) => {
      setTimeout(() => socket.write(answerOf(request)), 180);
    });
    const gateway = await run([device('slow', server.port, 1, 100, 2_000)]);
    await until('three polls', () => pollsOf(gateway).ok >= 3);
    const polls = pollsOf(gateway);
    expect(polls.skipped).toBeGreaterThanOrEqual(polls.ok * 2);
    expect(server.requests.length).toBeLessThanOrEqual(2 * (polls.ok + 1));
  });

  it('a device that was away sends everything once when it is back', async () => {
    const server = await slave();
    const gateway = await run([device('d', server.port, 1, 100)]);
    await until('some polls', () => pollsOf(gateway).ok >= 3);
    const before = gateway.counters().intake.readings;
    // Not only cut: a line that is back before the next poll is no fault at all.
    server.away = true;
    server.cut();
    await until('the fault', () => gateway.counters().failing['d'] !== undefined);
    server.away = false;
    await until('its end', () => gateway.counters().failing['d'] === undefined);
    await until('all readings anew', () => gateway.counters().intake.readings >= before + 3);
  });
});

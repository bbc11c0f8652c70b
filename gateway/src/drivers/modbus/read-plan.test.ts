/** What a device does not answer costs only itself, and is remembered: a real gateway polls a slave that has holes. */
import type { WireReading } from '@village/core';
import {
  builtinCatalog,
  type DeviceProfile,
  encode,
  loadCatalog,
  parseProfile,
} from '@village/device-profiles';
import { FUNCTION_OF, isModbusFrame, planReads } from '@village/device-profiles/modbus';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../index.ts';
import { startGateway } from '../../run/gateway.ts';
import {
  answerOf,
  type Behaviour,
  exceptionOf,
  FakeCounty,
  FakeSlave,
  pollsOf,
  type SlaveRequest,
  temporaryFolder,
  testConfig,
  testDeps,
  until,
} from '../../testing.ts';
import { modbusAddress } from './address.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A profile whose values are the addresses of their registers. */
function profileOf(
  blocks: Record<string, [address: number, count: number]>,
  metrics: Record<string, [block: string, at: number, more?: string]>,
  more = '',
): DeviceProfile {
  const hex = (address: number): string => address.toString(16).padStart(4, '0');
  const frame = Object.entries(blocks).map(
    ([name, [address, count]]) =>
      `${name}: "${Array.from({ length: count }, (_, i) => hex(address + i)).join(' ')}"`,
  );
  const readings = Object.entries(metrics).map(
    ([key, [block, at]]) => `${key}: ${(blocks[block]?.[0] ?? 0) + at}`,
  );
  const text = `
profile: test/holes
revision: 1
name: { zh: 有洞, en: With holes }
kind: flow-meter
protocol: modbus
modbus:
  every: 10s
  reportEvery: 10s
  ${more}
  blocks:
${Object.entries(blocks)
  .map(
    ([name, [address, count]]) =>
      `    ${name}: { table: holding, address: ${address}, count: ${count} }`,
  )
  .join('\n')}
metrics:
${Object.entries(metrics)
  .map(
    ([key, [block, at, rest = '']]) =>
      `  - { key: ${key}, quantity: water.volume-total, name: { zh: ${key}, en: ${key} }, from: { block: ${block}, at: ${at}, type: uint16 }, range: [0, 65535]${rest} }`,
  )
  .join('\n')}
examples:
  - name: whole
    frame: { ${frame.join(', ')} }
    readings: { ${readings.join(', ')} }
  - name: cut
    frame: { ${Object.keys(blocks)[0]}: "" }
    error: frame-too-short
`;
  const { profile, faults } = parseProfile(text, 'holes.yaml');
  if (profile === undefined || faults.length > 0) throw new Error(JSON.stringify(faults, null, 1));
  return profile;
}

/** What the county got of a device of this profile. */
async function poll(
  profile: DeviceProfile,
  behaviour: Behaviour,
  connection: Record<string, unknown> = {},
): Promise<{ slave: FakeSlave; gateway: Gateway; rows: () => WireReading[] }> {
  const slave = await FakeSlave.start(behaviour);
  cleanups.push(() => slave.stop());
  const county = await FakeCounty.start();
  cleanups.push(() => county.stop());
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  const device = {
    id: 'd',
    profile: profile.id,
    connection: modbusAddress.parse({ host: '127.0.0.1', port: slave.port, ...connection }),
    every: 100,
    options: {},
  };
  const gateway = await startGateway(
    testConfig(path, county.url, { devices: [device] }),
    testDeps({ catalog: new Map([[profile.id, profile]]) }),
  );
  cleanups.push(() => gateway.stop());
  return { slave, gateway, rows: () => county.batches.flatMap(({ readings }) => readings) };
}

/** Codes of failed polls, but for those before the connection was there. */
const faultsOf = (gateway: Gateway): string[] =>
  Object.keys(pollsOf(gateway).failed).filter((code) => code !== 'not-connected');

const touches = ({ address, count }: SlaveRequest, from: number, to: number): boolean =>
  address <= to && from < address + count;
const refusing =
  (from: number, to: number, exception = 2): Behaviour =>
  (request, socket) =>
    void socket.write(
      touches(request, from, to) ? exceptionOf(request, exception) : answerOf(request),
    );
const spans = (requests: readonly SlaveRequest[]): string[] => [
  ...new Set(requests.map(({ address, count }) => `${address}+${count}`)),
];

describe('holes', () => {
  it('registers 100–101 and 104–105, nothing that touches 102–103: read alone, and remembered', async () => {
    const profile = profileOf(
      { low: [100, 2], high: [104, 2] },
      { a: ['low', 0], b: ['low', 1], c: ['high', 0], d: ['high', 1] },
    );
    const { slave, gateway, rows } = await poll(profile, refusing(102, 103));
    await until('a row', () => rows().length > 0);
    expect(rows()[0]?.values).toEqual({ a: 100, b: 101, c: 104, d: 105 });
    await until('six polls', () => pollsOf(gateway).ok >= 6);
    expect(faultsOf(gateway)).toEqual([]);
    expect(spans(slave.requests)).toEqual(['100+6', '100+2', '104+2']);
    expect(slave.requests.filter(({ count }) => count === 6)).toHaveLength(1);
  });

  it('a hole inside one block', async () => {
    // Of the last four registers nothing is used.
    const profile = profileOf({ all: [100, 10] }, { a: ['all', 0], b: ['all', 1], c: ['all', 5] });
    const { slave, gateway, rows } = await poll(profile, refusing(102, 104));
    await until('a row', () => rows().length > 0);
    expect(rows()[0]?.values).toEqual({ a: 100, b: 101, c: 105 });
    await until('four polls', () => pollsOf(gateway).ok >= 4);
    expect(spans(slave.requests)).toEqual(['100+10', '100+2', '105+1']);
  });

  it('several holes, refused as a wrong count, are found once each', async () => {
    const profile = profileOf(
      { all: [0, 100] },
      Object.fromEntries([0, 10, 11, 40, 80, 99].map((at) => [`m${at}`, ['all', at]])),
    );
    const holes: Behaviour = (request, socket) =>
      void socket.write(
        touches(request, 20, 20) || touches(request, 60, 61)
          ? exceptionOf(request, 3)
          : answerOf(request),
      );
    const { slave, gateway, rows } = await poll(profile, holes);
    await until('a row', () => rows().length > 0);
    expect(rows()[0]?.values).toEqual({ m0: 0, m10: 10, m11: 11, m40: 40, m80: 80, m99: 99 });
    await until('four polls', () => pollsOf(gateway).ok >= 4);
    const refused = slave.requests.filter(
      (request) => touches(request, 20, 20) || touches(request, 60, 61),
    );
    expect(refused.length).toBeLessThanOrEqual(3);
  });

  it('a value that the device lacks costs only itself, though it stands between others', async () => {
    const profile = profileOf(
      { all: [100, 5] },
      {
        a: ['all', 0],
        b: ['all', 1],
        lacks: ['all', 2, ', optional: true'],
        c: ['all', 3],
        d: ['all', 4],
      },
    );
    const { rows } = await poll(profile, refusing(102, 102));
    await until('a row', () => rows().length > 0);
    expect(rows()[0]?.values).toEqual({ a: 100, b: 101, c: 103, d: 104 });
  });

  it('a device that refuses everything is not asked for each of its registers, poll after poll', async () => {
    const profile = profileOf(
      { all: [100, 40] },
      Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`m${i}`, ['all', i]])),
    );
    const { slave, gateway, rows } = await poll(profile, refusing(0, 65_535));
    await until('forty polls', () => (pollsOf(gateway).failed['device-refused'] ?? 0) >= 40);
    // Looked into in polls 1, 2, 4, 8, 16 and 32.
    expect(slave.requests.length).toBeLessThanOrEqual(45 + 6 * 64);
    expect(slave.requests.slice(-5).every(({ count }) => count === 40)).toBe(true);
    slave.behaviour = (request, socket) => void socket.write(answerOf(request));
    await until('a row', () => rows().length > 0);
    expect(Object.keys(rows()[0]?.values ?? {})).toHaveLength(40);
  });

  it('what answers nothing but whole blocks is not asked for less', async () => {
    const profile = profileOf(
      { low: [100, 4], high: [104, 4] },
      { a: ['low', 0], b: ['low', 3], c: ['high', 0, ', optional: true'] },
      'oneRequestPerBlock: true',
    );
    const { slave, rows } = await poll(profile, refusing(104, 107));
    await until('a row', () => rows().length > 0);
    expect(rows()[0]?.values).toEqual({ a: 100, b: 103 });
    expect(spans(slave.requests)).toEqual(['100+4', '104+4']);
  });
});

describe('a poll goes on', () => {
  const profile = profileOf(
    { one: [100, 2], two: [300, 2], three: [500, 1], four: [700, 1] },
    { a: ['one', 0], b: ['two', 0], c: ['three', 0], d: ['four', 0] },
  );
  const rest = { a: 100, c: 500, d: 700 };
  /** Answers everything but block two, which gets this. */
  const but =
    (answer: (request: SlaveRequest) => Buffer | null): Behaviour =>
    (request, socket) => {
      const bytes = request.address === 300 ? answer(request) : answerOf(request);
      if (bytes !== null) socket.write(bytes);
    };
  // A busy machine may take longer than the time-out of what is waited for in vain.
  const [late, soon] = ['250ms', '10s'];
  const cases: [string, Behaviour, string, string][] = [
    ['a refused one', but((request) => exceptionOf(request, 2)), 'device-refused', soon],
    [
      'one with an unknown function',
      but((request) => exceptionOf(request, 1)),
      'device-refused',
      soon,
    ],
    [
      'one that fails in the device',
      but((request) => exceptionOf(request, 4)),
      'device-refused',
      soon,
    ],
    ['one that is not answered', but(() => null), 'device-silent', late],
    [
      'one that the converter does not reach',
      but((r) => exceptionOf(r, 11)),
      'device-silent',
      soon,
    ],
    ['one with too few values', but((r) => answerOf({ ...r, count: 1 })), 'answer-malformed', soon],
    ['half of one', but((request) => answerOf(request).subarray(0, 10)), 'answer-cut', late],
    ['one of another unit', but((r) => answerOf({ ...r, unit: 9 })), 'unit-wrong', soon],
    ['one with a wrong number', but((r) => answerOf({ ...r, id: 3 })), 'transaction-wrong', late],
  ];

  it.each(cases)(
    'after %s, with what it got, and tells which metric lacks and why',
    async (_name, behaviour, code, timeout) => {
      const { gateway, rows } = await poll(profile, behaviour, { timeout });
      await until('three polls', () => pollsOf(gateway).partial >= 3);
      await until('a row', () => rows().length > 0);
      expect(rows()[0]?.values).toEqual(rest);
      expect(gateway.counters().failing).toEqual({ d: code });
      expect(Object.keys(gateway.counters().intake.refused)).toEqual([code]);
      expect(gateway.counters().intake.undecodable).toEqual({});
    },
  );

  it('whichever of its reads is the one that is never answered', async () => {
    for (const silent of [100, 300, 500, 700]) {
      const { rows } = await poll(
        profile,
        (request, socket) => {
          if (request.address !== silent) socket.write(answerOf(request));
        },
        { timeout: '250ms' },
      );
      await until('a row', () => rows().length > 0);
      const values = Object.values(rows()[0]?.values ?? {});
      expect(values).toEqual([100, 300, 500, 700].filter((at) => at !== silent));
    }
  });

  it('though it ignores most of its blocks: each gets its turn, and the connection stays', async () => {
    const all = Array.from({ length: 8 }, (_, i) => i);
    const eight = profileOf(
      Object.fromEntries(all.map((i) => [`b${i}`, [200 * i, 1]])),
      Object.fromEntries(all.map((i) => [`m${i}`, [`b${i}`, 0]])),
    );
    let heard = 200;
    const { slave, gateway, rows } = await poll(
      eight,
      (request, socket) => {
        if (request.address <= heard) socket.write(answerOf(request));
      },
      { timeout: '40ms' },
    );
    await until('eight polls', () => pollsOf(gateway).partial >= 8);
    expect(new Set(slave.requests.map(({ address }) => address)).size).toBe(8);
    expect(slave.connections).toBe(1);
    heard = 1_400;
    await until('all values', () => rows().some(({ values }) => values['m7'] === 1_400));
    await until('whole polls', () => pollsOf(gateway).ok > 0);
  });

  it('but a device that does not answer at all is asked once a poll', async () => {
    const { slave, gateway } = await poll(profile, () => undefined, { timeout: '250ms' });
    await until('four polls', () => (pollsOf(gateway).failed['device-silent'] ?? 0) >= 4);
    expect(slave.requests.length).toBeLessThanOrEqual(
      (pollsOf(gateway).failed['device-silent'] ?? 0) + 1,
    );
  });

  it('a sewage station whose COD is no number gives the other values', async () => {
    const station = loadCatalog([builtinCatalog]).profiles.get('generic/sewage-station');
    if (station === undefined) throw new Error('no such profile');
    const values = Object.fromEntries(
      station.metrics.map(({ key, range }) => [key, Math.min(range[1], 1)]),
    );
    const frame = encode(station, { ...values, cod: Number.NaN }, { at: 0, address: 'd' });
    const blocks = isModbusFrame(frame) ? frame.blocks : {};
    const [water = [], machines = []] = Object.values(blocks).map((block) =>
      [...block].map(Number),
    );
    const { rows } = await poll(station, (request, socket) => {
      const words = request.code <= 2 ? machines : water;
      socket.write(answerOf(request, (address) => words[address - addressOf(request.code)] ?? 0));
    });
    const addressOf = (code: number): number =>
      planReads(station).find(({ table }) => FUNCTION_OF[table] === code)?.address ?? 0;
    await until('a row', () => rows().length > 0);
    expect(Object.keys(rows()[0]?.values ?? {}).sort()).toEqual(
      station.metrics
        .map(({ key }) => key)
        .filter((key) => key !== 'cod')
        .sort(),
    );
  });
});

describe('a device', () => {
  it('with a limit of registers a request is never asked for more', async () => {
    const profile = profileOf(
      { all: [100, 60] },
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`m${i}`, ['all', i]])),
    );
    const { slave, rows } = await poll(
      profile,
      (request, socket) =>
        void socket.write(request.count > 16 ? exceptionOf(request, 3) : answerOf(request)),
      { registersMax: 16 },
    );
    await until('a row', () => rows().length > 0);
    expect(rows()[0]?.values['m59']).toBe(159);
    expect(spans(slave.requests)).toEqual(['100+16', '116+16', '132+16', '148+12']);
  });

  it('whose limit nobody knows is found out', async () => {
    const profile = profileOf(
      { all: [100, 60] },
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`m${i}`, ['all', i]])),
    );
    const { gateway, rows } = await poll(
      profile,
      (request, socket) =>
        void socket.write(request.count > 16 ? exceptionOf(request, 2) : answerOf(request)),
    );
    await until('a row', () => rows().length > 0);
    expect(Object.keys(rows()[0]?.values ?? {})).toHaveLength(60);
    await until('three polls', () => pollsOf(gateway).ok >= 3);
    await until('a row', () => rows().length > 0);
    expect(faultsOf(gateway)).toEqual([]);
  });

  it.each([5, 6])(
    'that answers exception %i now and then is asked again in the same poll',
    async (exception) => {
      const profile = profileOf(
        { low: [100, 2], high: [300, 2] },
        { a: ['low', 0], b: ['low', 1], c: ['high', 0] },
      );
      let nth = 0;
      const { gateway, rows } = await poll(profile, (request, socket) => {
        socket.write(nth++ % 2 === 0 ? exceptionOf(request, exception) : answerOf(request));
      });
      await until('three polls', () => pollsOf(gateway).ok >= 3);
      await until('a row', () => rows().length > 0);
      await until('a row', () => rows().length > 0);
      expect(rows()[0]?.values).toEqual({ a: 100, b: 101, c: 300 });
      expect(faultsOf(gateway)).toEqual([]);
    },
  );

  it('that is busy for good is told as that, and stays in its rhythm', async () => {
    const profile = profileOf({ low: [100, 2] }, { a: ['low', 0], b: ['low', 1] });
    const { gateway, slave, rows } = await poll(profile, (request, socket) => {
      socket.write(exceptionOf(request, 6));
    });
    await until('the fault', () => gateway.counters().failing['d'] === 'device-busy');
    expect(slave.requests.length).toBeGreaterThanOrEqual(4);
    slave.behaviour = (request, socket) => void socket.write(answerOf(request));
    await until('a row', () => rows().length > 0);
  });

  it('that ends the connection after each answer gives all its blocks', async () => {
    const profile = profileOf(
      { one: [100, 2], two: [300, 2], three: [500, 1], four: [700, 1] },
      { a: ['one', 0], b: ['two', 0], c: ['three', 0], d: ['four', 0] },
    );
    const { gateway, rows } = await poll(profile, (request, socket) => {
      socket.end(answerOf(request));
    });
    await until('five polls', () => pollsOf(gateway).ok >= 5);
    await until('a row', () => rows().length > 0);
    expect(rows()[0]?.values).toEqual({ a: 100, b: 300, c: 500, d: 700 });
    expect(faultsOf(gateway)).toEqual([]);
  });

  it('that needs a pause gets it', async () => {
    const profile = profileOf({ one: [100, 2], two: [300, 2] }, { a: ['one', 0], b: ['two', 0] });
    let last = Number.NEGATIVE_INFINITY;
    const { gateway, rows } = await poll(
      profile,
      (request, socket) => {
        // It does not hear what comes too soon after its answer.
        if (performance.now() - last > 20) socket.write(answerOf(request));
        last = performance.now();
      },
      { pause: '30ms' },
    );
    await until('three polls', () => pollsOf(gateway).ok >= 3);
    await until('a row', () => rows().length > 0);
    expect(rows()[0]?.values).toEqual({ a: 100, b: 300 });
    expect(faultsOf(gateway)).toEqual([]);
  });
});

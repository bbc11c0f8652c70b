/** Many streams over real sockets: all are told everything, slow ones later and of the newest, and others have their turn between. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AreaNode, DeviceEntry } from '@village/registry';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../testing.ts';
import { LiveHub } from './hub.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const COUNTY = 'county';
const NORTH = 'north';
const SOUTH = 'south';

/** A county of two townships as far as the hub looks at it. */
class Places {
  readonly nodes = new Map(
    [COUNTY, NORTH, SOUTH].map((code) => [
      code,
      { area: { code }, counts: { online: 0 }, line: [] as unknown[] },
    ]),
  );
  readonly entries = new Map<string, { device: { id: string }; node: object }>();
  readonly values = new Map<string, number>();

  constructor() {
    for (const [code, node] of this.nodes)
      node.line.push(...new Set([this.nodes.get(COUNTY), this.nodes.get(code)]));
  }

  node = (code: string): AreaNode => this.nodes.get(code) as unknown as AreaNode;

  put(id: string, code: string, value: number): DeviceEntry {
    this.values.set(id, value);
    const entry = { device: { id }, node: this.node(code) };
    this.entries.set(id, entry);
    return entry as unknown as DeviceEntry;
  }

  isIn = (id: string, code: string): boolean => {
    const node = this.entries.get(id)?.node as AreaNode | undefined;
    return node?.line.some(({ area }) => area.code === code) === true;
  };
}

/** What a stream was told: the newest value of each device, which were corrected, and in how many events. */
class Stream {
  readonly #socket: Socket;
  #rest = '';
  readonly values = new Map<string, number>();
  readonly corrected = new Set<string>();
  /** Of alerts, by id, and whether the list was to be asked for. */
  readonly alerts = new Map<string, number>();
  more = false;
  events = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (data: string) => {
      const lines = (this.#rest + data).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data: ')) this.#take(line.slice(6));
    });
  }

  #take(text: string): void {
    const {
      items = [],
      devices = [],
      more,
    } = JSON.parse(text) as {
      items?: { device: string; value: number }[];
      devices?: string[];
      more?: boolean;
    };
    if (more !== undefined) {
      this.more ||= more;
      for (const { device, value } of items) this.alerts.set(device, value);
      return;
    }
    if (items.length > 0) this.events++;
    for (const { device, value } of items) this.values.set(device, value);
    for (const device of devices) this.corrected.add(device);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

async function county(padding = '') {
  const places = new Places();
  const hub = new LiveHub({
    clientsMax: 1_000,
    latest: (id) => {
      const value = places.values.get(id);
      return value === undefined ? null : JSON.stringify({ device: id, value, padding });
    },
    isIn: places.isIn,
    failed: (error) => {
      throw error;
    },
  });
  const server = createServer((request, response) => {
    const [, code = '', device] = (request.url ?? '').split('/');
    const watch = {
      asker: 'somebody',
      node: () => places.node(code),
      device: device ?? null,
      sees: (id: string) => places.isIn(id, code),
      seesAlerts: request.headers['x-alerts'] !== 'no',
      mayWatch: () => Promise.resolve(true),
    };
    hub.add(response, watch, {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(
    () => server.close(),
    () => hub.close(),
  );
  const { port } = server.address() as AddressInfo;
  const watch = async (what: string, headers = ''): Promise<Stream> => {
    const { clients } = hub.counters();
    const socket = connect(port, '127.0.0.1');
    ends.push(() => socket.destroy());
    const stream = new Stream(socket);
    socket.write(`GET /${what} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`);
    await until('the stream', () => hub.counters().clients > clients);
    return stream;
  };
  return { places, hub, watch };
}

const NONE = new Set<DeviceEntry>();

describe('many streams', () => {
  it('are all told of all that changed and is corrected, and others have their turn between', async () => {
    const { places, hub, watch } = await county();
    const streams: Stream[] = [];
    for (let n = 0; n < 100; n++) streams.push(await watch(COUNTY));
    const [north, one] = [await watch(NORTH), await watch(`${COUNTY}/d7`)];
    const entries = Array.from({ length: 1_800 }, (_, n) =>
      places.put(`d${n}`, n % 3 === 0 ? NORTH : SOUTH, n),
    );
    let turns = 0;
    let over = false;
    const others = (async () => {
      for (; !over; turns++) await nextTurn();
    })();
    await hub.tick(new Set(entries), new Set(entries));
    over = true;
    await others;
    // Of 2,000 devices or 20 streams at most is told in one go.
    expect(turns).toBeGreaterThan(8);
    for (let n = 0; n < 3; n++) await hub.tick(NONE, NONE);
    const all = new Map(entries.map(({ device: { id } }, n) => [id, n]));
    const there = new Map([...all].filter(([, n]) => n % 3 === 0));
    for (const stream of streams) await until('all', () => stream.values.size === all.size);
    for (const stream of streams) expect(stream.values).toEqual(all);
    for (const stream of streams) expect(stream.corrected).toEqual(new Set(all.keys()));
    await until('the north', () => north.values.size >= there.size);
    expect(north.values).toEqual(there);
    expect(one.values).toEqual(new Map([['d7', 7]]));
    expect(one.corrected).toEqual(new Set(['d7']));
  }, 60_000);

  it('of which one reads nothing for a while bring it the newest of all when it reads, once', async () => {
    const { places, hub, watch } = await county('x'.repeat(4_000));
    const [quick, slow] = [await watch(COUNTY), await watch(COUNTY)];
    slow.pause();
    const ids = Array.from({ length: 400 }, (_, n) => `d${n}`);
    let round = 0;
    // Until what the system buffers for it is full, and some rounds more.
    for (; round < 15; round++) {
      const entries = new Set(ids.map((id) => places.put(id, NORTH, round)));
      await hub.tick(entries, round === 14 ? entries : NONE);
      await until('the quick one', () => quick.values.get('d399') === round);
    }
    const newest = new Map(ids.map((id) => [id, round - 1]));
    expect(quick.values).toEqual(newest);
    slow.resume();
    await until('the slow one', async () => {
      await hub.tick(NONE, NONE);
      return slow.values.get('d399') === round - 1;
    });
    expect(slow.values).toEqual(newest);
    expect(slow.events).toBeLessThan(quick.events);
    expect(slow.corrected).toEqual(new Set(ids));
    expect(hub.counters()).toEqual({ clients: 2, closedSlow: 0, closedRevoked: 0 });
  }, 60_000);

  const alert = (id: string, device: string | null, code: string, value: number, padding = '') => ({
    ...{ id, device, areas: code === COUNTY ? [COUNTY] : [COUNTY, code] },
    text: JSON.stringify({ device: id, value, padding }),
  });

  it('are told of the alerts that are theirs to see, if they may see any', async () => {
    const { places, hub, watch } = await county();
    places.put('d', NORTH, 0);
    const [all, north, south] = [await watch(COUNTY), await watch(NORTH), await watch(SOUTH)];
    const [one, none] = [await watch(`${NORTH}/d`), await watch(COUNTY, 'x-alerts: no\r\n')];
    const alerts = [
      alert('a', 'd', NORTH, 1),
      alert('b', null, NORTH, 2),
      alert('c', null, COUNTY, 3),
    ];
    await hub.tick(NONE, NONE, { alerts, more: false });
    await until('all', () => all.alerts.size === 3 && north.alerts.size === 2);
    await until('the one', () => one.alerts.size === 1);
    expect(one.alerts).toEqual(new Map([['a', 1]]));
    const many = Array.from({ length: 501 }, (_, n) => alert(`x${n}`, null, SOUTH, n));
    await hub.tick(NONE, NONE, { alerts: many, more: false });
    await until('the south', () => south.more);
    expect(south.alerts.size).toBe(500);
    expect([north.more, one.more]).toEqual([false, false]);
    await hub.tick(NONE, NONE, { alerts: [], more: true });
    await until('the north', () => north.more);
    expect(none.alerts.size + Number(none.more)).toBe(0);
  });

  it('that read nothing for a while are told the newest of each alert', async () => {
    const { hub, watch } = await county();
    const [quick, slow] = [await watch(COUNTY), await watch(COUNTY)];
    slow.pause();
    const ids = Array.from({ length: 400 }, (_, n) => `a${n}`);
    let round = 0;
    for (; round < 15; round++) {
      const alerts = ids.map((id) => alert(id, null, NORTH, round, 'x'.repeat(4_000)));
      await hub.tick(NONE, NONE, { alerts, more: false });
      await until('the quick one', () => quick.alerts.get('a399') === round);
    }
    slow.resume();
    await until('the slow one', async () => {
      await hub.tick(NONE, NONE);
      return slow.alerts.get('a399') === round - 1;
    });
    expect(slow.alerts).toEqual(new Map(ids.map((id) => [id, round - 1])));
    expect([quick.more, slow.more]).toEqual([false, false]);
  }, 60_000);

  it('are not told of a device that moved away before they were', async () => {
    const { places, hub, watch } = await county();
    const [north, south] = [await watch(NORTH), await watch(SOUTH)];
    const many = Array.from({ length: 600 }, (_, n) => places.put(`d${n}`, NORTH, n));
    await hub.tick(new Set(many), NONE);
    places.put('d599', SOUTH, 599);
    await hub.tick(new Set([places.put('s', SOUTH, 1)]), NONE);
    await until('the north', () => north.values.size >= 599);
    await until('the south', () => south.values.size >= 1);
    expect(north.values.has('d599')).toBe(false);
    expect([...south.values.keys()]).toEqual(['s']);
  });
});

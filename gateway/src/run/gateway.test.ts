import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { formatTime, simulatedTimer, systemClock } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import mqtt, { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { modbusAddress } from '../drivers/modbus/address.ts';
import { type Gateway, silentLog, startGateway } from '../index.ts';
import { Outbox } from '../outbox/outbox.ts';
import {
  answerOf,
  FakeCounty,
  FakeSlave,
  freePort,
  pollsOf,
  temporaryFolder,
  testConfig,
  testDeps,
  until,
} from '../testing.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  return path;
}
async function county(port = 0): Promise<FakeCounty> {
  const started = await FakeCounty.start(port);
  cleanups.push(() => started.stop());
  return started;
}
async function slave(): Promise<FakeSlave> {
  const started = await FakeSlave.start();
  cleanups.push(() => started.stop());
  return started;
}
async function gateway(...args: Parameters<typeof startGateway>): Promise<Gateway> {
  const started = await startGateway(...args);
  cleanups.push(() => started.stop());
  return started;
}

const polled = (id: string, port: number, every = 100) => ({
  id,
  profile: 'test/two-blocks',
  connection: modbusAddress.parse({ host: '127.0.0.1', port }),
  every,
  options: {},
});

describe('from the wire to the county', () => {
  it('polls, decodes, numbers and sends', async () => {
    const there = await county();
    const device = await slave();
    await gateway(
      testConfig(folder(), there.url, { devices: [polled('w-1', device.port)] }),
      testDeps(),
    );
    await until('a batch', () => there.batches.length > 0);
    const [batch] = there.batches;
    expect(batch).toMatchObject({
      seq: 1,
      lane: 'live',
      epoch: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(batch?.readings[0]).toMatchObject({
      device: 'w-1',
      values: { ph: 0.1, temp: 1.1, total: 300 },
    });
  });
});

describe('what may be evidence', () => {
  it('goes along as the registers came, and what the registers say by hand is what was decoded', async () => {
    const there = await county();
    const device = await slave();
    await gateway(
      testConfig(folder(), there.url, { devices: [polled('w-1', device.port)] }),
      testDeps(),
    );
    await until('a batch', () => there.batches.length > 0);
    const [reading] = there.batches[0]!.readings;
    // A slave's register holds its own address: 10, 11 and 300.
    expect(Buffer.from(reading!.frame!, 'base64').toString('hex')).toBe('000a000b012c');
    expect(reading!.framing).toBe('low:2 high:1');
    expect(reading!.values).toEqual({ ph: 0x0a * 0.01, temp: 1.1, total: 0x012c });
  });

  it('is left out where a batch could not hold it, and counted; the readings go', async () => {
    const outbox = new Outbox(
      folder(),
      { now: systemClock, log: silentLog },
      { batchBytesMax: 500 },
    );
    cleanups.push(() => outbox.close());
    const reading = { device: 'd', at: '2026-01-01T00:00:00Z', values: { ph: 7 } };
    expect(outbox.put({ ...reading, frame: 'A'.repeat(600), framing: 'all:2' }, [])).toBe(true);
    expect(outbox.put({ ...reading, frame: 'AAAA' }, [])).toBe(true);
    expect(outbox.counters().framesDropped).toBe(1);
    expect(outbox.counters().dropped).toEqual({});
    await until('the commit', () => outbox.counters().waiting.live > 0);
    const batch = JSON.parse(`{${outbox.take('live')?.body}`) as { readings: object[] };
    expect(batch.readings).toEqual([reading, { ...reading, frame: 'AAAA' }]);
  });
});

describe('the outbox and the configuration', () => {
  it('a second gateway on the same folder is refused, until the first has stopped', async () => {
    const data = folder();
    const first = await startGateway(testConfig(data, 'mqtt://127.0.0.1:1'), testDeps());
    const second = startGateway(testConfig(data, 'mqtt://127.0.0.1:1'), testDeps());
    await expect(second).rejects.toMatchObject({ code: 'outbox-in-use' });
    await first.stop();
    await gateway(testConfig(data, 'mqtt://127.0.0.1:1'), testDeps());
  });

  it('what a device has said is delivered after it was removed, by the same outbox', async () => {
    const data = folder();
    const device = await slave();
    const nowhere = 'mqtt://127.0.0.1:1';
    const before = await startGateway(
      testConfig(data, nowhere, { devices: [polled('old', device.port)] }),
      testDeps(),
    );
    await until('a commit', () => before.counters().outbox.seq > 0);
    await before.stop();
    const { epoch, seq } = before.counters().outbox;
    const there = await county();
    const after = await gateway(
      testConfig(data, there.url, {
        devices: [polled('new', device.port)],
        outbox: { megabytes: 1, backfillRowsPerSecond: 100 },
      }),
      testDeps(),
    );
    await until('both', () => there.batches.length > seq);
    expect(after.counters().outbox.epoch).toBe(epoch);
    const from = (id: string): number[] =>
      there.batches
        .filter((batch) => batch.readings.some((reading) => reading.device === id))
        .map((batch) => batch.seq);
    expect(from('old')).toEqual(Array.from({ length: seq }, (_, i) => i + 1));
    expect(from('new')[0]).toBe(seq + 1);
  });
});

describe('a box whose clock is not set', () => {
  it('keeps the time of devices that know it', async () => {
    const there = await county();
    const start = Date.UTC(1970, 0, 1);
    const box = await gateway(
      testConfig(folder(), there.url, {
        mqtt: { port: 0, host: '127.0.0.1' },
        devices: [{ id: 'bin-7', profile: 'test/bin', address: 'b7', secret: 's', options: {} }],
      }),
      testDeps({ timer: simulatedTimer(start, 1, systemClock()) }),
    );
    const client = await connectAsync(`mqtt://127.0.0.1:${box.ports['mqtt']}`, {
      clientId: 'b7',
      username: 'b7',
      password: 's',
      reconnectPeriod: 0,
    });
    cleanups.push(() => client.endAsync(true));
    await client.publishAsync('bin/b7/up', '{"ts":1767225600,"fill":52}', { qos: 1 });
    await until('the reading', () => there.batches.length > 0);
    expect(there.batches[0]?.readings[0]?.at).toBe('2026-01-01T00:00:00Z');
    expect(box.counters().intake.clocksReplaced).toBe(0);
  });
});

describe('stopping', () => {
  it('ends though the county takes the connection and never says a word', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      mute.close();
    });
    const device = await slave();
    const data = folder();
    const { port } = mute.address() as AddressInfo;
    const box = await startGateway(
      testConfig(data, `mqtt://127.0.0.1:${port}`, { devices: [polled('w-1', device.port)] }),
      testDeps({ outbox: { lingerMs: 60_000 } }),
    );
    await until('a connection and a poll', () => sockets.length > 0 && pollsOf(box).ok > 0);
    expect(box.counters().outbox).toMatchObject({ seq: 0 });
    await box.stop();
    // What was taken in is on the disk, though nothing else would have put it there for a minute.
    const again = await gateway(testConfig(data, 'mqtt://127.0.0.1:1'), testDeps());
    expect(again.counters().outbox.waiting).toEqual({ live: 1, backfill: 0 });
  });
});

describe('a full disk', () => {
  it('acknowledges no device, drops and counts polls, and takes all in again once there is room', async () => {
    const device = await slave();
    // Always something new, so that the deadband holds no poll back.
    let acidity = 0;
    device.behaviour = (request, socket) => {
      acidity = (acidity + 10) % 1_000;
      socket.write(answerOf(request, (address) => (address === 10 ? acidity : address)));
    };
    const port = await freePort();
    const box = await gateway(
      testConfig(folder(), `mqtt://127.0.0.1:${port}`, {
        mqtt: { port: 0, host: '127.0.0.1' },
        devices: [
          { id: 'bin-7', profile: 'test/bin', address: 'b7', secret: 's', options: {} },
          polled('w-1', device.port, 1_000),
        ],
      }),
      // Fifty times as fast, so that backing off costs little. Twelve pages: the empty tables take eleven.
      testDeps({
        timer: simulatedTimer(systemClock(), 50, systemClock()),
        outbox: { fileBytesMax: 96_000, pendingRowsMax: 10 },
      }),
    );
    const refused = (): number => box.counters().outbox.dropped['outbox-refuses'] ?? 0;
    await until('polls to be dropped', () => refused() > 0);
    const { seq } = box.counters().outbox;
    const client = await connectAsync(`mqtt://127.0.0.1:${box.ports['mqtt']}`, {
      clientId: 'b7',
      username: 'b7',
      password: 's',
      reconnectPeriod: 50,
    });
    cleanups.push(() => client.endAsync(true));
    let acknowledged = 0;
    const times = Array.from({ length: 10 }, (_, i) => 1_767_225_600 + 60 * i);
    const published = times.map(async (ts) => {
      await client.publishAsync('bin/b7/up', JSON.stringify({ ts, fill: (ts / 60) % 100 }), {
        qos: 1,
      });
      acknowledged++;
    });
    const before = refused();
    await until('more polls to be dropped', () => refused() > before + 20);
    expect(acknowledged).toBe(0);
    expect(box.counters().outbox).toMatchObject({ seq, fault: 'outbox-refuses' });
    const there = await county(port);
    await Promise.all(published);
    const arrived = (): string[] => [
      ...new Set(
        there.batches
          .flatMap((batch) => batch.readings)
          .filter((reading) => reading.device === 'bin-7')
          .map((reading) => reading.at),
      ),
    ];
    await until('all of it', () => arrived().length === times.length);
    expect(arrived().sort()).toEqual(times.map((ts) => formatTime(ts * 1000)));
    await until('the county to know', () =>
      there.statuses.some((status) => (status.dropped?.['outbox-refuses'] ?? 0) > 0),
    );
  });
});

describe('local MQTT devices', () => {
  it('sign in with their own secret and name, publish to their own topic alone, and subscribe to nothing', async () => {
    const bin = (id: string, secret: string) => ({
      id,
      profile: 'test/bin',
      address: `${id}-address`,
      secret,
      options: {},
    });
    const box = await gateway(
      testConfig(folder(), 'mqtt://127.0.0.1:1', {
        mqtt: { port: 0, host: '127.0.0.1' },
        devices: [bin('one', 'secret-1'), bin('two', 'secret-2')],
      }),
      testDeps(),
    );
    const url = `mqtt://127.0.0.1:${box.ports['mqtt']}`;
    const sign = (clientId: string, username: string, password: string) =>
      connectAsync(url, { clientId, username, password, reconnectPeriod: 0 });
    await expect(sign('one', 'one', 'secret-2')).rejects.toThrow(/refused|authori[sz]ed/i);
    await expect(sign('none', 'none', '')).rejects.toThrow(/refused|authori[sz]ed/i);
    const client = await sign('mqttjs_0123', 'one', 'secret-1');
    cleanups.push(() => client.endAsync(true));
    const text = '{"ts":1767225600,"fill":52}';
    await client.publishAsync('bin/one-address/up', text, { qos: 1 });
    await expect(client.subscribeAsync('bin/#')).rejects.toThrow();
    // Acknowledged, so that the client gets on to what is behind it, and not taken.
    for (const topic of ['bin/two-address/up', 'bin/one-address/elsewhere'])
      await client.publishAsync(topic, text, { qos: 1 });
    expect(box.counters().intake).toMatchObject({ frames: 1, readings: 1 });
    await client.publishAsync('bin/one-address/up', '{"ts":1767225660,"fill":53}', { qos: 2 });
    expect(box.counters().intake).toMatchObject({ frames: 2, readings: 2 });
  });

  it('a camera with topics of nine levels and more, notices, a large will and a picture: its events come, on one connection', async () => {
    const there = await county();
    const box = await gateway(
      testConfig(folder(), there.url, {
        mqtt: { port: 0, host: '127.0.0.1' },
        devices: [
          {
            ...{ id: 'cam-1', profile: 'onvif/camera', address: 'site/village/PCD-01' },
            ...{ secret: 's', options: {} },
          },
        ],
      }),
      testDeps({ catalog: loadCatalog([builtinCatalog]).profiles }),
    );
    let connections = 0;
    const client = mqtt.connect(`mqtt://127.0.0.1:${box.ports['mqtt']}`, {
      ...{
        clientId: 'PCD-01',
        username: 'cam-1',
        password: 's',
        clean: false,
        manualConnect: true,
      },
      will: { topic: 'site/LWT', payload: Buffer.alloc(20_000), qos: 1, retain: true },
    });
    cleanups.push(() => client.endAsync(true));
    client.on('connect', () => connections++);
    const events = 'site/village/PCD-01/onvif-ej/RuleEngine';
    const crossed = (second: number): string =>
      JSON.stringify({ UtcTime: `2026-01-01T00:00:0${second}Z`, Data: { ObjectId: second } });
    const said: [string, string | Buffer, 0 | 1 | 2][] = [
      [`${events}/LineDetector/Crossed/&1/L1`, crossed(1), 1],
      ['site/village/PCD-01/onvif-mj/x', '{}', 2],
      ['$SYS/notice', '1', 1],
      [`${events}/LineDetector/Crossed/&1/L1/${'deep/'.repeat(40)}`, crossed(8), 2],
      ['site/village/PCD-01/snapshot', Buffer.alloc(3_000_000), 1],
      ['site/village/PCD-01/onvif-ej', '', 0],
      [`${events}/LineDetector/Crossed/&1/V1/A1/L1`, crossed(2), 2],
    ];
    const sent = said.map(([topic, payload, qos]) => client.publishAsync(topic, payload, { qos }));
    client.connect();
    await Promise.all(sent);
    const arrived = (): string[] =>
      there.batches.flatMap(({ events = [] }) => events).map(({ at }) => at);
    await until('its events', () => arrived().length === 2);
    expect(arrived().sort()).toEqual(['2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z']);
    expect(connections).toBe(1);
    expect(box.counters().intake).toMatchObject({ frames: 2, undecodable: {} });
    expect(box.counters().drivers['mqtt']).toMatchObject({
      refused: { 'acl-will': 1, 'topic-levels': 1, 'packet-too-large': 1 },
    });
  });

  it('that are not understood are told once for each fault, and when they are understood again', async () => {
    const lines: string[] = [];
    const say = (fields: object, message: string) =>
      void lines.push(`${message} ${JSON.stringify(fields)}`);
    const box = await gateway(
      testConfig(folder(), 'mqtt://127.0.0.1:1', {
        mqtt: { port: 0, host: '127.0.0.1' },
        devices: [{ id: 'bin-7', profile: 'test/bin', address: 'b7', secret: 's', options: {} }],
      }),
      testDeps({ log: { info: say, warn: say, error: say } }),
    );
    const client = await connectAsync(`mqtt://127.0.0.1:${box.ports['mqtt']}`, {
      clientId: 'b7',
      username: 'b7',
      password: 's',
      reconnectPeriod: 0,
    });
    cleanups.push(() => client.endAsync(true));
    for (const text of ['BOOT', 'BOOT', '{"ts":1767225600,"fill":52}', 'BOOT'])
      await client.publishAsync('bin/b7/up', text, { qos: 1 });
    const told = lines.filter((line) => line.includes('understood'));
    expect(told).toHaveLength(3);
    expect(told[0]).toContain('payload-not-json');
    expect(told[1]).toContain('again');
    expect(box.counters().intake.undecodable).toEqual({ 'payload-not-json': 3 });
  });

  it('are acknowledged after the commit, and their own sane time is kept', async () => {
    const there = await county();
    const box = await gateway(
      testConfig(folder(), there.url, {
        mqtt: { port: 0, host: '127.0.0.1' },
        devices: [{ id: 'bin-7', profile: 'test/bin', address: 'b7', secret: 's', options: {} }],
      }),
      testDeps(),
    );
    const url = `mqtt://127.0.0.1:${box.ports['mqtt']}`;
    const client = await connectAsync(url, {
      clientId: 'b7',
      username: 'b7',
      password: 's',
      reconnectPeriod: 0,
    });
    cleanups.push(() => client.endAsync(true));
    await client.publishAsync('bin/b7/up', '{"ts":1767225600,"fill":52}', { qos: 1 });
    expect(box.counters().outbox).toMatchObject({ seq: 1, pendingRows: 0 });
    await client.publishAsync('bin/b7/up', 'BOOT', { qos: 1 });
    expect(box.counters().intake).toMatchObject({
      undecodable: { 'payload-not-json': 1 },
      badFrames: [{ device: 'bin-7', bytes: Buffer.from('BOOT').toString('hex') }],
    });
    await until('the reading', () => there.batches.length > 0);
    expect(there.batches[0]?.readings).toEqual([
      { device: 'bin-7', at: '2026-01-01T00:00:00Z', values: { fill: 52 } },
    ]);
  });
});

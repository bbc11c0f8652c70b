import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './index.ts';
import { FakeCounty, FakeSlave, temporaryFolder, testConfig, testDeps, until } from './testing.ts';

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
  connection: { host: '127.0.0.1', port, unit: 1, timeout: 1_000, pause: 0, inFlight: 1 },
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

describe('local MQTT devices', () => {
  it('are acknowledged after the commit, and their own sane time is kept', async () => {
    const there = await county();
    const box = await gateway(
      testConfig(folder(), there.url, {
        mqtt: { port: 0, host: '127.0.0.1' },
        devices: [{ id: 'bin-7', profile: 'test/bin', address: 'b7', secret: 's', options: {} }],
      }),
      testDeps(),
    );
    const url = `mqtt://127.0.0.1:${box.mqttPort}`;
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

/** Slaves of another maker (pymodbus) are read in both framings, and one that speaks the other framing is told as that. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBroker } from '@village/broker';
import { seededRandom, systemTimer, type WireBatch } from '@village/core';
import { loadCatalog } from '@village/device-profiles';
import { readConfig, silentLog, startGateway } from '@village/gateway';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort, until } from '../lib/processes.ts';

/** Debian keeps its Python modules for its own Python; another one in PATH does not see them. */
const PYTHON = '/usr/bin/python3';
const SLAVE = fileURLToPath(new URL('./pymodbus-slave.py', import.meta.url));
const hasPymodbus = spawnSync(PYTHON, ['-c', 'import pymodbus'], { stdio: 'ignore' }).status === 0;

const yaml = `profile: test/places
revision: 1
name: { zh: 地址表, en: Registers that hold their addresses }
kind: water-quality
protocol: modbus
modbus:
  every: 200ms
  blocks:
    low: { table: holding, address: 10, count: 2 }
    high: { table: input, address: 300, count: 300 }
metrics:
  - { key: ph, quantity: water.ph, from: { block: low, at: 1, type: uint16 }, scale: 0.1, range: [0, 14] }
  - { key: total, quantity: water.volume-total, from: { block: high, at: 299, type: uint16 }, range: [0, 1.0e+6] }
examples:
  - name: register values are their addresses
    frame: { low: "000A 000B", high: "${'0000 '.repeat(299)}0257" }
    readings: { ph: 1.1, total: 599 }
  - name: a cut answer
    frame: { low: "000A", high: "0000" }
    error: frame-too-short
`;

const folder = mkdtempSync(join(tmpdir(), 'village-pymodbus-'));
const slaves: ChildProcess[] = [];
afterAll(async () => {
  for (const slave of slaves) {
    const ended = once(slave, 'exit');
    if (slave.kill('SIGKILL')) await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** A slave that takes connections; its port. */
async function slave(framing: 'tcp' | 'rtu'): Promise<number> {
  const port = await freePort();
  slaves.push(spawn(PYTHON, [SLAVE, String(port), framing], { stdio: 'ignore' }));
  await until('the slave', () => takesConnections(port));
  return port;
}

describe.skipIf(!hasPymodbus)('slaves by pymodbus', () => {
  it('are read in their framing; in the other one their silence has its cause told', async () => {
    mkdirSync(join(folder, 'catalog', 'test'), { recursive: true });
    writeFileSync(join(folder, 'catalog', 'test', 'places.yaml'), yaml);
    const { profiles, faults } = loadCatalog([join(folder, 'catalog')]);
    expect(faults).toEqual([]);
    const batches: WireBatch[] = [];
    const broker = createBroker<string>({
      authenticate: ({ username }) => username,
      mayPublish: () => true,
      maySubscribe: () => true,
      publish: ({ topic, payload }, done) => {
        if (topic.endsWith('/readings')) batches.push(JSON.parse(payload.toString()) as WireBatch);
        done();
      },
    });
    const { port } = await broker.listen(0, '127.0.0.1');
    const device = async (
      id: string,
      speaks: 'tcp' | 'rtu',
      framing: 'tcp' | 'rtu',
    ): Promise<string> =>
      `  - { id: ${id}, profile: test/places, connection: { host: 127.0.0.1, port: ${await slave(speaks)}, framing: ${framing}, timeout: ${speaks === framing ? 10 : 0.3}s } }`;
    const devices = await Promise.all([
      device('tcp', 'tcp', 'tcp'),
      device('rtu', 'rtu', 'rtu'),
      device('speaks-rtu', 'rtu', 'tcp'),
      device('speaks-tcp', 'tcp', 'rtu'),
    ]);
    const text = [
      'gateway: gw-01',
      `uplink: { url: "mqtt://127.0.0.1:${port}", secret: "a secret of some length" }`,
      `data: ${join(folder, 'data')}`,
      'devices:',
      ...devices,
    ].join('\n');
    const { config, faults: wrong } = readConfig(text, {}, folder);
    if (config === null) throw new Error(JSON.stringify(wrong));
    const gateway = await startGateway(config, {
      timer: systemTimer,
      random: seededRandom(1),
      log: silentLog,
      catalog: profiles,
    });
    try {
      const rows = () => batches.flatMap(({ readings }) => readings);
      await until('both readings', () => new Set(rows().map((row) => row.device)).size === 2);
      for (const id of ['tcp', 'rtu'])
        expect(rows().find((row) => row.device === id)?.values, id).toEqual({
          ph: 1.1,
          total: 599,
        });
      await until('the cause', () => {
        const { failing } = gateway.counters();
        return (
          failing['speaks-rtu'] === 'framing-other' && failing['speaks-tcp'] === 'framing-other'
        );
      });
      expect(Object.keys(gateway.counters().failing).sort()).toEqual(['speaks-rtu', 'speaks-tcp']);
    } finally {
      await gateway.stop();
      await broker.close(1_000);
    }
  });
});

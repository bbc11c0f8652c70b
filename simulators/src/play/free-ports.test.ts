import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationalError } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { CountyPlan } from '../county/county-plan.ts';
import { planCounty } from '../county/plan.ts';
import { readPlan, writePlan } from '../county/plan-files.ts';
import { serveSlaves } from '../wires/modbus/slave.ts';
import { playOnFreePorts, portsOf } from './free-ports.ts';

const { profiles } = loadCatalog([builtinCatalog]);
let folder: string;
let taken: Server;
let first = 0;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ports-'));
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  first = (taken.address() as AddressInfo).port;
});
afterEach(async () => {
  await new Promise((resolve) => taken.close(resolve));
  rmSync(folder, { recursive: true });
});

/** Opens the plan's Modbus ports with nothing behind them. */
const open = async (plan: CountyPlan) => {
  const { first: from = 0, count = 0 } = portsOf(plan) ?? {};
  return serveSlaves(Array.from({ length: count }, (_, n) => ({ port: from + n, units: [] })));
};

it('moves to free ports when one is taken, and tells gateway and player', async () => {
  const plan = planCounty({ seed: 1, devices: 20, profiles, sites: { modbus: { port: first } } });
  writePlan(plan, folder);
  const { played, moved, first: now } = await playOnFreePorts(plan, folder, open);
  try {
    expect(moved).toBe(true);
    expect(now).not.toBe(first);
    const gateway = parse(readFileSync(join(folder, 'gateway.yaml'), 'utf8')) as {
      devices: { connection: { port: number; unit: number } }[];
    };
    const polled = gateway.devices.map(({ connection }) => connection.port);
    expect(polled.length).toBeGreaterThan(5);
    expect(polled.every((port) => played.ports.includes(port))).toBe(true);
    const again = readPlan(folder, profiles);
    expect(portsOf(again)?.first).toBe(now);
    // Whoever is beside us has ports of its own.
    const other = await playOnFreePorts(again, folder, open);
    expect(other.moved).toBe(true);
    expect(other.first).not.toBe(now);
    await other.played.close();
    const socket = connect(now ?? 0, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  } finally {
    await played.close();
  }
});

it('stays where it is when the ports are free, and passes on what is no matter of ports', async () => {
  await new Promise((resolve) => taken.close(resolve));
  const plan = planCounty({ seed: 1, devices: 20, profiles, sites: { modbus: { port: first } } });
  writePlan(plan, folder);
  const before = readFileSync(join(folder, 'gateway.yaml'), 'utf8');
  const { played, moved } = await playOnFreePorts(plan, folder, open);
  await played.close();
  expect([moved, readFileSync(join(folder, 'gateway.yaml'), 'utf8')]).toEqual([false, before]);
  const broken = playOnFreePorts(plan, folder, () => {
    throw new OperationalError('no-secret', 'no secret');
  });
  await expect(broken).rejects.toMatchObject({ code: 'no-secret' });
});

it('says so when there is no free row of ports', async () => {
  const plan = planCounty({ seed: 1, devices: 20, profiles, sites: { modbus: { port: first } } });
  writePlan(plan, folder);
  const nothing = playOnFreePorts(plan, folder, () => {
    throw new OperationalError('port-taken', 'taken');
  });
  await expect(nothing).rejects.toThrow(/no \d+ free ports/);
});

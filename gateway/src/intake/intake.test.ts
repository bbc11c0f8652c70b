import { DAY } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { MQTT, type MqttFrame } from '@village/device-profiles/mqtt';
import { afterEach, expect, it } from 'vitest';
import type { BoundDevice } from '../config/types.ts';
import { silentLog } from '../index.ts';
import { Outbox } from '../outbox/outbox.ts';
import { temporaryFolder } from '../testing.ts';
import { Intake } from './intake.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

it('what a device that never stops talking says goes along up to its budget of the day; its readings and others go on', async () => {
  const start = Date.UTC(2026, 2, 10);
  let now = start;
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  const outbox = new Outbox(path, { now: () => now, log: silentLog });
  cleanups.push(() => outbox.close());
  const intake = new Intake(outbox, { now: () => now, log: silentLog });
  const profile = loadCatalog([builtinCatalog]).profiles.get('village/air-weather')!;
  const device = (id: string): BoundDevice => ({
    id,
    address: id,
    profile,
    options: {},
    connection: {},
    everyMs: 1_000,
    clock: 'keep',
    secret: undefined,
  });
  const [noisy, quiet] = [device('noisy'), device('quiet')];
  const note = 'x'.repeat(50_000);
  const say = (who: BoundDevice, pm25: number, more: object): Promise<void> =>
    new Promise((resolve, reject) => {
      const frame: MqttFrame = {
        protocol: MQTT,
        topic: `village/v1/devices/${who.id}/readings`,
        payload: Buffer.from(JSON.stringify({ values: { pm25, pm10: 7 }, ...more })),
      };
      intake.accept(who, frame, (fault) => (fault === undefined ? resolve() : reject(fault)));
    });
  // 67 KB of base64 each: 32 MiB are 502 of them.
  const said = Array.from({ length: 520 }, (_, n) => () => say(noisy, 10 + (n % 2) * 50, { note }));
  for (const one of said) {
    now += 1_000;
    await one();
  }
  await say(quiet, 35, {});
  const { framesOverBudget, readings } = intake.counters();
  expect(framesOverBudget).toBeGreaterThan(10);
  expect(framesOverBudget).toBeLessThan(30);
  expect(readings).toBeGreaterThanOrEqual(521);
  now = start + DAY;
  await say(noisy, 99, { note });
  expect(intake.counters().framesOverBudget).toBe(framesOverBudget);
}, 60_000);

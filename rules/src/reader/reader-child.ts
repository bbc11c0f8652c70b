/** The process that the kill test of the reader kills: readings come that begin and end alerts, devices fall silent, and their gateway goes and comes. */
import { HOUR, MINUTE, SECOND, seededRandom, systemTimer } from '@village/core';
import type { Target } from '@village/store/relational/testing';
import { tell } from '@village/store/time-series/testing';
import { Rig, START } from './testing.ts';

const [folder = '', target = '', begun = '', seed = ''] = process.argv.slice(2);
const random = seededRandom(seed);
/** Twenty minutes a second, so that what takes minutes happens between two kills; and a snapshot each second or so. */
const SPEED = 1_200;
const HASTE = 60;
const DEVICES = 8;
const timer = {
  ...systemTimer,
  now: () => START + (systemTimer.now() - Number(begun)) * SPEED,
  elapsed: () => systemTimer.elapsed() * HASTE,
};

const rig = new Rig(folder, JSON.parse(target) as Target, {
  ...{ timer, devices: DEVICES, tickMs: seed === 'first' ? Number.POSITIVE_INFINITY : 50 },
});
await rig.start();
if (seed === 'first') {
  await rig.put(timer.now(), [{ device: 'p0', ph: 7 }]);
  await rig.caughtUp();
  await rig.stop();
  process.exit(0);
}
tell('open');

/** Values stay for a while, so that what has to last lasts sometimes. */
const values = Array.from({ length: DEVICES }, () => 7);
const silentUntil = Array.from({ length: DEVICES }, () => 0);

async function burst(): Promise<void> {
  const now = timer.now();
  const readings = [];
  for (let d = 0; d < DEVICES; d++) {
    if (random() < 0.01) silentUntil[d] = now + 2 * HOUR;
    if (random() < 0.08) values[d] = [4, 7, 7, 8.9, 9.5, 11.5][Math.floor(random() * 6)] as number;
    if (now < (silentUntil[d] as number) || random() < 0.4) continue;
    const age = random() < 0.03 ? 20 * MINUTE : Math.floor(random() * 20) * SECOND;
    readings.push({ device: `p${d}`, ph: values[d] as number, at: now - age });
  }
  const detail = { online: random() < 0.6 };
  const system =
    random() < 0.01 ? [{ type: 'gateway-status' as const, at: now, subject: 'gw', detail }] : [];
  await rig.put(now, readings, system);
}

for (;;) {
  await burst();
  await systemTimer.sleep(4);
  // A parent that died can't kill it any more.
  if (process.ppid === 1) process.exit(1);
}

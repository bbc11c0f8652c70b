/** `plan` and `play`, and the commands of the wires that play one device. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { SECOND, timerFromText } from '@village/core';
import type { CountyPlan } from '../county/county-plan.ts';
import { DEVICES_MAX, demoSecret, planCounty } from '../county/plan.ts';
import { readPlan, writePlan } from '../county/plan-files.ts';
import { planDevice } from '../county/single.ts';
import { playOnFreePorts } from '../play/free-ports.ts';
import { type Play, playCounty } from '../play/play.ts';
import { loadScenario, MILD_SCENARIO, type ScenarioStep } from '../play/scenario.ts';
import { builtinWires } from '../wires/index.ts';
import type { WireCommand } from '../wires/wire.ts';
import { duration, type Flags, mqttUrl, profilesOf, text, whole } from './flags.ts';
import { sleepOrStop, stop } from './stop.ts';

export function plan(flags: Flags): void {
  const folder = resolve(text(flags, 'out'));
  const seed = whole(flags, 'seed', 0, 2 ** 31, 1);
  const demo = flags['demo-secrets'] === true;
  const county = planCounty({
    seed,
    devices: whole(flags, 'devices', 0, DEVICES_MAX, 300),
    profiles: profilesOf(flags),
    mqttUrl: mqttUrl(flags),
    sites: Object.fromEntries(
      builtinWires.flatMap(({ protocol, site }) =>
        site === undefined ? [] : [[protocol, site.fromFlags(flags)]],
      ),
    ),
    gateway: text(flags, 'gateway', 'gw-01'),
    relayPort: flags['relay-port'] === undefined ? null : whole(flags, 'relay-port', 1, 65_535),
    secretOf: (id) => (demo ? demoSecret(seed, id) : randomBytes(24).toString('base64url')),
  });
  writePlan(county, folder);
  console.log(`${county.devices.length} devices in ${county.areas.length} areas: ${folder}`);
}

const PLAY_REPORT_MS = 30 * SECOND;
/** How often and of how many messages at most it is told through the channel how long their acknowledgement took. */
const ACKNOWLEDGED_EVERY_MS = SECOND;
const ACKNOWLEDGED_MAX = 1_000;
const CHANNEL_GONE: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ERR_IPC_CHANNEL_CLOSED']);

/** Plays until --for is over or a signal to stop, and prints the counts as one JSON line. */
async function keepPlaying(
  county: CountyPlan,
  scenario: readonly ScenarioStep[],
  forMs: number | undefined,
  moveIn?: string,
): Promise<void> {
  const timer = timerFromText(process.env['VILLAGE_CLOCK']);
  let acknowledgedMs: number[] = [];
  const begin = (plan: CountyPlan): Promise<Play> =>
    playCounty(plan, {
      timer,
      scenario,
      signal: stop.signal,
      acknowledged: (ms) => {
        if (process.connected && acknowledgedMs.length < ACKNOWLEDGED_MAX) acknowledgedMs.push(ms);
      },
    });
  const { played: play, ...ports } =
    moveIn === undefined
      ? { played: await begin(county), first: null, moved: false }
      : await playOnFreePorts(county, moveIn, begin);
  if (ports.moved) console.log(`ports of the plan are taken; devices are at ${ports.first} and up`);
  console.log(`playing ${county.devices.length} devices`);
  // Whoever started us with a channel waits for this before anything polls our ports. It may give
  // the channel up at any time, which ends us by `disconnect` (stop.ts), not by a fault.
  process.send?.({ playing: true, moved: ports.moved }, undefined, undefined, (fault) => {
    if (fault !== null && !CHANNEL_GONE.has((fault as NodeJS.ErrnoException).code)) throw fault;
  });
  const telling = setInterval(() => {
    if (acknowledgedMs.length === 0 || !process.connected) return;
    process.send?.({ acknowledgedMs }, undefined, undefined, () => undefined);
    acknowledgedMs = [];
  }, ACKNOWLEDGED_EVERY_MS);
  const endsAt = timer.elapsed() + (forMs ?? Number.POSITIVE_INFINITY);
  let reported = '[]';
  while (!stop.signal.aborted && timer.elapsed() < endsAt) {
    await sleepOrStop(timer, Math.min(PLAY_REPORT_MS, endsAt - timer.elapsed()));
    const faults = JSON.stringify(play.faults());
    if (faults !== reported && !stop.signal.aborted) console.error(`not connected: ${faults}`);
    reported = faults;
  }
  clearInterval(telling);
  await play.close();
  console.log(JSON.stringify({ name: 'play', ...play.counters() }));
}

export async function play(flags: Flags): Promise<void> {
  const planned = readPlan(resolve(text(flags, 'plan')), profilesOf(flags));
  const county = { ...planned, mqttUrl: text(flags, 'mqtt', planned.mqttUrl) };
  const named = text(flags, 'scenario', '');
  const scenario =
    named === 'none' ? [] : loadScenario(named === '' ? MILD_SCENARIO : resolve(named));
  const forMs = duration(flags, 'for');
  if (flags['check'] === true) {
    console.log(`ok: ${county.devices.length} devices, ${scenario.length} steps`);
    return;
  }
  await keepPlaying(
    county,
    scenario,
    forMs,
    flags['move-ports'] === true ? resolve(text(flags, 'plan')) : undefined,
  );
}

/** Plays the one device that the flags describe. */
export async function playSingle(command: WireCommand, flags: Flags): Promise<void> {
  const plan = planDevice(command.single(flags), profilesOf(flags));
  await keepPlaying(plan, [], duration(flags, 'for'));
}

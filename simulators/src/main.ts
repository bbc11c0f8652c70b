/** `npm run simulate -- <command>`: plans and plays a county, plays one device, replays measured files. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  DEVICE_COLUMNS,
  OperationalError,
  parseDuration,
  SECOND,
  systemTimer,
  type Timer,
  timerFromText,
} from '@village/core';
import { builtinCatalog, type DeviceProfile, loadCatalog } from '@village/device-profiles';
import { SingleBar } from 'cli-progress';
import { parse as parseCsv } from 'csv-parse/sync';
import { type CountyPlan, DEVICES_MAX, demoSecret, planCounty } from './county/plan.ts';
import { csvLine, readPlan, writePlan } from './county/plan-files.ts';
import { planDevice } from './county/single.ts';
import { playOnFreePorts } from './play/free-ports.ts';
import { type Play, playCounty } from './play/play.ts';
import { loadScenario, MILD_SCENARIO, type ScenarioStep } from './play/scenario.ts';
import { type Mapping, parseMapping } from './replay/mapping.ts';
import { registerDevices } from './replay/registration.ts';
import { replayDevices, replayFiles } from './replay/replay.ts';

const HELP = `usage: npm run simulate -- <command>

  plan --out DIR [--devices 300] [--seed 1] [--mqtt mqtt://127.0.0.1:1883] [--modbus-port 15020]
       [--gateway gw-01] [--relay-port PORT] [--demo-secrets]
      writes areas.csv, devices.csv, gateway.yaml and county.yaml
  play --plan DIR [--scenario FILE|none] [--mqtt URL] [--for 10m] [--move-ports] [--check]
      plays every device of the plan on its real wire; without a scenario named, a mild one. With --move-ports, when
      Modbus ports of the plan are taken, on free ones, which it writes into county.yaml and gateway*.yaml
  slave --profile VENDOR/MODEL --port PORT [--unit 1] [--host 127.0.0.1] [--id slave] [--options JSON]
      one Modbus device of any type
  device --profile VENDOR/MODEL --id ID --secret SECRET [--mqtt URL] [--address NAME] [--credential ID]
         [--every 10s] [--options JSON]
      one MQTT device of any type
  replay FILES… --map MAPPING.yaml [--credentials DEVICES.csv] [--mqtt URL] [--rate ROWS_PER_SECOND]
         [--order given|random] [--seed 1] [--check]
      sends measurements from CSV files, and tells what must now be stored. Without --credentials it registers the
      devices itself, as admin with VILLAGE_ADMIN_PASSWORD at --http URL (http://127.0.0.1:8080)
  replay FILES… --map MAPPING.yaml --print-devices [--demo-secrets] [--seed 1]
      prints the devices.csv to import before

Everywhere: --profiles DIR adds a folder of device profiles. VILLAGE_MQTT_PORT and VILLAGE_HTTP_PORT say where a server on
this machine is when --mqtt and --http do not. VILLAGE_CLOCK runs plays on a simulated clock.`;

type Flags = Readonly<Record<string, string | boolean | undefined>>;

const refuse = (message: string): never => {
  throw new OperationalError('bad-arguments', message);
};

function text(flags: Flags, name: string, otherwise?: string): string {
  const value = flags[name];
  if (typeof value === 'string' && value !== '') return value;
  return otherwise ?? refuse(`--${name} is needed`);
}

function whole(flags: Flags, name: string, low: number, high: number, otherwise?: number): number {
  const value =
    flags[name] === undefined && otherwise !== undefined ? otherwise : Number(flags[name]);
  if (!(Number.isInteger(value) && value >= low && value <= high))
    refuse(`--${name} must be a whole number from ${low} to ${high}`);
  return value;
}

function duration(flags: Flags, name: string): number | undefined {
  if (flags[name] === undefined) return undefined;
  const ms = parseDuration(text(flags, name));
  return ms > 0 ? ms : refuse(`--${name} must be a duration such as 10s or 5m`);
}

function options(flags: Flags): Record<string, string | number | boolean> {
  const value: unknown = JSON.parse(text(flags, 'options', '{}'));
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, string | number | boolean>)
    : refuse('--options must be a JSON object');
}

/** The built-in catalogue and the folder of --profiles; a broken file there is an error with all its faults. */
function profilesOf(flags: Flags): ReadonlyMap<string, DeviceProfile> {
  const more = flags['profiles'] === undefined ? [] : [resolve(text(flags, 'profiles'))];
  const { profiles, faults } = loadCatalog([builtinCatalog, ...more]);
  if (faults.length > 0) {
    const lines = faults.map(
      ({ file, line, path, message }) =>
        `  ${file}${line === undefined ? '' : `:${line}`} ${path}: ${message}`,
    );
    throw new OperationalError('bad-profile', `Device profiles are at fault:\n${lines.join('\n')}`);
  }
  return profiles;
}

/** Set by SIGINT, SIGTERM, or the end of a parent that started us with a channel. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.once('disconnect', () => stop.abort());

async function sleepOrStop(timer: Timer, ms: number): Promise<void> {
  try {
    await timer.sleep(ms, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

function plan(flags: Flags): void {
  const folder = resolve(text(flags, 'out'));
  const seed = whole(flags, 'seed', 0, 2 ** 31, 1);
  const demo = flags['demo-secrets'] === true;
  const county = planCounty({
    seed,
    devices: whole(flags, 'devices', 0, DEVICES_MAX, 300),
    profiles: profilesOf(flags),
    mqttUrl: mqttUrl(flags),
    modbusPort: whole(flags, 'modbus-port', 1, 65_000, 15_020),
    gateway: text(flags, 'gateway', 'gw-01'),
    relayPort: flags['relay-port'] === undefined ? null : whole(flags, 'relay-port', 1, 65_535),
    secretOf: (id) => (demo ? demoSecret(seed, id) : randomBytes(24).toString('base64url')),
  });
  writePlan(county, folder);
  console.log(`${county.devices.length} devices in ${county.areas.length} areas: ${folder}`);
}

const PLAY_REPORT_MS = 30 * SECOND;

/** Plays until --for is over or we are told to stop, and prints the counts as one JSON line. */
async function keepPlaying(
  county: CountyPlan,
  scenario: readonly ScenarioStep[],
  forMs: number | undefined,
  moveIn?: string,
): Promise<void> {
  const timer = timerFromText(process.env['VILLAGE_CLOCK']);
  const begin = (plan: CountyPlan): Promise<Play> =>
    playCounty(plan, { timer, scenario, signal: stop.signal });
  const { played: play, ...ports } =
    moveIn === undefined
      ? { played: await begin(county), first: null, moved: false }
      : await playOnFreePorts(county, moveIn, begin);
  if (ports.moved)
    console.log(`ports of the plan are taken; Modbus devices are at ${ports.first} and up`);
  console.log(`playing ${county.devices.length} devices`);
  // Whoever started us with a channel waits for this before anything polls our ports.
  process.send?.({ playing: true, moved: ports.moved });
  const endsAt = timer.elapsed() + (forMs ?? Number.POSITIVE_INFINITY);
  let told = '[]';
  while (!stop.signal.aborted && timer.elapsed() < endsAt) {
    await sleepOrStop(timer, Math.min(PLAY_REPORT_MS, endsAt - timer.elapsed()));
    const faults = JSON.stringify(play.faults());
    if (faults !== told && !stop.signal.aborted) console.error(`not connected: ${faults}`);
    told = faults;
  }
  await play.close();
  console.log(JSON.stringify({ name: 'play', ...play.counters() }));
}

async function play(flags: Flags): Promise<void> {
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

async function slave(flags: Flags): Promise<void> {
  const single = {
    profile: text(flags, 'profile'),
    id: text(flags, 'id', 'slave'),
    seed: whole(flags, 'seed', 0, 2 ** 31, 1),
    options: options(flags),
    modbus: {
      host: text(flags, 'host', '127.0.0.1'),
      port: whole(flags, 'port', 1, 65_535),
      unit: whole(flags, 'unit', 0, 255, 1),
    },
  };
  await keepPlaying(planDevice(single, profilesOf(flags)), [], duration(flags, 'for'));
}

async function device(flags: Flags): Promise<void> {
  const id = text(flags, 'id');
  const everyMs = duration(flags, 'every');
  const single = {
    profile: text(flags, 'profile'),
    id,
    seed: whole(flags, 'seed', 0, 2 ** 31, 1),
    address: text(flags, 'address', id),
    options: options(flags),
    ...(everyMs === undefined ? {} : { everyMs }),
    mqtt: {
      url: mqttUrl(flags),
      secret: text(flags, 'secret'),
      credential: text(flags, 'credential', id),
    },
  };
  await keepPlaying(planDevice(single, profilesOf(flags)), [], duration(flags, 'for'));
}

/** Where a server on this machine listens unless told otherwise. */
const local = (protocol: 'mqtt' | 'http', port: string): string =>
  `${protocol}://127.0.0.1:${process.env[`VILLAGE_${protocol.toUpperCase()}_PORT`] || port}`;
const mqttUrl = (flags: Flags): string => text(flags, 'mqtt', local('mqtt', '1883'));

/** devices.csv of the devices in the files, each with a secret of its own. */
async function devicesOf(
  files: readonly string[],
  mapping: Mapping,
  flags: Flags,
): Promise<string> {
  const seed = whole(flags, 'seed', 0, 2 ** 31, 1);
  const demo = flags['demo-secrets'] === true;
  const ids = await replayDevices({ files, mapping, signal: stop.signal });
  const prefix = 'prefix' in mapping.device ? mapping.device.prefix.length : 0;
  const lines = ids.map((id) =>
    csvLine([
      id,
      mapping.name.replace('{}', id.slice(prefix)),
      mapping.profile.id,
      mapping.area,
      ...['', '', '', '', ''],
      demo ? demoSecret(seed, id) : randomBytes(24).toString('base64url'),
    ]),
  );
  return `${[DEVICE_COLUMNS.join(','), ...lines].join('\n')}\n`;
}

async function printDevices(
  files: readonly string[],
  mapping: Mapping,
  flags: Flags,
): Promise<void> {
  const csv = await devicesOf(files, mapping, flags);
  if (flags['out'] === undefined) process.stdout.write(csv);
  else writeFileSync(resolve(text(flags, 'out')), csv, { mode: 0o600 });
}

function secretsIn(csv: string): Map<string, string> {
  const rows = parseCsv<Record<string, string>>(csv, { columns: true, skip_empty_lines: true });
  return new Map(rows.map((row) => [row['id'] ?? '', row['secret'] ?? '']));
}

/** Secrets from the file named, or of devices that are registered now, with new secrets. */
async function secretsFor(
  files: readonly string[],
  mapping: Mapping,
  flags: Flags,
): Promise<Map<string, string>> {
  if (flags['credentials'] !== undefined)
    return secretsIn(readFileSync(resolve(text(flags, 'credentials')), 'utf8'));
  const url = text(flags, 'http', local('http', '8080'));
  const password = process.env['VILLAGE_ADMIN_PASSWORD'];
  if (password === undefined || password === '')
    return refuse(
      `replay needs --credentials DEVICES.csv, or VILLAGE_ADMIN_PASSWORD to register the devices itself at ${url}`,
    );
  const csv = await devicesOf(files, mapping, flags);
  if (flags['check'] !== true)
    await registerDevices({ url, user: 'admin', password, csv, signal: stop.signal });
  return secretsIn(csv);
}

async function replay(files: readonly string[], flags: Flags): Promise<void> {
  if (files.length === 0) refuse('replay needs files');
  const mapping = parseMapping(
    readFileSync(resolve(text(flags, 'map')), 'utf8'),
    profilesOf(flags),
  );
  if (flags['print-devices'] === true) return printDevices(files, mapping, flags);
  const secrets = await secretsFor(files, mapping, flags);
  const order = text(flags, 'order', 'given');
  if (order !== 'given' && order !== 'random') return refuse('--order is given or random');
  const bytesTotal = files.reduce((sum, file) => sum + statSync(file).size, 0);
  if (flags['check'] === true) {
    console.log(
      `ok: ${files.length} files, ${secrets.size} secrets, ${mapping.columns.length} columns`,
    );
    return;
  }
  const bar = process.stderr.isTTY
    ? new SingleBar({
        format: '{bar} {percentage}% | {rows} rows acknowledged | {eta_formatted}',
        stream: process.stderr,
      })
    : undefined;
  bar?.start(bytesTotal, 0, { rows: 0 });
  try {
    const report = await replayFiles({
      files,
      mapping,
      mqttUrl: mqttUrl(flags),
      secretOf: (id) => secrets.get(id),
      timer: systemTimer,
      signal: stop.signal,
      order,
      seed: whole(flags, 'seed', 0, 2 ** 31, 1),
      ...(flags['rate'] === undefined ? {} : { rate: whole(flags, 'rate', 1, 10_000_000) }),
      onProgress: (rows, bytes) => bar?.update(bytes, { rows }),
    });
    bar?.stop();
    console.log(JSON.stringify(report));
  } finally {
    bar?.stop();
  }
}

const strings = [
  'out',
  'devices',
  'seed',
  'mqtt',
  'http',
  'modbus-port',
  'gateway',
  'relay-port',
  'plan',
  'scenario',
  'for',
  'profile',
  'port',
  'unit',
  'host',
  'id',
  'options',
  'secret',
  'address',
  'credential',
  'every',
  'map',
  'credentials',
  'rate',
  'order',
  'profiles',
];
const switches = ['demo-secrets', 'print-devices', 'move-ports', 'check', 'help'];

async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: Object.fromEntries([
      ...strings.map((name) => [name, { type: 'string' as const }]),
      ...switches.map((name) => [name, { type: 'boolean' as const }]),
    ]) as Record<string, { type: 'string' | 'boolean' }>,
  });
  const flags = values as Flags;
  const [command, ...files] = positionals;
  if (flags['help'] === true || command === undefined) {
    console.log(HELP);
    return;
  }
  if (command === 'replay') return replay(files, flags);
  if (files.length > 0) refuse(`${command} takes no ${files[0]}`);
  if (command === 'plan') return plan(flags);
  if (command === 'play') return play(flags);
  if (command === 'slave') return slave(flags);
  if (command === 'device') return device(flags);
  refuse(`there is no command ${command}; see --help`);
}

/** Faults of the world are told in a line; a bug keeps its stack. */
function isWorldly(error: unknown): error is Error {
  if (error instanceof OperationalError) return true;
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (stop.signal.aborted) process.exitCode = 130;
  else if (isWorldly(error)) {
    console.error(error.message);
    process.exitCode = 1;
  } else throw error;
}
// A parent's channel would keep us alive.
if (process.connected) process.disconnect();

/** `npm run simulate -- <command>`: plans and plays a county, plays one device, replays measured files. */
import { parseArgs } from 'node:util';
import { OperationalError } from '@village/core';
import { plan, play, playSingle } from './cli/county.ts';
import { type Flags, refuse } from './cli/flags.ts';
import { past } from './cli/past.ts';
import { providers } from './cli/providers.ts';
import { replay } from './cli/replay.ts';
import { stop } from './cli/stop.ts';
import { builtinWires } from './wires/index.ts';

const HELP = `usage: npm run simulate -- <command>

  plan --out DIR [--devices 300] [--seed 1] [--mqtt mqtt://127.0.0.1:1883] [--modbus-port 15020]
       [--gateway gw-01] [--relay-port PORT] [--demo-secrets]
      writes areas.csv, devices.csv, gateway.yaml and county.yaml
  play --plan DIR [--scenario FILE|none] [--mqtt URL] [--for 10m] [--move-ports] [--check]
      plays every device of the plan on its real wire; without a scenario named, a mild one. With --move-ports, when
      Modbus ports of the plan are taken, on free ones, which it writes into county.yaml and gateway*.yaml
  past --plan DIR [--span 30d|FROM/TO,…] [--rows-max N] [--mqtt URL]
      sends what the county measured before, newest first, once in each report interval of a device: through its gateways'
      credentials in the backfill lane, or as the device itself. FROM and TO are ms since 1970
  providers [--port 18090] [--seed 1] [--hook URL] [--channels FILE]
      fake vendors of SMS, calls and chats on the loopback; their pages show each phone. Receipts and replies go to
      URL/SECRET, in which {channel} stands for the channel's id; FILE gets the options of the channels, as JSON
${builtinWires.map(({ command }) => command.usage).join('\n')}
  replay FILES… --map MAPPING.yaml [--credentials DEVICES.csv] [--mqtt URL] [--rate ROWS_PER_SECOND]
         [--order given|random] [--seed 1] [--check]
      sends measurements from CSV files, and tells what must now be stored. Without --credentials it registers the
      devices itself, as admin with VILLAGE_ADMIN_PASSWORD at --http URL (http://127.0.0.1:8080)
  replay FILES… --map MAPPING.yaml --print-devices [--demo-secrets] [--seed 1]
      prints the devices.csv to import before

Everywhere: --profiles DIR adds a folder of device profiles. VILLAGE_MQTT_PORT and VILLAGE_HTTP_PORT say where a server on
this machine is when --mqtt and --http do not. VILLAGE_CLOCK runs plays on a simulated clock.`;

const strings = [
  'out',
  'devices',
  'seed',
  'mqtt',
  'http',
  'gateway',
  'relay-port',
  'plan',
  'scenario',
  'for',
  'span',
  'rows-max',
  'profile',
  'id',
  'options',
  'map',
  'credentials',
  'rate',
  'hook',
  'channels',
  'order',
  'profiles',
  ...builtinWires.flatMap(({ flags }) => flags),
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
  if (command === 'past') return past(flags);
  if (command === 'providers') return providers(flags);
  const single = builtinWires.find((wire) => wire.command.name === command)?.command;
  if (single !== undefined) return playSingle(single, flags);
  refuse(`there is no command ${command}; see --help`);
}

/** A fault of the world is printed as one line; a bug keeps its stack. */
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

/**
 * `npm start`: server, one gateway and a simulated county in one go. `npm run serve`: the server alone. Both take
 * `--check`. Modules bring further commands.
 */
import './threads.ts';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DAY, OperationalError, type Timer, timerFromText } from '@village/core';
import { consoleIsCurrent } from '@village/dashboards';
import { openRelational, type Relational } from '@village/store/relational';
import { type Logger, pino } from 'pino';
import { type Server, type ServerOptions, startServer } from './app.ts';
import { runChild } from './cli/children.ts';
import { runDemo } from './cli/demo.ts';
import { type Config, loadConfig } from './config/config.ts';
import { openReadings } from './config/readings-store.ts';
import { doctor } from './doctor/doctor.ts';
import { checkRestored } from './modules/backup/restore.ts';
import { modules } from './modules/index.ts';
import type { Tools } from './modules/needs.ts';
import { relationalModules } from './relational-modules.ts';

const commands = modules.flatMap((module) => module.commands ?? []);

const HELP = `usage: npm start [-- --devices 300 --seed 1 --history 30 | --no-history] (a simulated county with a past of 30 days)
       npm run serve [-- --check]
       npm run serve -- ${'doctor'.padEnd(18)} (looks at the installation, running or not, and says what to do; --json, --full)
${commands
  .map(
    ({ name, operands = '', help }) =>
      `       npm run serve -- ${`${name} ${operands}`.padEnd(18)} (${help})`,
  )
  .join('\n')}

Environment: VILLAGE_DATA (./data), VILLAGE_HTTP_PORT (8080), VILLAGE_MQTT_PORT (1883), VILLAGE_ADMIN_PASSWORD,
VILLAGE_HTTP_HOST (0.0.0.0), VILLAGE_CONFIG (./village.yaml), VILLAGE_LOG_LEVEL.`;

/** Largest demonstration county; the simulators refuse more. */
const DEVICES_MAX = 20_000;
/** How many days of past it gets. */
const HISTORY_DAYS = 30;
const HISTORY_DAYS_MAX = 366;

const say = (line: string): void => console.log(line);

/** Ctrl-C reaches us from the terminal and again through npm: what comes this soon is the same request. */
const SAME_REQUEST_MS = 1_000;

/** What the builder of the console has to end. */
const BUILD_STOP_MS = 5_000;

/** A request to stop: the first is heeded in order, a later one ends the process at once. */
function stopSignal(config: Config): AbortSignal {
  const stop = new AbortController();
  let asked = 0;
  const heed = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      if (performance.now() - asked < SAME_REQUEST_MS) return;
      // Not process.exit: it would run the query engine's destructors under its own worker.
      process.kill(process.pid, 'SIGKILL');
      return;
    }
    say(`${signal}: 正在停止 · stopping`);
    asked = performance.now();
    stop.abort();
  };
  // With certificates it asks to read them anew, as it does of other servers; without, a terminal was closed.
  const hangup = config.http.tls ?? config.mqtt.tls;
  const signals = ['SIGINT', 'SIGTERM', ...(hangup === undefined ? ['SIGHUP' as const] : [])];
  for (const signal of signals as NodeJS.Signals[]) process.on(signal, heed);
  return stop.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Resolves without one, too, when it was told to stop meanwhile. */
async function buildConsole(timer: Timer, stop: AbortSignal): Promise<void> {
  if (consoleIsCurrent()) return;
  say('正在生成页面 · building the console');
  const build = {
    name: 'build',
    script: fileURLToPath(new URL('../../dashboards/build.ts', import.meta.url)),
    args: [],
    env: {},
    timer,
    print: (line: string, fault: boolean): void => {
      if (fault) say(line);
    },
  };
  await runChild(build, { signal: stop, stopMs: BUILD_STOP_MS }).catch((error: unknown) => {
    // Told by the terminal, or by us.
    if (!stop.aborted) throw error;
  });
}

/** Where devices connect, one after the other. */
function mqttAddresses({ mqttPort, mqttPorts }: Server, { mqtt }: Config): string {
  const { host, tls, websocket } = mqtt;
  const own = tls === undefined || tls.port !== undefined ? '' : ' TLS';
  const web = (websocket?.tls ?? tls !== undefined) ? 'wss' : 'ws';
  return [
    `${host}:${mqttPort}${own}`,
    ...(mqttPorts.tls === null ? [] : [`${host}:${mqttPorts.tls} TLS`]),
    ...(mqttPorts.websocket === null
      ? []
      : [`${web}://${host}:${mqttPorts.websocket}${websocket?.path}`]),
  ].join(', ');
}

function tellStart(server: Server, config: Config): void {
  const host = ['0.0.0.0', '::'].includes(config.http.host) ? 'localhost' : config.http.host;
  const made = server.madePassword;
  const password =
    made !== null
      ? `${made}  （仅显示一次 · shown this once）`
      : config.adminPassword !== undefined && server.ownPassword
        ? '见 VILLAGE_ADMIN_PASSWORD · as VILLAGE_ADMIN_PASSWORD says'
        : '首次启动时设定，重设 · as set at the first start, reset by: npm run serve -- reset-password';
  say('');
  say('数字乡村·乡村环境 · digital-village');
  say(
    `  网址 address    ${config.http.tls === undefined ? 'http' : 'https'}://${host}:${server.httpPort}`,
  );
  say(
    server.hasAdmin
      ? `  登录 sign-in    admin / ${password}`
      : "  登录 sign-in    管理员的账户，忘记密码 · an administrator's account; lost: npm run serve -- reset-password ACCOUNT",
  );
  say(`  MQTT            ${mqttAddresses(server, config)}`);
  say(`  数据 data       ${config.data}`);
  if (!server.ownPassword)
    say(
      '  注意 note       VILLAGE_ADMIN_PASSWORD 与已存密码不同，已存密码有效 · differs from the stored password, which holds',
    );
  say('');
}

/** A running server, or null when it was told to stop before it ran. */
function startUnlessStopped(
  config: Config,
  options: ServerOptions & { readonly signal: AbortSignal },
): Promise<Server | null> {
  return startServer(config, options).catch((error: Error) => {
    if (options.signal.aborted && error.name === 'AbortError') return null;
    throw error;
  });
}

async function serve(config: Config, timer: Timer, log: Logger): Promise<void> {
  const stop = stopSignal(config);
  await buildConsole(timer, stop);
  let running: Server | null = null;
  if (config.http.tls ?? config.mqtt.tls) process.on('SIGHUP', () => running?.reloadCertificates());
  const server = await startUnlessStopped(config, { timer, log, signal: stop });
  if (server === null) return say('已停止 · stopped');
  running = server;
  tellStart(server, config);
  await aborted(stop);
  await server.stop();
  say('已停止 · stopped');
}

/** Milliseconds since the command was launched: by the launcher, when another Node had to be started for us. */
function sinceLaunch(): number {
  const launched = Number(process.env['VILLAGE_LAUNCHED_AT']);
  const before = Number.isFinite(launched) && launched > 0 ? performance.timeOrigin - launched : 0;
  return before + performance.now();
}

async function start(
  config: Config,
  timer: Timer,
  log: Logger,
  demo: { devices: number; seed: number; historyMs: number },
): Promise<void> {
  if (config.mqtt.tls !== undefined && config.mqtt.tls.port === undefined)
    throw new OperationalError(
      'bad-config',
      'npm start 的模拟设备不使用 TLS：请设置 mqtt.tls.port，或使用 npm run serve · the simulated county speaks no TLS: ' +
        'set mqtt.tls.port, or use npm run serve',
    );
  const stop = stopSignal(config);
  await buildConsole(timer, stop);
  const server = await startUnlessStopped(config, { timer, log, signal: stop });
  if (server === null) return say('已停止 · stopped');
  // What is sent of the past needs a second connection for each credential.
  const isBound = config.mqtt.clientIds === 'bound';
  try {
    tellStart(server, config);
    if (isBound && demo.historyMs > 0)
      say(
        'mqtt.clientIds: bound：不补历史 · the county gets no past, whose connections have ids of their own',
      );
    await runDemo({
      ...demo,
      historyMs: isBound ? 0 : demo.historyMs,
      terminal: process.stdout.isTTY ? process.stdout : null,
      data: config.data,
      mqttPort: server.mqttPort,
      verbose: ['trace', 'debug', 'info'].includes(config.logLevel ?? ''),
      host: server,
      timer,
      sinceLaunch,
      print: say,
      signal: stop,
    });
  } finally {
    await server.stop();
  }
  say('已停止 · stopped');
}

/** What commands work with; what they open is closed after them. */
function toolsOf(config: Config, timer: Timer): Tools {
  const openPeople = (): Promise<Relational> =>
    openRelational({
      modules: relationalModules(modules),
      clock: timer.now,
      ...(config.relational === undefined
        ? { file: join(config.data, 'relational.sqlite') }
        : { url: config.relational.url }),
    });
  // A mistyped folder is not made.
  const wantData = (name: string): void => {
    if (!existsSync(join(config.data, name)))
      throw new OperationalError(
        'no-data',
        `没有数据，请用 VILLAGE_DATA 指明数据文件夹 · no data; VILLAGE_DATA names the folder: ${config.data}`,
      );
  };
  const withRelational: Tools['withRelational'] = async (work) => {
    checkRestored(config.data);
    if (config.relational === undefined) wantData('relational.sqlite');
    const relational = await openPeople();
    try {
      return await work(relational);
    } finally {
      await relational.close();
    }
  };
  const withReadings: Tools['withReadings'] = async (work) => {
    checkRestored(config.data);
    wantData('time-series');
    const store = await openReadings(config, timer, { tickMs: Number.POSITIVE_INFINITY });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  return {
    config,
    timer,
    say,
    withRelational,
    withReadings,
    withStores: (work) =>
      withReadings((store) => withRelational((relational) => work({ store, relational }))),
  };
}

/** Runs a command of a module. @throws bad-arguments when there is none of that name */
async function runCommand(
  name: string,
  operands: readonly string[],
  config: Config,
  timer: Timer,
): Promise<void> {
  const found = commands.find((command) => command.name === name);
  if (found === undefined)
    throw new OperationalError(
      'bad-arguments',
      `没有这个命令 · there is no command: ${name}\n${HELP}`,
    );
  if (!(await found.run(toolsOf(config, timer), operands))) process.exitCode = 1;
}

function whole(text: string, name: string, low: number, high: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new OperationalError(
    'bad-arguments',
    `--${name} 须为 ${low} 到 ${high} 的整数 · must be a whole number from ${low} to ${high}`,
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      json: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      devices: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      history: { type: 'string', default: String(HISTORY_DAYS) },
      'no-history': { type: 'boolean', default: false },
    },
  });
  // `npm run serve -- reset-password` comes as two words.
  const [first, ...rest] = positionals;
  const [command, ...operands] = first === 'serve' && rest.length > 0 ? rest : positionals;
  if (values.help || command === undefined) {
    say(HELP);
    return;
  }
  // Of `npm start --history 3` npm keeps the option for itself, and passes on the 3.
  if ((command === 'start' || command === 'serve') && operands.length > 0)
    throw new OperationalError(
      'bad-arguments',
      `不认识 ${operands.join(' ')}，选项前须有 -- ，如 npm start -- --history 3 · what is ${operands.join(' ')}? Options ` +
        'come after --, such as npm start -- --history 3',
    );
  // Before the configuration is read: it may be what is broken.
  if (command === 'doctor') {
    const { json, full } = values;
    process.exitCode = await doctor({
      env: process.env,
      cwd: process.cwd(),
      json,
      full,
      print: say,
    });
    return;
  }
  const timer = timerFromText(process.env['VILLAGE_CLOCK']);
  const config = loadConfig(process.env, process.cwd());
  const demo = {
    devices: whole(values.devices, 'devices', 1, DEVICES_MAX),
    seed: whole(values.seed, 'seed', 0, 2 ** 31),
    historyMs: values['no-history']
      ? 0
      : whole(values.history, 'history', 1, HISTORY_DAYS_MAX) * DAY,
  };
  if (values.check) {
    say('配置无误 · the configuration is right');
    return;
  }
  const level = config.logLevel ?? (command === 'start' ? 'warn' : 'info');
  const log = pino({ level, base: null });
  if (command === 'start') await start(config, timer, log, demo);
  else if (command === 'serve') await serve(config, timer, log);
  else await runCommand(command, operands, config, timer);
}

try {
  await main();
} catch (error) {
  const ours =
    error instanceof OperationalError ||
    (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
  // Node words what is wrong with an option in English alone.
  const isOption = ours && !(error instanceof OperationalError);
  console.error(ours ? `${isOption ? '选项有误 · ' : ''}${(error as Error).message}` : error);
  process.exitCode = 1;
}

/**
 * `npm start`: server, one gateway and a simulated county in one go. `npm run serve`: the server alone. Both take
 * `--check`. `reset-password` gives the admin a new password; `backup` and `restore` do what they say.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatTime, OperationalError, type Timer, timerFromText } from '@village/core';
import { consoleDirectory } from '@village/dashboards';
import { listJobs } from '@village/platform';
import { newSecret, openRelational, type Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import { SingleBar } from 'cli-progress';
import { type Logger, pino } from 'pino';
import { type Server, startServer } from './app.ts';
import { checkArchive } from './cli/check-archive.ts';
import { runChild } from './cli/children.ts';
import { runDemo } from './cli/demo.ts';
import { type Config, loadConfig } from './config/config.ts';
import { openReadings } from './config/readings-store.ts';
import { Backups } from './modules/backup/backups.ts';
import { restore } from './modules/backup/restore.ts';
import { modules } from './modules/index.ts';
import { Passwords } from './modules/session/passwords.ts';
import { relationalModules } from './relational-modules.ts';

const HELP = `usage: npm start [-- --devices 300 --seed 1]
       npm run serve [-- --check]
       npm run serve -- reset-password
       npm run serve -- jobs              (what runs by itself, and how it went)
       npm run serve -- backup            (of a stopped server; a running one: POST /api/v1/system/backup)
       npm run serve -- restore FOLDER    (into an empty VILLAGE_DATA)
       npm run serve -- check-archive     (of a stopped server: proves its files, and reads again what is whole)

Environment: VILLAGE_DATA (./data), VILLAGE_HTTP_PORT (8080), VILLAGE_MQTT_PORT (1883), VILLAGE_ADMIN_PASSWORD,
VILLAGE_HTTP_HOST (0.0.0.0), VILLAGE_CONFIG (./village.yaml), VILLAGE_LOG_LEVEL.`;

/** Largest demonstration county; the simulators refuse more. */
const DEVICES_MAX = 20_000;

const say = (line: string): void => console.log(line);

/** Ctrl-C reaches us from the terminal and again through npm: what comes this soon is the same request. */
const SAME_REQUEST_MS = 1_000;

/** A request to stop: the first is heeded in order, a later one ends the process at once. */
function stopSignal(): AbortSignal {
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
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, heed);
  return stop.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function buildConsole(timer: Timer): Promise<void> {
  if (existsSync(join(consoleDirectory, 'index.html'))) return;
  say('正在生成页面 · building the console');
  await runChild({
    name: 'build',
    script: fileURLToPath(new URL('../../dashboards/build.ts', import.meta.url)),
    args: [],
    env: {},
    timer,
    print: (line, fault) => {
      if (fault) say(line);
    },
  });
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
  say(`  网址 address    http://${host}:${server.httpPort}`);
  say(`  登录 sign-in    admin / ${password}`);
  say(`  MQTT            ${config.mqtt.host}:${server.mqttPort}`);
  say(`  数据 data       ${config.data}`);
  if (!server.ownPassword)
    say(
      '  注意 note       VILLAGE_ADMIN_PASSWORD 与已存密码不同，已存密码有效 · differs from the stored password, which holds',
    );
  say('');
}

async function serve(config: Config, timer: Timer, log: Logger): Promise<void> {
  const stop = stopSignal();
  await buildConsole(timer);
  const server = await startServer(config, { timer, log });
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
  demo: { devices: number; seed: number },
): Promise<void> {
  const stop = stopSignal();
  await buildConsole(timer);
  const server = await startServer(config, { timer, log });
  try {
    tellStart(server, config);
    await runDemo({
      ...demo,
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

function openPeople(config: Config, timer: Timer): Promise<Relational> {
  return openRelational({
    modules: relationalModules(modules),
    clock: timer.now,
    ...(config.relational === undefined
      ? { file: join(config.data, 'relational.sqlite') }
      : { url: config.relational.url }),
  });
}

/** Both stores without a server over them. @throws store-in-use */
async function openStores(
  config: Config,
  timer: Timer,
): Promise<{ store: TimeSeriesStore; relational: Relational }> {
  if (!existsSync(join(config.data, 'time-series')))
    throw new OperationalError('no-data', `没有数据 · there is no data in ${config.data}`);
  const store = await openReadings(config, timer, { tickMs: Number.POSITIVE_INFINITY });
  return { store, relational: await openPeople(config, timer) };
}

/** Gives the admin a new password; for those who hold the machine and lost the old one. */
async function resetPassword(config: Config, timer: Timer): Promise<void> {
  const relational = await openPeople(config, timer);
  try {
    const account = await relational.people.account('admin');
    if (account === null)
      throw new OperationalError('no-admin', `there is no admin in ${config.data} yet`);
    const password = config.adminPassword ?? newSecret().slice(0, 16);
    await relational.people.saveAccount(account, await new Passwords().hash(password));
    await relational.people.closeSessionsOf('admin');
    await relational.audit.append({
      actor: 'console',
      address: '',
      action: 'reset-password',
      target: 'admin',
      outcome: 'done',
      detail: {},
    });
    say(config.adminPassword === undefined ? `admin / ${password}` : '已重设 · reset');
  } finally {
    await relational.close();
  }
}

/** A backup of a server that does not run; one that runs is asked over HTTP. */
async function backUp(config: Config, timer: Timer): Promise<void> {
  const closed = await openStores(config, timer);
  try {
    const backups = new Backups({
      folder: config.backup.folder,
      keep: config.backup.keep,
      clock: timer.now,
      ...closed,
      failed: (error) => {
        throw error;
      },
    });
    const { folder } = backups.start();
    await backups.settled();
    say(`已备份 · backed up: ${folder}`);
  } finally {
    await closed.store.close();
    await closed.relational.close();
  }
}

/** Proves the archive of a server that does not run; the exit code tells whether all of it is whole. */
async function proveArchive(config: Config, timer: Timer): Promise<void> {
  const closed = await openStores(config, timer);
  try {
    if (!(await checkArchive(closed.store, say))) process.exitCode = 1;
  } finally {
    await closed.store.close();
    await closed.relational.close();
  }
}

/** What runs by itself, as a table; also while the server runs. */
async function showJobs(config: Config, timer: Timer): Promise<void> {
  const relational = await openPeople(config, timer);
  try {
    for (const job of await listJobs(relational, { limit: 1_000 })) {
      const { kind, title, nextAt, running, startedAt, progress, lastError } = job;
      const at = running
        ? `运行中 · running since ${formatTime(startedAt ?? 0)}`
        : `下次 · next ${formatTime(nextAt)}`;
      const far = progress === null ? '' : ` (${progress.done}/${progress.total})`;
      say(`${kind.padEnd(12)} ${title.zh} · ${title.en}\n  ${at}${far}`);
      if (lastError !== null) say(`  上次失败 · the last run failed: ${lastError}`);
    }
  } finally {
    await relational.close();
  }
}

/** Brings a backup back and says what is still to do. */
async function restoreFrom(config: Config, folder: string | undefined): Promise<void> {
  if (folder === undefined)
    throw new OperationalError('bad-arguments', `restore needs the folder of a backup\n${HELP}`);
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {percentage}% | {eta_formatted}', stream: process.stderr })
    : null;
  bar?.start(1, 0);
  try {
    const list = await restore({
      backup: resolve(folder),
      data: config.data,
      postgres: config.relational !== undefined,
      progress: (done, total) => {
        bar?.setTotal(total);
        bar?.update(done);
      },
    });
    bar?.stop();
    say(`已恢复 ${list.createdAt} 的备份 · restored, ${list.files.length} files: ${config.data}`);
    if (list.relational === 'postgresql')
      say(
        '区域、设备、用户在 PostgreSQL 中，请用 pg_restore 恢复 · restore areas, devices and people with pg_restore',
      );
  } finally {
    bar?.stop();
  }
}

function whole(text: string, name: string, low: number, high: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new OperationalError(
    'bad-arguments',
    `--${name} must be a whole number from ${low} to ${high}`,
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      devices: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
    },
  });
  // `npm run serve -- reset-password` comes as two words.
  const [first, ...rest] = positionals;
  const [command, ...operands] = first === 'serve' && rest.length > 0 ? rest : positionals;
  if (values.help || command === undefined) {
    say(HELP);
    return;
  }
  const timer = timerFromText(process.env['VILLAGE_CLOCK']);
  const config = loadConfig(process.env, process.cwd());
  const demo = {
    devices: whole(values.devices, 'devices', 1, DEVICES_MAX),
    seed: whole(values.seed, 'seed', 0, 2 ** 31),
  };
  if (values.check) {
    say('配置无误 · the configuration is right');
    return;
  }
  const level = config.logLevel ?? (command === 'start' ? 'warn' : 'info');
  const log = pino({ level, base: null });
  if (command === 'start') await start(config, timer, log, demo);
  else if (command === 'serve') await serve(config, timer, log);
  else if (command === 'reset-password') await resetPassword(config, timer);
  else if (command === 'backup') await backUp(config, timer);
  else if (command === 'check-archive') await proveArchive(config, timer);
  else if (command === 'jobs') await showJobs(config, timer);
  else if (command === 'restore') await restoreFrom(config, operands[0]);
  else throw new OperationalError('bad-arguments', `there is no command ${command}\n${HELP}`);
}

try {
  await main();
} catch (error) {
  const ours =
    error instanceof OperationalError ||
    (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
  console.error(ours ? (error as Error).message : error);
  process.exitCode = 1;
}

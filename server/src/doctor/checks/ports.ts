/** The ports that are listened on: free, or held by the server that runs on this data folder. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { both, type Check, type Finding, fault, ok, type Patient } from '../finding.ts';

interface Port {
  /** The setting or variable that names it, and that of its address. */
  readonly setting: string;
  readonly hostSetting: string;
  readonly host: string;
  readonly port: number;
}

function portsOf({ config: { http, mqtt }, unread, environment }: Patient): Port[] {
  const ofMqtt = { hostSetting: 'mqtt.host', host: mqtt.host };
  const found = [
    {
      setting: 'VILLAGE_HTTP_PORT',
      hostSetting: 'VILLAGE_HTTP_HOST',
      host: http.host,
      port: http.port,
    },
    { setting: 'VILLAGE_MQTT_PORT', ...ofMqtt, port: mqtt.port },
    { setting: 'mqtt.tls.port', ...ofMqtt, port: mqtt.tls?.port ?? 0 },
    { setting: 'mqtt.websocket.port', ...ofMqtt, port: mqtt.websocket?.port ?? 0 },
  ];
  // 0 asks the system for any. Of a file that can't be read the defaults are nobody's ports.
  return found.filter(
    ({ port, setting }) => port !== 0 && (!unread || environment[setting] !== undefined),
  );
}

/** The code of what keeps a port from being listened on; null when it can be. */
function tryPort({ host, port }: Port): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Sockets that listen on a port, as Linux numbers them; null where it does not tell. */
function listening(port: number): Set<string> | null {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const found = new Set<string>();
  try {
    for (const table of ['/proc/net/tcp', '/proc/net/tcp6'])
      for (const line of readFileSync(table, 'utf8').split('\n')) {
        const fields = line.trim().split(/\s+/);
        // 0A: listening.
        if (fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A') found.add(fields[9] as string);
      }
    return found;
  } catch {
    return null;
  }
}

/** Whether a process has one of these sockets; null when it is not ours to ask. */
function holds(pid: number, sockets: ReadonlySet<string>): boolean | null {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => {
      try {
        const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(join(folder, fd))) ?? [];
        return inode !== undefined && sockets.has(inode);
      } catch {
        // Closed meanwhile.
        return false;
      }
    });
  } catch {
    return null;
  }
}

const REASONS: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  EADDRINUSE: ['已被其他程序占用', 'is taken by another program'],
  EACCES: ['本账户无权监听', 'is closed to this account'],
  EADDRNOTAVAIL: ['不是本机地址', 'is no address of this machine'],
  EINVAL: ['不是本机地址', 'is no address of this machine'],
  ENOTFOUND: ['不是可解析的主机名', 'is no host name that is known'],
  EAI_AGAIN: ['不是可解析的主机名', 'is no host name that is known'],
};
/** Faults of the address, not of the port. */
const OF_ADDRESS = new Set(['EADDRNOTAVAIL', 'EINVAL', 'ENOTFOUND', 'EAI_AGAIN']);

function refused(name: string, { setting, hostSetting, host, port }: Port, code: string): Finding {
  const [zh, en] = REASONS[code] ?? ['不能监听', `can't be listened on (${code})`];
  return fault(
    name,
    both(`${host}:${port} ${zh}`, `${host}:${port} ${en}`),
    OF_ADDRESS.has(code)
      ? both(
          `将 ${hostSetting} 改为本机地址，或 0.0.0.0（所有地址）`,
          `set ${hostSetting} to an address of this machine, or to 0.0.0.0 for all of them`,
        )
      : both(
          `改设 ${setting}，或停止占用者（ss -ltnp 'sport = :${port}' 可查）`,
          `set ${setting} to another, or stop what holds it (ss -ltnp 'sport = :${port}' tells)`,
        ),
  );
}

/** What is so of one port beside a running server; null when the system does not tell. */
function besideServer(name: string, one: Port, pid: number): Finding | null {
  const sockets = listening(one.port);
  if (sockets === null) return null;
  if (sockets.size === 0)
    return fault(
      name,
      both(
        `服务在运行（进程 ${pid}），但未监听 ${one.host}:${one.port}`,
        `the server runs (process ${pid}) and does not listen on ${one.host}:${one.port}`,
      ),
      both(
        '服务正在启动，或使用另一配置：重新启动',
        'it is starting, or runs with another configuration: restart it',
      ),
    );
  return holds(pid, sockets) === false ? refused(name, one, 'EADDRINUSE') : own(name, one, pid);
}

const own = (name: string, { host, port }: Port, pid: number | null): Finding =>
  ok(
    name,
    both(
      `${host}:${port} 由正在运行的服务使用${pid === null ? '' : `（进程 ${pid}）`}`,
      `${host}:${port} is held by the running server${pid === null ? '' : ` (process ${pid})`}`,
    ),
  );

async function look(one: Port, { running }: Patient): Promise<Finding> {
  const name = `port-${one.setting
    .replace(/^VILLAGE_(\w+)_PORT$/, '$1')
    .replace(/^mqtt\.(\w+)\.port$/, 'mqtt-$1')
    .toLowerCase()}`;
  const told = running?.pid == null ? null : besideServer(name, one, running.pid);
  if (told !== null) return told;
  const code = await tryPort(one);
  if (code === 'EADDRINUSE' && running !== null) return own(name, one, running.pid);
  if (code !== null) return refused(name, one, code);
  return ok(name, both(`${one.host}:${one.port} 空闲`, `${one.host}:${one.port} is free`));
}

export const ports: Check = {
  name: 'ports',
  title: both('端口', 'ports'),
  run: async (patient) => {
    const found: Finding[] = [];
    // One after the other: two of one number, which the configuration tells, must not take it from each other here.
    for (const one of portsOf(patient)) found.push(await look(one, patient));
    return found;
  },
};

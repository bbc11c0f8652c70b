/** The server that runs on the data folder, and what it says of itself. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { holderOf } from '@village/store/inspect';
import type { Config } from '../../config/config.ts';
import { both, type Check, fault, ok, type RunningServer, warning } from '../finding.ts';

const ASK_MS = 5_000;
const ANSWER_BYTES_MAX = 64 * 1024;

/** What the HTTP port answers when asked how it is; null when nothing does. */
function askHealth({ http: { host, port, tls } }: Config): Promise<RunningServer['health']> {
  const any = host === '0.0.0.0' || host === '::';
  const options = {
    host: any ? 'localhost' : host,
    port,
    path: '/healthz',
    timeout: ASK_MS,
    signal: AbortSignal.timeout(ASK_MS),
  };
  return new Promise((resolve) => {
    // Whether its certificate is good is another check.
    const asked =
      tls === undefined
        ? requestHttp(options)
        : requestHttps({ ...options, rejectUnauthorized: false });
    asked.on('error', () => resolve(null));
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', () => resolve(null));
      response.on('data', (piece: string) => {
        text += piece;
        if (text.length > ANSWER_BYTES_MAX) asked.destroy();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(text) }));
      response.on('close', () => resolve(null));
    });
    asked.end();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isOurs = (health: RunningServer['health']): boolean =>
  typeof health?.body === 'object' && health.body !== null && 'status' in health.body;

/** The server that has the data folder; null when none has. */
export async function findServer(config: Config): Promise<RunningServer | null> {
  const pid = holderOf(join(config.data, 'time-series', 'log.sqlite'));
  const health = config.http.port === 0 ? null : await askHealth(config);
  if (pid !== null) return { pid: pid === 0 ? null : pid, health };
  // Linux tells who has a file; elsewhere who answers on the port is taken for it.
  return process.platform !== 'linux' && isOurs(health) ? { pid: null, health } : null;
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

export const service: Check = {
  name: 'service',
  title: both('服务', 'server'),
  run: ({ running, config }) => {
    if (running === null)
      return [ok('service', both('未在此数据文件夹上运行', 'none runs on this data folder'))];
    const who = running.pid === null ? '' : ` ${running.pid}`;
    if (config.http.port === 0)
      return [
        ok('service', both(`进程${who} 使用数据文件夹`, `process${who} has the data folder`)),
      ];
    if (running.health === null)
      return [
        fault(
          'service',
          both(
            `进程${who} 使用数据文件夹，但 HTTP 端口 ${config.http.port} 无应答`,
            `process${who} has the data folder, and HTTP port ${config.http.port} does not answer`,
          ),
          both(
            '查看其日志；正在启动则稍候，否则重新启动',
            'see its log; wait if it is starting, else restart it',
          ),
        ),
      ];
    const { status, body } = running.health;
    const said = body as { detail?: unknown; warnings?: unknown } | null;
    if (status !== 200)
      return [
        fault(
          'service',
          both(
            `服务报告故障 ${status}：${said?.detail}`,
            `it tells a fault, ${status}: ${said?.detail}`,
          ),
          both('按所述原因处理，详见其日志', 'see to what it says; its log says more'),
        ),
      ];
    const warnings = textsOf(said?.warnings);
    return warnings.length > 0
      ? warnings.map((text) =>
          warning(
            'service',
            both(`服务提醒：${text}`, `it warns: ${text}`),
            both('尽快处理', 'see to it soon'),
          ),
        )
      : [
          ok(
            'service',
            both(
              `正在运行${who === '' ? '' : `（进程${who}）`}，一切正常`,
              `runs${who === '' ? '' : ` (process${who})`} and is well`,
            ),
          ),
        ];
  },
};

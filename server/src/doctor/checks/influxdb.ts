/** The InfluxDB that keeps the archive: whether it answers, is one at all, lets the account in and has the database. */
import { z } from 'zod';
import { addressShown } from '../../config/address.ts';
import type { Config } from '../../config/config.ts';
import {
  type Both,
  both,
  type Finding,
  fault,
  ok,
  type Patient,
  reasonOf,
  warning,
} from '../finding.ts';

type Influx = Extract<Config['timeSeries'], { engine: 'influxdb' }>;

const ASK_MS = 5_000;
/** What is read of an answer: a program that is no InfluxDB may never end. */
const ANSWER_BYTES_MAX = 1024 * 1024;

const answerSchema = z.object({
  results: z
    .array(
      z.object({
        error: z.string().optional(),
        series: z.array(z.object({ values: z.array(z.array(z.unknown())).optional() })).optional(),
      }),
    )
    .min(1),
});

/** What was heard of it: names of the databases that the account sees, or why there are none. */
type Heard =
  | { readonly databases: readonly unknown[] }
  | { readonly refused: string }
  | 'no-entry'
  | 'no-influxdb';

/** The begin of an answer as text, null where it is longer than any of an InfluxDB. */
async function textOf(response: Response): Promise<string | null> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) return null;
    text += decoder.decode(piece, { stream: true });
  }
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @throws what keeps it from answering */
async function hear({ url, username }: Influx, password: string | undefined): Promise<Heard> {
  const login = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64');
  const asked = new URL('/query', url);
  asked.searchParams.set('q', 'SHOW DATABASES');
  const response = await fetch(asked, {
    signal: AbortSignal.timeout(ASK_MS),
    redirect: 'manual',
    headers: username === undefined ? {} : { authorization: `Basic ${login}` },
  });
  if (response.status === 401 || response.status === 403) return 'no-entry';
  if (response.status >= 500) throw new Error(`${response.status}`);
  const text = response.ok ? await textOf(response) : null;
  const answer = answerSchema.safeParse(text === null ? null : parsed(text));
  if (!answer.success) return 'no-influxdb';
  const [{ error, series = [] } = {}] = answer.data.results;
  if (error !== undefined) return { refused: error };
  return { databases: (series[0]?.values ?? []).map(([name]) => name) };
}

const ACCOUNT: Both = both(
  '检查 timeSeries.username 和变量 VILLAGE_INFLUXDB_PASSWORD',
  'see whether timeSeries.username and the variable VILLAGE_INFLUXDB_PASSWORD are right',
);

function told(heard: Heard, address: string, database: string): Finding {
  if (heard === 'no-entry')
    return fault(
      'archive',
      both(`InfluxDB 拒绝登录：${address}`, `InfluxDB does not let the account in: ${address}`),
      ACCOUNT,
    );
  if (heard === 'no-influxdb')
    return fault(
      'archive',
      both(
        `${address} 有应答，但不是 InfluxDB 1.x 的接口`,
        `${address} answers, and not as the interface of an InfluxDB 1.x does`,
      ),
      both(
        '检查 timeSeries.url 的主机和端口，是否指向了其他程序或代理',
        'see whether host and port in timeSeries.url are right and lead to no other program or proxy',
      ),
    );
  if ('refused' in heard)
    return fault(
      'archive',
      both(`InfluxDB 拒绝查询：${heard.refused}`, `InfluxDB refuses the query: ${heard.refused}`),
      ACCOUNT,
    );
  if (!heard.databases.includes(database))
    return warning(
      'archive',
      both(
        `InfluxDB 中看不到数据库 ${database}：${address}`,
        `InfluxDB shows no database ${database}: ${address}`,
      ),
      both(
        `首次启动时会建立；账户无权建立的，请管理员 CREATE DATABASE ${database} 并授权`,
        `the first start makes it; where the account may not, let its administrator CREATE DATABASE ${database} and grant it`,
      ),
    );
  return ok('archive', both(`InfluxDB 正常应答：${address}`, `InfluxDB answers: ${address}`));
}

export async function influx({ config }: Patient, settings: Influx): Promise<Finding> {
  const address = addressShown(settings.url);
  try {
    return told(await hear(settings, config.influxPassword), address, settings.database);
  } catch (error) {
    return fault(
      'archive',
      both(
        `InfluxDB 无应答：${address}（${reasonOf(error)}）`,
        `InfluxDB does not answer: ${address} (${reasonOf(error)})`,
      ),
      both(
        '启动 InfluxDB，检查 timeSeries.url；期间数据留在日志中',
        'start it, and see whether timeSeries.url is right; readings stay in the log meanwhile',
      ),
    );
  }
}

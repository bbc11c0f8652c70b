/** The stores: whether the databases open and hold, PostgreSQL and InfluxDB answer, and archive files have their checksums. */
import { join } from 'node:path';
import {
  inspectJournal,
  inspectPostgres,
  inspectSqlite,
  proveFiles,
  type SqliteInspection,
} from '@village/store/inspect';
import { addressShown } from '../../config/address.ts';
import {
  both,
  type Check,
  type Finding,
  fault,
  ok,
  type Patient,
  reasonOf,
  warning,
} from '../finding.ts';

const POSTGRES_LEAST = 130_000;

const RESTORE = both(
  '停止服务，移走数据文件夹，从最近备份恢复：npm run serve -- restore 备份文件夹',
  'stop the server, move the data folder away and bring the newest backup back: npm run serve -- restore FOLDER',
);

type LookedInto = { readonly value: SqliteInspection } | { readonly unread: string } | null;

/** What an inspection of a SQLite database found. */
function sqliteFinding(name: string, look: () => LookedInto): Finding {
  try {
    const looked = look();
    if (looked === null) return ok(name, both('尚未建立', 'there is none yet'));
    if ('unread' in looked)
      return ok(
        name,
        both(
          '上次未正常结束，启动时自动补齐；文件较大，本次未检查',
          'not ended in order, which the next start completes; too large to be looked at now',
        ),
      );
    const { fault: found } = looked.value;
    if (found === null) return ok(name, both('完好', 'whole'));
    return fault(name, both(`已损坏：${found}`, `damaged: ${found}`), RESTORE);
  } catch (error) {
    return fault(
      name,
      both(`无法打开：${reasonOf(error)}`, `can't be opened: ${reasonOf(error)}`),
      RESTORE,
    );
  }
}

async function postgres(url: string): Promise<Finding> {
  const address = addressShown(url);
  try {
    const version = await inspectPostgres(url);
    const major = Math.floor(version / 10_000);
    return version >= POSTGRES_LEAST
      ? ok(
          'database',
          both(
            `PostgreSQL ${major} 正常应答：${address}`,
            `PostgreSQL ${major} answers: ${address}`,
          ),
        )
      : fault(
          'database',
          both(
            `PostgreSQL ${major} 过旧：${address}`,
            `PostgreSQL ${major} is too old: ${address}`,
          ),
          both('升级到 13 以上', 'take 13 or newer'),
        );
  } catch (error) {
    return fault(
      'database',
      both(
        `PostgreSQL 无应答：${address}（${reasonOf(error)}）`,
        `PostgreSQL does not answer: ${address} (${reasonOf(error)})`,
      ),
      both(
        '启动数据库，检查 relational.url 的地址、账户和防火墙',
        'start it, and see whether address and account in relational.url and the firewall are right',
      ),
    );
  }
}

export const database: Check = {
  name: 'database',
  title: both('数据库', 'database'),
  run: async ({ config, running }) => [
    config.relational === undefined
      ? sqliteFinding('database', () =>
          inspectSqlite(join(config.data, 'relational.sqlite'), running !== null),
        )
      : await postgres(config.relational.url),
  ],
};

export const journal: Check = {
  name: 'journal',
  title: both('数据日志', 'log of readings'),
  run: ({ config, running }) => [
    running === null
      ? sqliteFinding('journal', () => inspectJournal(join(config.data, 'time-series')))
      : ok('journal', both('由正在运行的服务使用', 'in use by the running server')),
  ],
};

/** How long files are proved unless all are asked for. */
const PROVE_MS = 30_000;
const TOLD_MAX = 5;

async function influx(url: string): Promise<Finding> {
  const address = addressShown(url);
  try {
    const { status } = await fetch(new URL('/ping', url), { signal: AbortSignal.timeout(5_000) });
    if (status < 400)
      return ok('archive', both(`InfluxDB 正常应答：${address}`, `InfluxDB answers: ${address}`));
    throw new Error(`${status}`);
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

async function files({ config, running, full }: Patient): Promise<Finding[]> {
  if (running !== null)
    return [
      ok(
        'archive',
        both(
          '由正在运行的服务使用，每夜自检；停止后可全部核对',
          'in use by the running server, which proves them each night; a stopped one is proved here',
        ),
      ),
    ];
  const folder = join(config.data, 'time-series');
  const looked = inspectJournal(folder);
  if (looked === null) return [ok('archive', both('尚无文件', 'there is no file yet'))];
  if ('unread' in looked)
    return [
      warning(
        'archive',
        both('日志较大，未核对', 'not proved: the log is too large to be looked at'),
        both('npm run serve -- check-archive', 'npm run serve -- check-archive'),
      ),
    ];
  const { files: listed } = looked.value;
  const signal = full ? new AbortController().signal : AbortSignal.timeout(PROVE_MS);
  const { proved, bad } = await proveFiles(folder, listed, signal);
  const states = { whole: '已搁置', damaged: '已损坏', missing: '缺失', unknown: '无法读取' };
  if (bad.length > 0)
    return bad
      .slice(0, TOLD_MAX)
      .map(({ path, state, reason }) =>
        fault(
          'archive',
          both(
            `${path} ${states[state]}（共 ${bad.length} 个）`,
            `${path} ${state}: ${reason} (${bad.length} in all)`,
          ),
          both(
            '从备份取回该文件，再运行 npm run serve -- check-archive',
            'take that file out of a backup, then npm run serve -- check-archive',
          ),
        ),
      );
  const left = listed.length - proved;
  return [
    ok(
      'archive',
      left === 0
        ? both(`${proved} 个文件校验和全部相符`, `${proved} files, all with their checksums`)
        : both(
            `较新的 ${proved} 个校验和相符，余 ${left} 个未核对（--full 全部）`,
            `the newest ${proved} have their checksums, ${left} more were not looked at (--full does)`,
          ),
    ),
  ];
}

export const archive: Check = {
  name: 'archive',
  title: both('历史数据文件', 'archive files'),
  run: async (patient) =>
    patient.config.timeSeries.engine === 'influxdb'
      ? [await influx(patient.config.timeSeries.url)]
      : files(patient),
};

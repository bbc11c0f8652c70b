/** The stores: whether the databases open and hold, PostgreSQL and InfluxDB answer, and archive files have their checksums. */
import { join } from 'node:path';
import {
  inspectJournal,
  inspectPostgres,
  inspectSqlite,
  orphanOf,
  type PostgresInspection,
  proveFiles,
} from '@village/store/inspect';
import type { RelationalModule } from '@village/store/relational';
import { addressShown } from '../../config/address.ts';
import { modules } from '../../modules/index.ts';
import { relationalModules } from '../../relational-modules.ts';
import {
  type Both,
  both,
  type Check,
  type Finding,
  fault,
  ok,
  type Patient,
  reasonOf,
  warning,
} from '../finding.ts';
import { influx } from './influxdb.ts';

const POSTGRES_LEAST = 130_000;

const RESTORE = both(
  '停止服务，移走数据文件夹，从最近备份恢复：npm run serve -- restore 备份文件夹',
  'stop the server, move the data folder away and bring the newest backup back: npm run serve -- restore FOLDER',
);

const NEWER = both(
  '运行该新版程序，或恢复升级前的备份',
  'run that later version, or bring back a backup of before the upgrade',
);

type LookedInto =
  | { readonly value: { readonly fault: string | null } }
  | { readonly unread: string }
  | null;

/** What a later version of the program has written. */
const newer = (name: string, what: string): Finding =>
  fault(
    name,
    both(
      `由更新版本的程序写成，本版本不能使用（${what}）`,
      `written by a later version of this program, which this one can't use (${what})`,
    ),
    NEWER,
  );

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

/** The tables that this version knows. */
export const ourTables = (): readonly RelationalModule[] => relationalModules(modules);

async function postgres({ config }: Patient, url: string): Promise<Finding[]> {
  const address = addressShown(url);
  try {
    const found = await inspectPostgres(url, ourTables());
    if (found.later.length > 0) return [newer('database', found.later.join(', '))];
    return [answers(found, address, config.data)];
  } catch (error) {
    return [
      fault(
        'database',
        both(
          `PostgreSQL 无应答：${address}（${reasonOf(error)}）`,
          `PostgreSQL does not answer: ${address} (${reasonOf(error)})`,
        ),
        both(
          '启动数据库，检查 relational.url 的地址、账户和防火墙',
          'start it, and see whether address and account in relational.url and the firewall are right',
        ),
      ),
    ];
  }
}

/** What is so of a PostgreSQL that lets us in. */
function answers(
  { version, isEmpty, isReadOnly, mayCreate }: PostgresInspection,
  address: string,
  data: string,
): Finding {
  const major = Math.floor(version / 10_000);
  const wrong = (zh: string, en: string, advice: Both, state = fault): Finding =>
    state('database', both(`${zh}：${address}`, `${en}: ${address}`), advice);
  if (version < POSTGRES_LEAST)
    return wrong(
      `PostgreSQL ${major} 过旧`,
      `PostgreSQL ${major} is too old`,
      both('升级到 13 以上', 'take 13 or newer'),
    );
  if (isReadOnly)
    return wrong(
      'PostgreSQL 只读',
      'PostgreSQL is read-only',
      both(
        'relational.url 须指向主库而非备库；主库则查 default_transaction_read_only',
        'relational.url must lead to the primary and not to a standby; of a primary look at default_transaction_read_only',
      ),
    );
  if (!mayCreate)
    return wrong(
      '本账户无权建表',
      'this account may not make tables',
      both(
        '以管理员执行 GRANT CREATE ON SCHEMA public TO 账户，或 ALTER DATABASE 库 OWNER TO 账户',
        'let an administrator GRANT CREATE ON SCHEMA public TO the account, or ALTER DATABASE … OWNER TO it',
      ),
      // Tables that are there serve until an upgrade brings others.
      isEmpty ? fault : warning,
    );
  if (isEmpty && hasReadings(data))
    return wrong(
      '数据库为空，而读数还在',
      'the database is empty while readings are there',
      both(
        '检查 relational.url 中的库名；确实丢失则用 pg_restore 恢复',
        'see whether relational.url names the right database; if it is lost bring it back with pg_restore',
      ),
    );
  return ok(
    'database',
    both(`PostgreSQL ${major} 正常应答：${address}`, `PostgreSQL ${major} answers: ${address}`),
  );
}

const MISSING = both(
  '停止服务，从最近备份取回该文件（没有备份时请先保留整个文件夹）',
  'stop the server and take that file out of the newest backup; without one keep the whole folder as it is',
);

/** Whether readings were taken in, as far as it can be seen. */
function hasReadings(data: string): boolean {
  try {
    const looked = inspectJournal(join(data, 'time-series'));
    return looked !== null && 'value' in looked && looked.value.committedAt !== null;
  } catch {
    // The journal has a check of its own.
    return true;
  }
}

function sqlite(patient: Patient): Finding[] {
  const { config, running } = patient;
  const path = join(config.data, 'relational.sqlite');
  const looked: { of?: ReturnType<typeof inspectSqlite> } = {};
  const finding = sqliteFinding('database', () => {
    looked.of = inspectSqlite(path, running !== null, ourTables());
    return looked.of;
  });
  if (finding.state !== 'ok' || looked.of === undefined) return [finding];
  const value = looked.of !== null && 'value' in looked.of ? looked.of.value : null;
  if ((looked.of === null || value?.isEmpty === true) && hasReadings(config.data))
    return [
      fault(
        'database',
        both(
          `${path} 缺失或为空，而读数还在`,
          `${path} is missing or empty while readings are there`,
        ),
        MISSING,
      ),
    ];
  if (value === null) return [finding];
  if (value.later.length > 0) return [newer('database', value.later.join(', '))];
  return [finding];
}

export const database: Check = {
  name: 'database',
  title: both('数据库', 'database'),
  run: (patient) =>
    patient.config.relational === undefined
      ? sqlite(patient)
      : postgres(patient, patient.config.relational.url),
};

function log({ config, running }: Patient): Finding {
  if (running !== null)
    return ok('journal', both('由正在运行的服务使用', 'in use by the running server'));
  const folder = join(config.data, 'time-series');
  const looked: { newer?: boolean } = {};
  const finding = sqliteFinding('journal', () => {
    const found = inspectJournal(folder);
    looked.newer = found !== null && 'value' in found && found.value.newer;
    return found;
  });
  if (finding.state !== 'ok') return finding;
  if (looked.newer === true) return newer('journal', 'log.sqlite');
  const orphan = orphanOf(folder);
  if (orphan === null) return finding;
  return fault(
    'journal',
    both(
      `log.sqlite 缺失或为空，而历史数据文件还在：${orphan}`,
      `log.sqlite is missing or empty while archive files are there: ${orphan}`,
    ),
    MISSING,
  );
}

export const journal: Check = {
  name: 'journal',
  title: both('数据日志', 'log of readings'),
  run: (patient) => [log(patient)],
};

/** How long files are proved unless all are asked for. */
const PROVE_MS = 30_000;
const TOLD_MAX = 5;

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
      ? [await influx(patient, patient.config.timeSeries)]
      : files(patient),
};

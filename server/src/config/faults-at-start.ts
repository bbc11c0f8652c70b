/** What can stop a start, told in one line with what to do: the data folder, another server in it, and ports. */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MINUTE, OperationalError, SECOND, type Timer } from '@village/core';

/** What opening the stores writes at most, before a reading is taken. */
const ROOM_TO_START = 4 * 1024 * 1024;
/** How often is told that a full disk is waited for. */
const TOLD_EVERY_MS = 10 * MINUTE;

/**
 * Waits while the disk of the data folder is full. Who was killed while it is, and is started again, would end at once, time after
 * time, until the service manager gives it up and it needs somebody to start it when there is room.
 * @throws the reason of `signal`
 */
export async function roomToStart(
  folder: string,
  {
    timer,
    tell,
    signal,
  }: {
    readonly timer: Timer;
    readonly tell: (message: string) => void;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  let place = folder;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  let toldAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    // What can't be asked is found out by writing there.
    const disk = await statfs(place).catch(() => null);
    if (disk === null || disk.bavail * disk.bsize >= ROOM_TO_START) return;
    if (timer.elapsed() - toldAt >= TOLD_EVERY_MS) {
      toldAt = timer.elapsed();
      tell(
        `磁盘已满，有空间后自动启动：${folder} · the disk is full, the start waits until there is room: ${folder}`,
      );
    }
    await timer.sleep(SECOND, signal);
  }
}

/**
 * Makes the data folder when it is missing, and finds out now rather than at the first reading whether it can be written.
 * @throws data-unusable
 */
export function prepareData(folder: string): void {
  try {
    // One level after the other: where folders can't be made at all (/proc), Node's recursive mkdir never returns.
    const missing: string[] = [];
    for (let at = folder; !existsSync(at); at = dirname(at)) missing.unshift(at);
    // Others of the machine have no business in it.
    for (const one of missing) mkdirSync(one, one === folder ? { mode: 0o750 } : {});
    const probe = join(folder, `.writable-${process.pid}`);
    writeFileSync(probe, 'x');
    rmSync(probe);
  } catch (error) {
    throw new OperationalError(
      'data-unusable',
      `数据文件夹不可写，请授予写权限或改设 VILLAGE_DATA：${folder} · the data folder can't be written: ` +
        `let this account write there or set VILLAGE_DATA (${(error as Error).message})`,
      { cause: error },
    );
  }
}

/**
 * Where readings were taken in before, areas, devices and people are not made anew beside them.
 * @throws database-missing
 */
export function checkDatabase(file: string, readings: number): void {
  if (readings === 0 || (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0) return;
  throw new OperationalError(
    'database-missing',
    `区域、设备和人员的数据库缺失或为空，而读数还在：停止服务，从备份取回 ${file} · the database of areas, devices and people is missing ` +
      `or empty while readings are there: bring ${file} back from a backup`,
  );
}

/** What of a store's faults an operator can see to, and how. */
const STORE_FAULTS: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  'log-missing': [
    '数据日志 time-series/log.sqlite 缺失或为空，而历史数据文件还在，未启动也未删除任何内容：从备份取回整个数据文件夹',
    'the log time-series/log.sqlite is missing or empty while archive files are there; nothing was started or deleted: bring the ' +
      'whole data folder back from a backup',
  ],
  'store-newer': [
    '数据文件夹来自更新版本的程序，本版本不能使用：请运行该版本，或恢复升级前的备份',
    'a later version of this program has written the data folder: run that version, or bring back a backup of before',
  ],
  'store-damaged': [
    '数据日志已损坏：运行 npm run serve -- doctor，并从备份恢复',
    'the log of readings is damaged: ask npm run serve -- doctor, and bring a backup back',
  ],
};

/** The same error, said for the operator with what to do. */
export function storeFault(folder: string, error: unknown): unknown {
  if (!(error instanceof OperationalError)) return error;
  if (error.code === 'other-archive')
    return new OperationalError(
      'other-archive',
      `数据文件夹的历史数据在另一种时序库中，请改回 timeSeries 设置或改设 VILLAGE_DATA：${folder} · the readings of this ` +
        `data folder are in another archive: set timeSeries back, or VILLAGE_DATA to another folder (${error.message})`,
      { cause: error },
    );
  const told = STORE_FAULTS[error.code];
  if (told !== undefined)
    return new OperationalError(
      error.code,
      `${told[0]}：${folder} · ${told[1]}: ${folder} (${error.message})`,
      { cause: error },
    );
  if (error.code !== 'store-in-use') return error;
  return new OperationalError(
    'store-in-use',
    `数据文件夹正被另一个服务使用，请先停止它或改设 VILLAGE_DATA：${folder} · another server uses this data ` +
      'folder: stop it, or set VILLAGE_DATA to another one',
    { cause: error },
  );
}

const REASONS: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  EADDRINUSE: ['已被占用', 'is taken by another program'],
  EACCES: ['无权监听', 'is not allowed to this account'],
  EADDRNOTAVAIL: ['不是本机地址', 'is no address of this machine'],
};

/** Why a port can't be had, and which variable names another one. */
export function listenFault(
  what: 'HTTP' | 'MQTT',
  { host, port }: { readonly host: string; readonly port: number },
  error: unknown,
): OperationalError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [zh, en] = REASONS[code] ?? ['不能监听', `can't be listened on: ${message}`];
  return new OperationalError(
    'listen-failed',
    `${what} 端口${zh}，请改设 VILLAGE_${what}_PORT：${host}:${port} · the ${what} port ${en}: ` +
      `set VILLAGE_${what}_PORT to a free one (${code})`,
    { cause: error },
  );
}

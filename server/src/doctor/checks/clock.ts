/** The machine's clock: against what was written last, and whether it is kept in step. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { clockIsSet, DAY, formatCountyTime, MINUTE } from '@village/core';
import { inspectJournal } from '@village/store/inspect';
import { both, type Check, fault, ok, type Patient, warning } from '../finding.ts';

/** Clocks of file systems on other machines differ by so much. */
const BEHIND_MS = 5 * MINUTE;
const AHEAD_MS = 365 * DAY;

/** When anything was written last, by what the log says and by the times of its files. */
function newest({ config, running }: Patient): number {
  const folder = join(config.data, 'time-series');
  if (!existsSync(folder)) return 0;
  const times = readdirSync(folder).map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Math.max(0, ...times, running === null ? committedAt(folder) : 0);
}

function committedAt(folder: string): number {
  try {
    const looked = inspectJournal(folder);
    return looked !== null && 'value' in looked ? (looked.value.committedAt ?? 0) : 0;
  } catch {
    // The journal has a check of its own.
    return 0;
  }
}

const SET = both(
  '校准本机时钟并启用 chrony 或 systemd-timesyncd',
  'set the clock of this machine and let chrony or systemd-timesyncd keep it',
);

export const clock: Check = {
  name: 'clock',
  title: both('时钟', 'clock'),
  run: (patient) => {
    const { now } = patient;
    const last = newest(patient);
    const time = formatCountyTime(now);
    if (!clockIsSet(now)) return [fault('clock', both(`未设置：${time}`, `not set: ${time}`), SET)];
    if (last === 0) return [ok('clock', both(time, time))];
    const found = both(
      `${time}，最近写入 ${formatCountyTime(last)}`,
      `${time}, written last ${formatCountyTime(last)}`,
    );
    if (now < last - BEHIND_MS)
      return [fault('clock', both(`${found.zh}：慢于数据`, `${found.en}: behind the data`), SET)];
    if (now > last + AHEAD_MS)
      return [
        warning(
          'clock',
          both(`${found.zh}：相差一年以上`, `${found.en}: more than a year apart`),
          both(
            '确认时钟正确；确实停用已久则设 clock.trust: true',
            'see that it is right; where the server was off for so long set clock.trust: true',
          ),
        ),
      ];
    return [ok('clock', found)];
  },
};

const run = promisify(execFile);
const ASK_MS = 3_000;

/** What a program says; null when it is not there or has nothing to say. */
async function says(program: string, ...args: string[]): Promise<string | null> {
  try {
    const { stdout } = await run(program, args, { timeout: ASK_MS, encoding: 'utf8' });
    return stdout;
  } catch {
    return null;
  }
}

/** Whether the clock is kept in step, and who says so; null when nobody tells. */
async function synchronised(): Promise<{ by: string; is: boolean } | null> {
  const chrony = await says('chronyc', '-n', 'tracking');
  if (chrony !== null && /Leap status/.test(chrony))
    return { by: 'chronyd', is: !/Not synchronised/.test(chrony) };
  const systemd = await says('timedatectl', 'show', '-p', 'NTPSynchronized', '--value');
  if (systemd !== null && /^(yes|no)\s*$/.test(systemd))
    return { by: 'timedatectl', is: systemd.startsWith('yes') };
  return null;
}

export const sync: Check = {
  name: 'clock-sync',
  title: both('时钟同步', 'clock in step'),
  run: async () => {
    const state = await synchronised();
    if (state === null)
      return [
        ok(
          'clock-sync',
          both('未知：没有 chronyd 或 systemd 可询问', 'not known: no chronyd or systemd to ask'),
        ),
      ];
    if (state.is)
      return [ok('clock-sync', both(`${state.by}：已同步`, `${state.by}: synchronised`))];
    return [
      warning('clock-sync', both(`${state.by}：未同步`, `${state.by}: not synchronised`), SET),
    ];
  },
};

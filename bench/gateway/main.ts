/**
 * `npm run bench -- gateway [--seconds 6]`: what one gateway process polls, decodes, stores and has acknowledged, and what
 * it takes for it. The gateway is the program itself with its own outbox on disk; slaves, county and peers are processes
 * of their own. Memory and CPU are read from /proc: Linux only.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Process, until } from '../../test/lib/processes.ts';
import { answer } from '../messages.ts';
import { numberOption } from '../options.ts';
import { type Case, judge, report } from '../report.ts';
import type { BareReport } from './bare.ts';
import type { CountyReport } from './county.ts';
import { PROFILE_ID, profileText, REGISTERS } from './profile.ts';
import type { SlavesReport } from './slaves.ts';

/** What `npm run gateway` runs. */
const LAUNCHER = 'tools/node24.mjs';
const PROGRAM = 'gateway/src/main.ts';
const SLAVES = 200;
/** Share of the scheduled polls that must arrive for a rate to count as sustained. */
const SUSTAINED = 0.98;
/** Ticks of /proc/PID/stat a second (sysconf(_SC_CLK_TCK), 100 on every Linux in use). */
const TICKS = 100;

interface Load {
  readonly slaves: number;
  readonly everyMs: number;
}

interface Measured extends Load {
  readonly scheduled: number;
  readonly pollsPerSecond: number;
  readonly county: CountyReport;
  /** Answers that slaves gave, and how many of them are not at the county. */
  readonly answers: number;
  readonly lost: number;
  readonly cpuShare: number;
  readonly rssMb: number;
  readonly rssPeakMb: number;
  readonly slavesCpuShare: number;
}

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** A figure in kB of /proc/PID/status, in MB. */
function memoryMb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
}

/** CPU seconds of a process so far. */
function cpuSeconds(pid: number): number {
  // The second field is the name in brackets, which may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

async function ask<T>(child: ChildProcess, message: string): Promise<T> {
  child.send(message);
  return answer<T>(child, 'report');
}

function gatewayFiles(
  folder: string,
  ports: readonly number[],
  county: number,
  load: Load,
): string {
  mkdirSync(join(folder, 'catalog', 'bench'), { recursive: true });
  writeFileSync(join(folder, 'catalog', `${PROFILE_ID}.yaml`), profileText());
  const file = join(folder, 'gateway.yaml');
  writeFileSync(
    file,
    `gateway: bench
uplink: { url: mqtt://127.0.0.1:${county}, secret: bench }
data: ./data
catalogs: [./catalog]
devices:
${ports
  .map(
    (port, i) =>
      `  - { id: slave-${i}, profile: ${PROFILE_ID}, connection: { host: 127.0.0.1, port: ${port}, unit: 1, timeout: 5s }, every: ${load.everyMs}ms }`,
  )
  .join('\n')}
`,
  );
  return file;
}

/** Waits until the county has stopped counting, so that nothing is under way any more. */
async function settled(county: ChildProcess): Promise<CountyReport> {
  let before = -1;
  for (let i = 0; i < 60; i++) {
    const now = await ask<CountyReport>(county, 'report');
    const sum = Object.values(now.distinct).reduce((a, b) => a + b, 0);
    if (sum === before) return now;
    before = sum;
    await delay(1_000);
  }
  throw new Error('the county still receives a minute after the slaves fell silent');
}

/** One gateway under one load, from its start to its end. */
async function measure(load: Load, seconds: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-gateway-'));
  const slaves = fork(new URL('slaves.ts', import.meta.url), [String(load.slaves)]);
  const county = fork(new URL('county.ts', import.meta.url));
  let gateway: Process | null = null;
  try {
    const ports = await answer<number[]>(slaves, 'ports');
    const file = gatewayFiles(folder, ports, await answer<number>(county, 'port'), load);
    // As on a box: its configuration was checked before it starts, which also fills the cache of compiled code.
    const check = new Process('check', LAUNCHER, [PROGRAM, '--check', '--config', file], {});
    check.start();
    await until('the check of the configuration', () => !check.running);
    gateway = new Process('gateway', LAUNCHER, [PROGRAM, '--config', file], {});
    gateway.start();
    const { pid } = gateway;
    if (pid === undefined) throw new Error('the gateway has not started');
    // All slaves have had their first polls, and the compiler has seen the way of a poll.
    await delay(4_000);
    const slavesBefore = await ask<SlavesReport>(slaves, 'report');
    const cpuBefore = cpuSeconds(pid);
    const began = performance.now();
    county.send('measuring');
    const rss: number[] = [];
    while (performance.now() - began < seconds * 1000) {
      await delay(200);
      rss.push(memoryMb(pid, 'VmRSS'));
    }
    county.send('measured');
    const elapsed = (performance.now() - began) / 1000;
    const cpuShare = (cpuSeconds(pid) - cpuBefore) / elapsed;
    const slavesAfter = await ask<SlavesReport>(slaves, 'silence');
    const counted = await settled(county);
    const rssPeakMb = memoryMb(pid, 'VmHWM');
    const { answers } = await ask<SlavesReport>(slaves, 'report');
    if (!gateway.running) throw new Error(`the gateway has ended:\n${gateway.output}`);
    await gateway.end('SIGTERM');
    return {
      ...load,
      scheduled: (load.slaves * 1000) / load.everyMs,
      pollsPerSecond: counted.rows / counted.seconds,
      county: counted,
      answers: answers.reduce((a, b) => a + b, 0),
      lost: answers.reduce((sum, n, i) => sum + n - (counted.distinct[`slave-${i}`] ?? 0), 0),
      cpuShare,
      rssMb: rss.sort((a, b) => a - b)[rss.length >> 1] ?? 0,
      rssPeakMb,
      slavesCpuShare: (slavesAfter.cpuSeconds - slavesBefore.cpuSeconds) / elapsed,
    };
  } finally {
    await gateway?.end('SIGKILL');
    slaves.kill('SIGKILL');
    county.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A client of modbus-serial alone against as many slaves. */
async function bare(way: 'whole' | 'blocks' | 'registers', seconds: number): Promise<BareReport> {
  const slaves = fork(new URL('slaves.ts', import.meta.url), [String(SLAVES)]);
  try {
    const ports = await answer<number[]>(slaves, 'ports');
    const client = fork(new URL('bare.ts', import.meta.url), [way, ports.join(), String(seconds)]);
    return await answer<BareReport>(client, 'report');
  } finally {
    slaves.kill('SIGKILL');
  }
}

function kept(name: string, measured: Measured): Case[] {
  return [
    judge(`${name}: answers of slaves`, measured.answers, 'polls'),
    judge(`${name}: answered and not at the county`, measured.lost, 'polls', '== 0'),
    judge(`${name}: doubled`, measured.county.doubled, 'polls', '== 0'),
    judge(`${name}: not with all ${REGISTERS} values`, measured.county.incomplete, 'polls', '== 0'),
    judge(`${name}: CPU of the gateway`, round(measured.cpuShare, 3), 'cores'),
    judge(
      `${name}: CPU of the gateway per poll`,
      round((measured.cpuShare / measured.pollsPerSecond) * 1e6),
      'µs',
    ),
    judge(`${name}: CPU of the slaves`, round(measured.slavesCpuShare, 3), 'cores'),
    judge(`${name}: decoded to arrived p50`, measured.county.ageMs.p50, 'ms'),
    judge(`${name}: decoded to arrived p99`, measured.county.ageMs.p99, 'ms'),
    judge(`${name}: RSS, median`, round(measured.rssMb, 1), 'MB'),
  ];
}

/** More and more slaves and shorter intervals, until polls fall behind: the last rate that held, and the highest seen. */
async function highest(seconds: number): Promise<{ held: Measured | null; most: Measured }> {
  let held: Measured | null = null;
  for (const load of [
    { slaves: SLAVES, everyMs: 100 },
    { slaves: 2 * SLAVES, everyMs: 100 },
    { slaves: 4 * SLAVES, everyMs: 100 },
  ]) {
    const measured = await measure(load, seconds);
    console.log(
      `  ${load.slaves} slaves every ${load.everyMs} ms: ${round(measured.pollsPerSecond)} of ${measured.scheduled} polls/s, gateway ${round(measured.cpuShare, 2)} cores and ${round(measured.rssPeakMb)} MB, slaves ${round(measured.slavesCpuShare, 2)} cores, lost ${measured.lost}`,
    );
    if (measured.pollsPerSecond < SUSTAINED * measured.scheduled) return { held, most: measured };
    held = measured;
  }
  if (held === null) throw new Error('BUG: no load');
  return { held, most: held };
}

/** Runs the benchmark. */
export async function run(options: string[]): Promise<void> {
  const { values } = parseArgs({
    args: options,
    options: { seconds: { type: 'string', default: '6' } },
  });
  const seconds = numberOption('seconds', values.seconds);
  const bound = await bare('whole', seconds / 2);
  // Twice a second, so that 200 slaves a second are not just the schedule.
  const name = `${SLAVES} slaves every 500 ms`;
  const measured = await measure({ slaves: SLAVES, everyMs: 500 }, seconds);
  const { held, most } = await highest(seconds);
  const byBlock = await bare('blocks', seconds / 2);
  const byRegister = await bare('registers', seconds / 2);
  report('gateway', [
    judge(`${name}: acknowledged`, round(measured.pollsPerSecond, 1), 'slaves/s', '>= 200'),
    judge(
      `${name}: readings acknowledged`,
      round(measured.county.readings / measured.county.seconds),
      'readings/s',
    ),
    judge(`${name}: RSS, peak`, round(measured.rssPeakMb, 1), 'MB', '<= 120'),
    ...kept(name, measured),
    judge(
      'highest rate that held, of at most 8,000',
      held === null ? 0 : round(held.pollsPerSecond),
      'slaves/s',
    ),
    judge('highest rate seen', round(most.pollsPerSecond), 'slaves/s'),
    judge(
      'highest rate seen, share of the bound',
      round(most.pollsPerSecond / bound.pollsPerSecond, 3),
      '',
    ),
    judge('highest rate: RSS, peak', round(most.rssPeakMb, 1), 'MB'),
    ...kept('highest rate', most),
    judge(
      'bound: modbus-serial alone, one planned request',
      round(bound.pollsPerSecond),
      'slaves/s',
    ),
    judge('bound: CPU per poll', round(bound.cpuSecondsPerPoll * 1e6), 'µs'),
    judge('bound: poll p50', round(bound.pollMs.p50, 2), 'ms'),
    judge('bound: poll p99', round(bound.pollMs.p99, 2), 'ms'),
    judge('no plan: a request for each block', round(byBlock.pollsPerSecond), 'slaves/s'),
    judge('no plan: a request for each register', round(byRegister.pollsPerSecond), 'slaves/s'),
    judge(
      'planned requests are faster than one for each register by',
      round(bound.pollsPerSecond / byRegister.pollsPerSecond, 1),
      'times',
    ),
  ]);
}

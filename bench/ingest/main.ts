/**
 * `npm run bench -- ingest [--seconds 6] [--case devices-50|devices-5000|batches|steady]`: how many readings a second are
 * acknowledged durably, beside a bare acknowledger under the same publishers in the same run.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { answer } from '../messages.ts';
import { numberOption } from '../options.ts';
import { type Case, judge, report } from '../report.ts';
import { parseAndFsync } from './bound.ts';
import { METRICS, ROWS_PER_BATCH } from './packets.ts';
import type { Load, Published } from './publisher.ts';
import type { ServeOptions, ServeReport } from './server.ts';

const READINGS = METRICS.length;

interface Plan {
  readonly name: string;
  readonly load: Omit<Load, 'port' | 'warmSeconds' | 'seconds'>;
  readonly serve: ServeOptions;
  readonly aim: number;
  /** Least share of the bound that must be reached. */
  readonly ratio: number;
}

const plans: readonly Plan[] = [
  {
    name: 'devices-50',
    load: { kind: 'device', connections: 50, window: 200 },
    serve: { devices: 50, viaGateways: false, busy: false },
    aim: 700_000,
    ratio: 0.35,
  },
  {
    name: 'devices-5000',
    load: { kind: 'device', connections: 5000, window: 1 },
    serve: { devices: 5000, viaGateways: false, busy: false },
    aim: 200_000,
    ratio: 0.5,
  },
  {
    name: 'batches',
    load: { kind: 'gateway', connections: 50, window: 10 },
    serve: { devices: 50 * ROWS_PER_BATCH, viaGateways: true, busy: false },
    aim: 2_000_000,
    ratio: 0.3,
  },
];

/** Runs the publishers against a port and tells the server when the measured time begins and ends. */
async function publish(load: Load, server: ChildProcess | null): Promise<Published> {
  const child = fork(new URL('publisher.ts', import.meta.url));
  child.on('message', (message: Record<string, unknown>) => {
    if (message['measuring'] === true) server?.send('measuring');
    if (message['measured'] === true) server?.send('measured');
  });
  child.send(load);
  return answer<Published>(child, 'published');
}

async function underTest(
  load: Omit<Load, 'port'>,
  serve: ServeOptions,
): Promise<{ published: Published; served: ServeReport }> {
  const server = fork(new URL('server.ts', import.meta.url));
  try {
    server.send(serve);
    const port = await answer<number>(server, 'port');
    const published = await publish({ ...load, port }, server);
    server.send('verify');
    const served = await answer<ServeReport>(server, 'report');
    server.send('stop');
    await once(server, 'exit');
    return { published, served };
  } finally {
    server.kill('SIGKILL');
  }
}

async function bare(load: Omit<Load, 'port'>): Promise<Published> {
  const server = fork(new URL('bound.ts', import.meta.url), ['serve']);
  try {
    return await publish({ ...load, port: await answer<number>(server, 'port') }, null);
  } finally {
    server.kill('SIGKILL');
  }
}

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

function told(
  name: string,
  { published, served }: { published: Published; served: ServeReport },
): Case[] {
  const rate = published.rowsPerSecond * READINGS;
  return [
    judge(`${name}: acknowledged`, published.rowsAcknowledged, 'rows'),
    judge(`${name}: stored`, served.distinctRows, 'rows'),
    judge(
      `${name}: acknowledged and lost`,
      Math.max(0, published.rowsAcknowledged - served.distinctRows),
      'rows',
      '== 0',
    ),
    judge(`${name}: doubled`, served.rows - served.distinctRows, 'rows', '== 0'),
    judge(`${name}: quarantined`, served.quarantined, 'entries', '== 0'),
    judge(
      `${name}: CPU of the server`,
      round(served.cpuSeconds / ((rate * published.measuredSeconds) / 1e6), 2),
      's per million readings',
    ),
    judge(`${name}: ack p50`, published.ackMs.p50, 'ms'),
    judge(`${name}: ack p99`, published.ackMs.p99, 'ms'),
    judge(`${name}: event loop delay p99`, round(served.loopDelayMs.p99, 1), 'ms'),
    judge(`${name}: commit p99`, round(served.commitMs.p99, 2), 'ms'),
    judge(`${name}: peak RSS`, served.rssMaxMb, 'MB'),
    judge(
      `${name}: CPU of the publishers`,
      round(published.cpuSeconds / published.measuredSeconds, 2),
      'cores',
    ),
  ];
}

/** Readings a second of the bound under the same load. */
async function boundOf(plan: Plan, seconds: number): Promise<number> {
  if (plan.load.kind === 'gateway') return parseAndFsync(seconds, READINGS);
  return (await bare({ ...plan.load, warmSeconds: 1, seconds })).rowsPerSecond * READINGS;
}

async function against(plan: Plan, seconds: number): Promise<Case[]> {
  // Before and after, so that a machine that slows down meanwhile slows the bound as well.
  const before = await boundOf(plan, seconds / 2);
  const result = await underTest({ ...plan.load, warmSeconds: 2, seconds }, plan.serve);
  const bound = (before + (await boundOf(plan, seconds / 2))) / 2;
  const rate = result.published.rowsPerSecond * READINGS;
  return [
    judge(
      `${plan.name}: acknowledged durably (aim ${plan.aim} on 2 quiet cores)`,
      round(rate),
      'readings/s',
    ),
    judge(`${plan.name}: the bound`, round(bound), 'readings/s'),
    judge(`${plan.name}: share of the bound`, round(rate / bound, 3), '', `>= ${plan.ratio}`),
    ...told(plan.name, result),
  ];
}

/** 50,000 readings a second from 2,000 connections while flushing and queries go on. */
async function steady(seconds: number): Promise<Case[]> {
  const connections = 2000;
  const rate = 50_000 / READINGS;
  const load = {
    kind: 'device',
    connections,
    window: 20,
    rate,
    warmSeconds: 4,
    seconds: Math.max(seconds, 15),
  } as const;
  const result = await underTest(load, { devices: connections, viaGateways: false, busy: true });
  return [
    judge(
      'steady: acknowledged durably',
      round(result.published.rowsPerSecond * READINGS),
      'readings/s',
      '>= 49000',
    ),
    ...told('steady', result).map((one) =>
      one.case === 'steady: ack p99'
        ? judge(one.case, one.value, one.unit, '<= 20')
        : one.case === 'steady: peak RSS'
          ? judge(one.case, one.value, one.unit, '<= 1200')
          : one,
    ),
    judge('steady: flushes', result.served.flushes, 'flushes', '>= 1'),
    judge('steady: queries', result.served.queries, 'queries', '>= 1'),
  ];
}

/** Runs the benchmark. */
export async function run(options: string[]): Promise<void> {
  const { values } = parseArgs({
    args: options,
    options: { seconds: { type: 'string', default: '6' }, case: { type: 'string' } },
  });
  const seconds = numberOption('seconds', values.seconds);
  const cases: Case[] = [];
  for (const plan of plans)
    if (values.case === undefined || values.case === plan.name)
      cases.push(...(await against(plan, seconds)));
  if (values.case === undefined || values.case === 'steady') cases.push(...(await steady(seconds)));
  report('ingest', cases);
}

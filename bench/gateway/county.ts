/** The county's side of the gateway benchmark: the product's own broker, which acknowledges each batch and counts it. */
import { createBroker } from '@village/broker';
import type { WireBatch } from '@village/core';
import { firstKey, REGISTERS } from './profile.ts';

export interface CountyReport {
  /** Rows, readings and seconds of the measured time. */
  readonly rows: number;
  readonly readings: number;
  readonly seconds: number;
  readonly backfillBatches: number;
  /** From a row's own time to its arrival, ms. */
  readonly ageMs: { readonly p50: number; readonly p99: number };
  /** By device: how many different polls of it have arrived since the start. */
  readonly distinct: Record<string, number>;
  readonly doubled: number;
  /** Rows that do not hold all values. */
  readonly incomplete: number;
}

const seen = new Map<string, Uint8Array>();
const distinct: Record<string, number> = {};
let doubled = 0;
let incomplete = 0;
let backfillBatches = 0;
let rows = 0;
let readings = 0;
let ages: number[] = [];
let began: number | null = null;
let seconds = 0;

function take(batch: WireBatch): void {
  const now = Date.now();
  if (batch.lane === 'backfill') backfillBatches++;
  for (const row of batch.readings) {
    const count = Object.keys(row.values).length;
    if (count !== REGISTERS) incomplete++;
    let polls = seen.get(row.device);
    if (polls === undefined) {
      polls = new Uint8Array(65_536);
      seen.set(row.device, polls);
    }
    const poll = row.values[firstKey] ?? 0;
    if (polls[poll] === 1) doubled++;
    else distinct[row.device] = (distinct[row.device] ?? 0) + 1;
    polls[poll] = 1;
    if (began === null) continue;
    rows++;
    readings += count;
    ages.push(now - Date.parse(row.at));
  }
}

const broker = createBroker<string>({
  authenticate: ({ username }) => username,
  mayPublish: () => true,
  maySubscribe: () => true,
  publish(message, done) {
    if (message.topic.endsWith('/readings'))
      take(JSON.parse(message.payload.toString()) as WireBatch);
    done();
  },
});
const { port } = await broker.listen(0, '127.0.0.1');

process.on('message', (message) => {
  if (message === 'measuring') {
    rows = readings = backfillBatches = 0;
    ages = [];
    began = performance.now();
  } else if (message === 'measured' && began !== null) {
    seconds = (performance.now() - began) / 1000;
    began = null;
  } else if (message === 'report') {
    ages.sort((a, b) => a - b);
    const at = (share: number): number => ages[Math.floor(share * (ages.length - 1))] ?? 0;
    const report: CountyReport = {
      rows,
      readings,
      seconds,
      backfillBatches,
      ageMs: { p50: at(0.5), p99: at(0.99) },
      distinct,
      doubled,
      incomplete,
    };
    process.send?.({ report });
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port });

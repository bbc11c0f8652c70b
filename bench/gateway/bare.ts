/**
 * The peers of the gateway benchmark: modbus-serial alone in a process of its own, which asks the same slaves as fast as
 * they answer and does nothing with the answers. With one request for all registers it is the bound; with a request for
 * each block, or each register, it is what a client without a plan does.
 */
import modbus from 'modbus-serial';
import { addresses, blocks, whole } from './profile.ts';

const { default: ModbusClient } = modbus;

export interface BareReport {
  /** Times that all registers of a slave were read, by second. */
  readonly pollsPerSecond: number;
  readonly cpuSecondsPerPoll: number;
  readonly pollMs: { readonly p50: number; readonly p99: number };
}

const ways: Record<string, readonly { address: number; count: number }[]> = {
  whole: [whole],
  blocks,
  registers: addresses.map((address) => ({ address, count: 1 })),
};

const [way = '', portList = '', seconds = ''] = process.argv.slice(2);
const reads = ways[way];
if (reads === undefined) throw new Error(`BUG: no way ${way}`);
const clients = await Promise.all(
  portList.split(',').map(async (port) => {
    const client = new ModbusClient();
    await client.connectTCP('127.0.0.1', { port: Number(port) });
    client.setTimeout(5_000);
    client.setID(1);
    return client;
  }),
);

const took: number[] = [];
const startCpu = process.cpuUsage();
const start = performance.now();
const end = start + Number(seconds) * 1000;
await Promise.all(
  clients.map(async (client) => {
    while (performance.now() < end) {
      const began = performance.now();
      for (const { address, count } of reads) await client.readHoldingRegisters(address, count);
      took.push(performance.now() - began);
    }
  }),
);
const { user, system } = process.cpuUsage(startCpu);
const elapsed = (performance.now() - start) / 1000;
took.sort((a, b) => a - b);
const at = (share: number): number => took[Math.floor(share * (took.length - 1))] ?? 0;
const report: BareReport = {
  pollsPerSecond: took.length / elapsed,
  cpuSecondsPerPoll: (user + system) / 1e6 / took.length,
  pollMs: { p50: at(0.5), p99: at(0.99) },
};
process.send?.({ report });
for (const client of clients) client.destroy(() => undefined);

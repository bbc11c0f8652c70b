/**
 * `npm run bench -- clients`: Eclipse Paho for Python empties a queue of 1,000 messages at QoS 2 with windows of 20, 21,
 * 100 and 1,000: into the product, which acknowledges what is on disk, and into stock aedes, which acknowledges from memory. In turns;
 * the best of each is compared, since all that a busy machine does to such a run is to slow it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type PahoResult, pahoPublish } from '../../test/clients/other-clients.ts';
import { deviceId, METRICS, SECRET } from '../ingest/packets.ts';
import type { ServeOptions } from '../ingest/server.ts';
import { answer } from '../messages.ts';
import { type Case, judge, report } from '../report.ts';

const WINDOWS = [20, 21, 100, 1_000];
const MESSAGES = 1_000;
const ROUNDS = 5;

interface Side {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(script: string, options?: ServeOptions): Promise<Side> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)));
  if (options !== undefined) child.send(options);
  return { child, port: await answer<number>(child, 'port') };
}

async function stop({ child }: Side): Promise<void> {
  const ended = once(child, 'exit');
  child.send('stop');
  await ended;
}

let sent = 0;
async function publish({ port }: Side, window: number): Promise<PahoResult> {
  const user = deviceId(0);
  const from = sent;
  sent += MESSAGES;
  // Times go on from run to run, so that none is a repetition of another.
  return pahoPublish({
    ...{ port, user, password: SECRET, topic: `village/v1/devices/${user}/readings` },
    ...{ metric: METRICS[0], from, to: from + MESSAGES, window, qos: 2, secondsAllowed: 60 },
    times: true,
  });
}

export async function run(): Promise<void> {
  const ours = await start('../ingest/server.ts', { devices: 1, viaGateways: false, busy: false });
  const theirs = await start('./aedes.ts');
  const cases: Case[] = [];
  try {
    for (const window of WINDOWS) {
      const results: { ours: PahoResult[]; theirs: PahoResult[] } = { ours: [], theirs: [] };
      for (let round = 0; round < ROUNDS; round++) {
        results.ours.push(await publish(ours, window));
        results.theirs.push(await publish(theirs, window));
      }
      const best = (of: readonly PahoResult[]): number =>
        Math.min(...of.map(({ seconds }) => seconds));
      const least = (of: readonly PahoResult[]): number =>
        Math.min(...of.map(({ acknowledged }) => acknowledged));
      const most = Math.max(...results.ours.map(({ connections }) => connections));
      const name = `window ${window}`;
      cases.push(
        judge(`${name}: acknowledged of 1,000`, least(results.ours), 'messages', `== ${MESSAGES}`),
        judge(`${name}: connections`, most, 'connections', '== 1'),
        judge(`${name}: the product`, best(results.ours), 's'),
        judge(`${name}: stock aedes`, best(results.theirs), 's'),
        judge(
          `${name}: product against stock aedes`,
          Number((best(results.ours) / best(results.theirs)).toFixed(2)),
          'times',
          '<= 2',
        ),
      );
    }
  } finally {
    await stop(ours);
    await stop(theirs);
  }
  report('clients', cases);
}

/** For outbox.test.ts: fills an outbox until it is killed, and says each id once it is acknowledged. */
import { writeSync } from 'node:fs';
import { systemClock } from '@village/core';
import { silentLog } from '../run/log.ts';
import { Outbox } from './outbox.ts';

const [folder = '', round = ''] = process.argv.slice(2);
const outbox = new Outbox(folder, { now: systemClock, log: silentLog }, { ackWindowMs: 1 });

function put(number: number): void {
  const device = `r${round}-${number}`;
  outbox.put({ device, at: '2026-01-01T00:00:00Z', values: { n: number } }, [], () => {
    writeSync(1, `${device}\n`);
    setImmediate(put, number + 20);
  });
}

for (let i = 0; i < 20; i++) put(i);

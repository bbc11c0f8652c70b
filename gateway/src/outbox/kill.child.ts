/** For outbox.test.ts: fills an outbox, and its lane of refused parts, until it is killed; says each id once it is acknowledged. */
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

function refuse(number: number): void {
  const device = `refused-r${round}-${number}`;
  const parts = [{ reason: 'payload-not-json', message: '', place: '', metric: null }];
  const entry = { device, at: '2026-01-01T00:00:00Z', parts, taken: [], frame: '', framing: '' };
  outbox.refuse(entry, (fault) => {
    if (fault === undefined) writeSync(1, `${device}\n`);
    setImmediate(refuse, number + 5);
  });
}

for (let i = 0; i < 20; i++) put(i);
for (let i = 0; i < 5; i++) refuse(i);

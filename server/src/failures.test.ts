/** Failures of work that nobody waits for: what is told of those that go on, and of those that are others. */
import { MINUTE, OperationalError, SECOND } from '@village/core';
import { expect, it } from 'vitest';
import { Failures } from './failures.ts';

const away = new OperationalError('relational-unavailable', 'away', { retry: true });

/** Failures with what is told of them: in full (`!`) or in a line, with the time in minutes. */
function start() {
  const clock = { at: 0 };
  const told: string[] = [];
  const error = (detail: unknown): void => {
    const { err, kind, times } = detail as { err?: Error; kind: string; times?: number };
    const minute = Math.floor(clock.at / MINUTE);
    told.push(
      err === undefined ? `${minute} ${kind} ${times}` : `${minute} ${kind} ${err.message}!`,
    );
  };
  const { failed, counts } = new Failures({ error }, () => clock.at);
  return { clock, told, failed, counts };
}

it('tells what fails every two seconds once in full, then in a line each half hour, and anew when it had gone well', () => {
  const { clock, told, failed, counts } = start();
  for (; clock.at < 70 * MINUTE; clock.at += 2 * SECOND) failed('jobs', away);
  expect(told).toEqual(['0 jobs away!', '30 jobs 901', '60 jobs 1801']);
  expect(counts).toEqual({ jobs: 2_100 });
  clock.at += 5 * MINUTE;
  failed('jobs', away);
  expect(told.slice(3)).toEqual(['75 jobs away!']);
});

it('tells each kind, and each that says something else, be it an error or not', () => {
  const { told, failed } = start();
  for (let n = 0; n < 3; n++) {
    failed('jobs', away);
    failed('figures', away);
    failed('figures', new Error('figure of a'));
    failed('figures', new Error('figure of b'));
  }
  expect(told).toEqual([
    '0 jobs away!',
    '0 figures away!',
    '0 figures figure of a!',
    '0 figures figure of b!',
  ]);
});

it('takes what is tried each minute for one that goes on', () => {
  const { clock, told, failed } = start();
  for (; clock.at < 20 * MINUTE; clock.at += MINUTE) failed('reader-figures', away);
  expect(told).toHaveLength(1);
});

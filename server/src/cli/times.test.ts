/** What counts as lived through, and a past that can't be sent. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR, MINUTE } from '@village/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ShiftedTimer } from '../testing.ts';
import { Covered } from './covered.ts';
import { Times, type TimesOptions } from './times.ts';

const BEGIN = Date.UTC(2026, 0, 1);
let folder: string;
let now: number;
let told: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'village-times-'));
  now = BEGIN;
  told = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (more: Partial<TimesOptions> = {}): Times =>
  new Times({
    ...{ script: join(folder, 'none.ts'), plan: folder, data: folder, mqttPort: 1, historyMs: 0 },
    ...{ terminal: null, childLine: () => undefined, signal: new AbortController().signal },
    timer: Object.assign(new ShiftedTimer(), { now: () => now }),
    print: (line) => told.push(line),
    ...more,
  });
const spans = () => new Covered(folder, (reason) => told.push(reason)).spans;

it('is what was told minute by minute, not what the machine slept through or its clock was set over', async () => {
  const times = open();
  times.lives();
  for (let n = 0; n < 3; n++) {
    now += MINUTE;
    times.lives();
  }
  now += 8 * HOUR;
  times.lives();
  const woken = now;
  now += MINUTE;
  times.lives();
  // Set ahead by a year and, later, right again.
  now += 365 * 24 * HOUR;
  times.lives();
  now -= 365 * 24 * HOUR;
  times.lives();
  now += MINUTE;
  await times.stop();
  expect(spans()).toEqual([
    { from: BEGIN, to: BEGIN + 3 * MINUTE },
    { from: woken, to: woken + 2 * MINUTE },
  ]);
});

it('is told of, and ends nothing, when a past can not even be begun', async () => {
  const times = open({ historyMs: HOUR, data: join(folder, 'gone') });
  times.lives();
  await times.stop();
  expect(told.join()).toMatch(/the past is not whole.*ENOENT/);
});

/** The thread that runs kept-aside messages by a profile that is not in force. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { formatTime, SECOND } from '@village/core';
import { parseProfile } from '@village/device-profiles';
import { type Trial, tryDeadLetter } from '@village/ingest/trial';
import { viewParsed } from './checker.ts';
import type { ToTry, TriedEntry, TriedFile } from './trier.ts';

/** Messages are tried so long; the rest is left, and the answer says so. */
const TRY_MS = 4 * SECOND;
/** Of one message; a batch may hold thousands. */
const READINGS_MAX = 200;
const EVENTS_MAX = 20;
const PARTS_MAX = 20;
/** Of all messages. */
const TOLD_MAX = 4_000;

assert(parentPort !== null, 'BUG: the thread runs as the main one');
const { text, devices, entries, now } = workerData as ToTry;
const timer = { now: () => now, elapsed: () => performance.now(), sleep: () => Promise.resolve() };

let told = 0;
function view({ id, readings, events, refused, parts }: Trial): TriedEntry {
  const shown = readings.slice(0, Math.min(READINGS_MAX, Math.max(TOLD_MAX - told, 0)));
  told += shown.length;
  return {
    id,
    readings: shown.map(({ at, ...reading }) => ({ at: formatTime(at), ...reading })),
    readingsCount: readings.length,
    events: events.slice(0, EVENTS_MAX).map(({ at, type }) => ({ at: formatTime(at), type })),
    refused,
    parts: parts.slice(0, PARTS_MAX).map((part) => ({ ...part })),
  };
}

const parsed = parseProfile(text, '');
const tried: TriedEntry[] = [];
const until = timer.elapsed() + TRY_MS;
for (const entry of entries) {
  if (parsed.profile === undefined || timer.elapsed() > until) break;
  tried.push(view(await tryDeadLetter(parsed.profile, devices, entry, timer)));
}
const answer: TriedFile = { ...viewParsed(parsed), tried };
parentPort.postMessage(answer);

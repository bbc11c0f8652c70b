/** The thread that checks the file of a device type: a file of hundreds of examples takes seconds, and devices must not wait for it. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { parseProfile } from '@village/device-profiles';
import { viewParsed } from './checker.ts';

assert(parentPort !== null, 'BUG: the thread runs as the main one');
parentPort.postMessage(viewParsed(parseProfile(workerData as string, '')));

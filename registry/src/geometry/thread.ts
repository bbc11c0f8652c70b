/** The thread that reads one GeoJSON file: parsing it at once would hold up the thread that acknowledges readings. */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { CoordinateSystem } from '@village/core';
import { readGeometry } from './read.ts';

// It gives way to the thread that acknowledges readings; only Linux lets a thread do so, elsewhere it would be the whole process.
const POLITE = 10;
if (process.platform === 'linux' && getPriority() < POLITE) setPriority(POLITE);
const { bytes, system } = workerData as { bytes: Uint8Array; system: CoordinateSystem };
parentPort?.postMessage(readGeometry(bytes, system));

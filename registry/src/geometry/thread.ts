/** The thread that reads one GeoJSON file: parsing it at once would hold up the thread that acknowledges readings. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CoordinateSystem } from '@village/core';
import { giveWay } from '@village/store/polite';
import { readGeometry } from './read.ts';

giveWay();
const { bytes, system } = workerData as { bytes: Uint8Array; system: CoordinateSystem };
parentPort?.postMessage(readGeometry(bytes, system));

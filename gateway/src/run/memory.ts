/**
 * Keeps the process small; the main file imports it before anything else, since what is loaded later counts. An edge box
 * has 512 MB as a rule. Measured: docs/decisions/0044-small-on-the-edge.md.
 */
import { setFlagsFromString } from 'node:v8';

// Short-lived objects are all that polling makes: V8 would let their space grow to 64 MB and more. The limit of that
// space is fixed before any code runs, so it is kept from growing instead.
setFlagsFromString('--semi-space-growth-factor=1');
// Collects the old space earlier rather than letting it grow.
setFlagsFromString('--optimize-for-size');

// Of each length of a packet that it has sent, `mqtt-packet` keeps the two bytes that say so: cut out of Node's pool of small
// buffers, each keeps the whole piece of it, 64 KB, and batches have thousands of lengths. Pieces are small instead.
Buffer.poolSize = 512;

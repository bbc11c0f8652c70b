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

/** What the fixture has kept aside. */
import type * as api from '@village/api';
import { MINUTE } from '@village/core';
import { iso } from './places.ts';

export type Entry = api.quarantine.QuarantineEntry;

export function quarantineEntries(now: number): Entry[] {
  return [
    {
      id: 1,
      reason: 'payload-not-json',
      message: 'Unexpected token B in JSON at position 0',
      topic: 'bin/HB20-000117/up',
      payload: 'BOOT',
      text: 'BOOT',
      device: 'bin-2-0003',
    },
    {
      id: 2,
      reason: 'frame-too-short',
      message: '6 bytes where 22 are needed',
      topic: 'village/v1/gateways/gateway-01/readings',
      // Characters all of them, and none that can be read.
      payload: '\u0001\u0003\u0004A\u0000\u0000',
      text: '\u0001\u0003\u0004A\u0000\u0000',
      device: null,
    },
    {
      id: 3,
      reason: 'unknown-device',
      message: '<img src=x onerror=alert(1)> is not a device of this gateway',
      topic: 'village/v1/gateways/gateway-01/readings',
      payload: '{"seq":4}',
      text: '{"seq":4}',
      device: '<b>x</b>',
    },
  ].map((entry, index) => ({
    ...entry,
    payload: Buffer.from(entry.payload, 'latin1').toString('base64'),
    bytes: entry.payload.length,
    part: null,
    source: 'gateway-01',
    gateway: 'gateway-01',
    receivedAt: iso(now - (index + 1) * 40 * MINUTE),
    state: 'open',
  }));
}

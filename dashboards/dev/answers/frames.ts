/** Messages of the fixture, as they were received. */
import type * as api from '@village/api';
import { DAY, HOUR } from '@village/core';
import type { Static } from 'typebox';
import type { FixtureDevice } from '../county.ts';
import { iso } from './places.ts';

type Said = [payload: Buffer, fields: api.frames.FrameField[]];
type SaidValues = readonly (readonly [metric: string, value: number])[];

/** Two registers a value, as a float. */
function registersOf(values: SaidValues): Said {
  const payload = Buffer.alloc(4 + 4 * values.length);
  payload.writeUInt32BE(0x0001_2c0a);
  return [
    payload,
    values.map(([metric, value], i) => {
      payload.writeFloatBE(value, 4 + 4 * i);
      return { metric, value, from: 4 + 4 * i, to: 8 + 4 * i };
    }),
  ];
}

function textOf(device: string, at: number, values: SaidValues): Said {
  let text = JSON.stringify({ device, at: iso(at) }).replace('}', ',"values":{');
  const fields = values.map(([metric, value], i) => {
    text += `${i === 0 ? '' : ','}"${metric}":`;
    const from = text.length;
    text += String(value);
    return { metric, value, from, to: text.length };
  });
  return [Buffer.from(`${text}}}`), fields];
}

/** A message with registers of a Modbus device, or with text of the others; nothing before the last 90 days, the day before which was missed. */
export function frames(
  device: FixtureDevice,
  query: URLSearchParams,
  now: number,
): Static<(typeof api.frames.list.answers)[200]> {
  const at = Date.parse(query.get('at') ?? '');
  const age = now - at;
  if (age > 90 * DAY) {
    const missing = age > 91 * DAY ? [] : [{ from: iso(at - HOUR), to: iso(at + HOUR) }];
    return { items: [], more: false, missing };
  }
  const values = device.profile.metrics.map(
    ({ key }) => [key, device.values[key]?.value ?? 0] as const,
  );
  const modbus = device.profile.protocol === 'modbus';
  const [payload, fields] = modbus ? registersOf(values) : textOf(device.id, at, values);
  return {
    items: [
      {
        at: iso(at),
        receivedAt: iso(at + 1_480),
        source: modbus ? 'gateway-01' : device.id,
        way: modbus
          ? 'village/v1/gateways/gateway-01/readings'
          : `village/v1/devices/${device.id}/readings`,
        sequence: modbus ? 40_961 : null,
        payload: payload.toString('base64'),
        fields,
        details: [],
        differs: [],
      },
    ],
    more: false,
    missing: [],
  };
}

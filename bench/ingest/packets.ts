/** Pre-encoded MQTT packets: a template for each connection whose packet id, times and sequence are patched in place. */
import { generate } from 'mqtt-packet';

export const METRICS = ['temperature', 'humidity', 'pressure', 'pm25', 'pm10', 'wind'] as const;
export const SECRET = 'bench-secret-0123456789';
export const ROWS_PER_BATCH = 60;

export const deviceId = (n: number): string => `d${String(n).padStart(6, '0')}`;
export const gatewayId = (n: number): string => `g${String(n).padStart(3, '0')}`;

/** The CONNECT packet of a client. */
export function connectPacket(clientId: string): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    keepalive: 60,
    username: clientId,
    password: Buffer.from(SECRET),
  });
}

const PLACE_OF_TIME = '2026-01-01T00:00:00.000Z';

/** Values as sensors send them: few decimals, different for each device. */
function values(seed: number): string {
  const pick = (low: number, span: number, decimals: number): string =>
    (low + ((seed * 7919) % span)).toFixed(decimals);
  const all = [
    pick(-5, 40, 1),
    pick(30, 60, 1),
    pick(990, 40, 1),
    pick(5, 90, 0),
    pick(10, 120, 0),
    pick(0, 12, 1),
  ];
  return METRICS.map((metric, k) => `"${metric}":${all[k]}`).join(',');
}

/** One message of a connection; every copy gets its own packet id, time and, for batches, sequence number. */
export interface Template {
  readonly packet: Buffer;
  readonly idAt: number;
  readonly timesAt: readonly number[];
  readonly sequenceAt: number | null;
  readonly rows: number;
}

function template(topic: string, payload: string, rows: number): Template {
  const packet = generate({
    cmd: 'publish',
    topic,
    payload,
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  });
  const timesAt: number[] = [];
  for (let at = packet.indexOf(PLACE_OF_TIME); at >= 0; at = packet.indexOf(PLACE_OF_TIME, at + 1))
    timesAt.push(at);
  const sequence = packet.indexOf('"seq":');
  return {
    packet,
    idAt: packet.indexOf(topic) + Buffer.byteLength(topic),
    timesAt,
    sequenceAt: sequence < 0 ? null : sequence + 6,
    rows,
  };
}

/** A device that publishes one row of six metrics. */
export function deviceTemplate(n: number): Template {
  const id = deviceId(n);
  return template(
    `village/v1/devices/${id}/readings`,
    `{"device":"${id}","at":"${PLACE_OF_TIME}","values":{${values(n)}}}`,
    1,
  );
}

/** A gateway that publishes one row of each of its sixty devices. */
export function gatewayTemplate(n: number): Template {
  const rows = Array.from({ length: ROWS_PER_BATCH }, (_, k) => {
    const device = n * ROWS_PER_BATCH + k;
    return `{"device":"${deviceId(device)}","at":"${PLACE_OF_TIME}","values":{${values(device)}}}`;
  });
  // Nine digits without a leading zero, so that the number can be patched in place.
  const payload = `{"epoch":"bench","seq":100000000,"lane":"live","readings":[${rows.join(',')}]}`;
  return template(`village/v1/gateways/${gatewayId(n)}/readings`, payload, ROWS_PER_BATCH);
}

const time = Buffer.alloc(PLACE_OF_TIME.length);

/** Writes message `i` of a template into `target` at `offset`; its rows stand at `start + i` milliseconds. */
export function writeMessage(
  target: Buffer,
  offset: number,
  one: Template,
  i: number,
  start: number,
): void {
  one.packet.copy(target, offset);
  target.writeUInt16BE((i % 65_535) + 1, offset + one.idAt);
  time.write(new Date(start + i).toISOString(), 0, 'latin1');
  for (const at of one.timesAt) time.copy(target, offset + at);
  if (one.sequenceAt !== null)
    target.write(String(100_000_000 + i), offset + one.sequenceAt, 'latin1');
}

/** Lines to copy that connect a device or gateway: for a shell, for a Tasmota console, for a gateway's file. Pure. */
import type { DeviceRegistration, GatewayRegistration } from '../api/answers.ts';

export interface Access {
  readonly host: string;
  readonly id: string;
  /** Stands in for one that is known no more. */
  readonly secret: string;
  readonly listeners: DeviceRegistration['listeners'];
}

type Listener = DeviceRegistration['listeners'][number];

/** Where to connect: without TLS where that is listened for, since simple devices can't speak it. */
export function listenerOf(listeners: readonly Listener[]): Listener | undefined {
  const own = listeners.filter(({ path }) => path === null);
  return own.find(({ tls }) => !tls) ?? own[0];
}

/** One word of a shell, whatever is in it. */
export const shellWord = (text: string): string =>
  /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** A text of YAML, whatever is in it: JSON is YAML. */
const yamlText = (text: string): string =>
  /^[A-Za-z][\w./-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);

/** `host:port`, with the brackets that an IPv6 address needs. */
const hostPort = (host: string, port: number): string =>
  `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;

/** What a phone reads: where, who and the secret. */
export function addressLine({ host, id, secret, listeners }: Access): string {
  const listener = listenerOf(listeners);
  if (listener === undefined) return `${id} ${secret}`;
  const scheme = listener.tls ? 'mqtts' : 'mqtt';
  const who = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
  return `${scheme}://${who}@${hostPort(host, listener.port)}`;
}

export function mosquittoLine(
  { host, id, secret, listeners }: Access,
  { topic, payload }: { topic: string; payload: string },
): string {
  const listener = listenerOf(listeners);
  const words = [
    ...['mosquitto_pub', '-h', host, '-p', String(listener?.port ?? 1883)],
    ...(listener?.tls === true ? ['--capath', '/etc/ssl/certs'] : []),
    ...['-u', id, '-P', secret, '-i', id, '-q', '1', '-t', topic, '-m', payload],
  ];
  return words.map(shellWord).join(' ');
}

/** What is filled in at a device: label and value, a line each. */
export function settingsText(
  { host, id, secret, listeners }: Access,
  { topic, prefix }: { topic: string; prefix: string | null },
  labels: Readonly<Record<SettingLabel, string>>,
): string {
  const listener = listenerOf(listeners);
  const lines: readonly (readonly [SettingLabel, string])[] = [
    ['host', host],
    ['port', String(listener?.port ?? 1883)],
    ['tls', listener?.tls === true ? labels.yes : labels.no],
    ['username', id],
    ['secret', secret],
    ['client-id', id],
    prefix === null ? ['topic', topic] : ['prefix', prefix],
  ];
  return lines.map(([label, value]) => `${labels[label]}: ${value}`).join('\n');
}

type SettingLabel =
  | ('host' | 'port' | 'tls' | 'yes' | 'no')
  | ('username' | 'secret' | 'client-id' | 'topic' | 'prefix');

/** Two lines of the console of a Tasmota: the connection, then a message. */
export function tasmotaLines(
  { host, id, secret, listeners }: Access,
  { topic, payload }: { topic: string; payload: string },
): string {
  const port = listenerOf(listeners)?.port ?? 1883;
  return [
    `Backlog MqttHost ${host}; MqttPort ${port}; MqttUser ${id}; MqttPassword ${secret}; MqttClient ${id}`,
    `Publish ${topic} ${payload}`,
  ].join('\n');
}

/** A device's entry in the file of the gateway that speaks for it. */
export function gatewayEntry(device: GatewayRegistration['devices'][number]): string {
  const { id, profile, address, publishes } = device;
  const fields = [
    `id: ${yamlText(id)}`,
    `profile: ${yamlText(profile)}`,
    ...(address === '' || address === id ? [] : [`address: ${yamlText(address)}`]),
    publishes ? 'secret: "…"' : 'connection: { host: 192.168.1.10, port: 502, unit: 1 }',
  ];
  return `  - { ${fields.join(', ')} }`;
}

/** The whole file of a gateway. */
export function gatewayFile(
  { host, id, secret, listeners }: Access,
  devices: GatewayRegistration['devices'],
): string {
  const listener = listenerOf(listeners);
  const scheme = listener?.tls === true ? 'mqtts' : 'mqtt';
  const uplink = `${scheme}://${hostPort(host, listener?.port ?? 1883)}`;
  return [
    `gateway: ${yamlText(id)}`,
    `uplink: { url: ${JSON.stringify(uplink)}, secret: ${JSON.stringify(secret)} }`,
    'data: ./gateway-data',
    ...(devices.some(({ publishes }) => publishes) ? ['mqtt: { port: 1884 }'] : []),
    devices.length === 0 ? 'devices: []' : 'devices:',
    ...devices.map(gatewayEntry),
    '',
  ].join('\n');
}

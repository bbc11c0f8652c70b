/** Opens the ports that the server listens at. */
import type { AddressInfo } from 'node:net';
import type { Broker, Listening } from '@village/broker';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config/config.ts';
import { listenFault } from './config/faults-at-start.ts';
import type { Needs } from './modules/needs.ts';

export interface MqttPorts {
  readonly mqttPort: number;
  /** Where MQTT is also listened for: with TLS beside a port without, and over WebSocket. */
  readonly mqttPorts: { readonly tls: number | null; readonly websocket: number | null };
}

/** Opens the ports of MQTT: one, with TLS where there is a certificate; another one for TLS when that is wanted; WebSocket. */
export async function listenMqtt(
  broker: Broker,
  { config, certificates }: Needs,
): Promise<MqttPorts> {
  const { host, port, tls, websocket, proxyProtocol: proxies } = config.mqtt;
  const secure = certificates.mqtt === null ? {} : { tls: certificates.mqtt };
  const listenAt = async (at: number, how: Listening): Promise<number> => {
    try {
      return (await broker.listen(at, host, { ...how, proxies })).port;
    } catch (error) {
      throw listenFault('MQTT', { host, port: at }, (error as Error).cause ?? error);
    }
  };
  const mqttPort = await listenAt(port, tls?.port === undefined ? secure : {});
  const ownPort = tls?.port === undefined ? null : await listenAt(tls.port, secure);
  if (websocket === undefined) return { mqttPort, mqttPorts: { tls: ownPort, websocket: null } };
  const { path, origins } = websocket;
  const wss = websocket.tls ?? tls !== undefined;
  const web = await listenAt(websocket.port, {
    ...(wss ? secure : {}),
    websocket: { path, origins },
  });
  return { mqttPort, mqttPorts: { tls: ownPort, websocket: web } };
}

export async function listenHttp(http: FastifyInstance, config: Config): Promise<number> {
  const { port, host } = config.http;
  try {
    await http.listen({ port, host });
  } catch (error) {
    throw listenFault('HTTP', config.http, error);
  }
  return (http.server.address() as AddressInfo).port;
}

/** Sections of a configuration that are about listeners: what they bear, their certificates, WebSocket, and proxies. */
import { DAY, MINUTE, parseDuration, SECOND } from '@village/core';
import { z } from 'zod';
import type { BrokerLimits } from './contract.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { isAddressOrNetwork, originOf } from './transport/addresses.ts';

export { DEFAULT_LIMITS };

const count = (most: number) => z.int().min(1).max(most);
const duration = (least: number, most: number) =>
  z
    .string()
    .transform(parseDuration)
    .refine(
      (ms) => ms >= least && ms <= most,
      `must be a duration such as 500ms, 10s or 5m, from ${least} to ${most} ms`,
    );

/**
 * Limits with those of the owner where nothing is said. Sizes are those of whole packets, headers included. What is larger
 * than `packetBytes` is acknowledged and not taken, so its owner says what its clients must be able to send.
 */
export function brokerLimits(own: Partial<BrokerLimits> = {}, packetBytesLeast = 1024) {
  const limits = { ...DEFAULT_LIMITS, ...own };
  return z
    .strictObject({
      connections: count(200_000).default(limits.connectionsMax),
      connectionsPerAddress: count(200_000).default(limits.connectionsPerAddressMax),
      /** Open sessions of one credential. */
      sessionsPerUser: count(10_000).default(limits.sessionsPerUserMax),
      /** New connections a second from one address. */
      connectsPerSecond: count(100_000).default(limits.connectsPerAddressPerSecond),
      /** Messages a second from one client; one that sends more is read more slowly and loses nothing. */
      messagesPerSecond: count(1_000_000).default(limits.messagesPerSecond),
      packetBytesBeforeConnect: count(64 * 1024)
        .min(128)
        .default(limits.packetBytesBeforeConnect),
      packetBytes: count(16 * 1024 * 1024)
        .min(packetBytesLeast)
        .default(limits.packetBytes),
      connectTimeout: duration(100, MINUTE).default(limits.connectTimeoutMs),
      drainTimeout: duration(100, MINUTE).default(limits.drainTimeoutMs),
      /** For clients that ask for none. */
      keepaliveMax: duration(SECOND, DAY).default(limits.keepaliveMaxSeconds * SECOND),
      topicLevels: count(1_000).default(limits.topicLevels),
      /** Messages of all clients that are not on disk yet. */
      inFlight: count(1_000_000).default(limits.inFlightMax),
      /** Bytes of half-received packets of all clients. */
      partialBytes: count(4 * 1024 * 1024 * 1024).default(limits.partialBytesMax),
      /** Bytes that one client may leave unread. */
      unreadBytes: count(1024 * 1024 * 1024).default(limits.unreadBytesMax),
    })
    .transform(
      (told): BrokerLimits => ({
        connectionsMax: told.connections,
        connectionsPerAddressMax: told.connectionsPerAddress,
        sessionsPerUserMax: told.sessionsPerUser,
        connectsPerAddressPerSecond: told.connectsPerSecond,
        messagesPerSecond: told.messagesPerSecond,
        packetBytesBeforeConnect: told.packetBytesBeforeConnect,
        packetBytes: told.packetBytes,
        connectTimeoutMs: told.connectTimeout,
        drainTimeoutMs: told.drainTimeout,
        keepaliveMaxSeconds: told.keepaliveMax / SECOND,
        topicLevels: told.topicLevels,
        inFlightMax: told.inFlight,
        partialBytesMax: told.partialBytes,
        unreadBytesMax: told.unreadBytes,
      }),
    );
}

const port = z.coerce.number().int().min(0).max(65_535);
const path = z.string().min(1);

/** Certificates of a listener; paths as they were written. */
export const tlsShape = z
  .strictObject({
    cert: path,
    key: path,
    /** Whose client certificates count. */
    ca: path.optional(),
    clients: z.enum(['none', 'optional', 'required']).default('none'),
  })
  .refine(({ clients, ca }) => clients === 'none' || ca !== undefined, {
    path: ['ca'],
    message: 'needed to tell whose client certificates count',
  });

/** The same for MQTT, which can be listened for without TLS on another port. */
export const mqttTlsShape = tlsShape.safeExtend({
  /** TLS on this port; the other one stays without. Absent: the only port is this. */
  port: port.optional(),
});

/** Proxies that begin each connection with a PROXY header. */
export const proxiesShape = z
  .array(
    z.string().refine(isAddressOrNetwork, 'must be an address or a network such as 10.0.0.0/8'),
  )
  .max(1_000)
  .default([]);

export const websocketShape = z.strictObject({
  port: port.default(8083),
  path: z
    .string()
    .regex(/^\/[A-Za-z0-9._~/-]*$/, 'must begin with / and hold letters, digits, . _ ~ / and -')
    .default('/mqtt'),
  /** Of pages whose browsers may connect; programs name none and may. */
  origins: z
    .array(
      z
        .string()
        .refine((text) => originOf(text) === text, 'must be like https://host or http://host:8080'),
    )
    .max(1_000)
    .default([]),
  /** Whether it is wss; as MQTT itself when absent. */
  tls: z.boolean().optional(),
});

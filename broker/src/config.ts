/** The section of a configuration that says what a listener bears. */
import { DAY, MINUTE, parseDuration, SECOND } from '@village/core';
import { z } from 'zod';
import type { BrokerLimits } from './contract.ts';
import { DEFAULT_LIMITS } from './limits.ts';

const count = (most: number) => z.int().min(1).max(most);
const duration = (least: number, most: number) =>
  z
    .string()
    .transform(parseDuration)
    .refine(
      (ms) => ms >= least && ms <= most,
      `must be a duration such as 500ms, 10s or 5m, from ${least} to ${most} ms`,
    );

/** Limits with those of the owner where nothing is said. Sizes are those of whole packets, headers included. */
export function brokerLimits(own: Partial<BrokerLimits> = {}) {
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
        .min(1024)
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

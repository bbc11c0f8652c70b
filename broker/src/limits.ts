/** What one broker bears at most when its owner says nothing else. */
import type { BrokerLimits } from './contract.ts';

export const DEFAULT_LIMITS: BrokerLimits = {
  connectionsMax: 20_000,
  connectionsPerAddressMax: 5_000,
  connectsPerAddressPerSecond: 200,
  packetBytesBeforeConnect: 4 * 1024,
  // The largest payload of the wire, and room for the header and the longest sensible topic.
  packetBytes: 256 * 1024 + 1024,
  connectTimeoutMs: 5_000,
  drainTimeoutMs: 5_000,
  // The longest that can be named: TCP's own keep-alive finds out who has vanished.
  keepaliveMaxSeconds: 65_535,
  // A camera's events have nine and more: prefix, `onvif-ej`, its topic, and up to three source values.
  topicLevels: 32,
  sessionsPerUserMax: 20,
  messagesPerSecond: 500,
  inFlightMax: 20_000,
  partialBytesMax: 128 * 1024 * 1024,
  unreadBytesMax: 1024 * 1024,
};

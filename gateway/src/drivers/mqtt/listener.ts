/** Listens for local devices that speak MQTT themselves; they are acknowledged when their frame is in the outbox. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Broker, BrokerLimits, Certificates } from '@village/broker';
import {
  certificateKey,
  comparableAddress,
  isCertificateKeyLike,
  OperationalError,
} from '@village/core';
import { MQTT, type MqttFrame, matchTopic } from '@village/device-profiles/mqtt';
import type { BoundDevice } from '../../config/types.ts';
import type { Intake } from '../../intake/intake.ts';
import type { Log } from '../../run/log.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * A broker for the MQTT devices among `devices`, not yet listening. A device signs in with its id or address as
 * username, under any client id; one whose secret is the key of a certificate, with that certificate. What it publishes to another topic than its own is acknowledged and not taken.
 */
export async function createListener(
  devices: readonly BoundDevice[],
  intake: Intake,
  log: Log,
  limits: BrokerLimits,
): Promise<Broker> {
  // Loaded only where it is used: most gateways have no listener and little memory.
  const { createBroker } = await import('@village/broker');
  const known = new Map<string, { device: BoundDevice; secret: Buffer }>();
  for (const device of devices) {
    if (device.secret === undefined) continue;
    const account = { device, secret: digest(device.secret) };
    for (const name of [device.address, device.id]) known.set(name, account);
  }
  const kinds = new Set(devices.map(({ profile }) => profile.address));
  const inOtherSpelling = (name: string): { device: BoundDevice; secret: Buffer } | undefined => {
    for (const kind of kinds) {
      const account = known.get(comparableAddress(kind, name));
      if (account?.device.profile.address === kind) return account;
    }
    return undefined;
  };
  return createBroker<BoundDevice>(
    {
      authenticate({ username, password, certificate }) {
        const account = known.get(username) ?? inOtherSpelling(username);
        const key = certificateKey(account?.device.secret ?? '');
        if (key !== null) return certificate?.key === key ? (account?.device ?? null) : null;
        if (isCertificateKeyLike(password)) return null;
        if (account === undefined || !timingSafeEqual(account.secret, digest(password)))
          return null;
        return account.device;
      },
      mayPublish({ who }, topic) {
        const address = matchTopic(who.profile, topic);
        return (
          address !== undefined && comparableAddress(who.profile.address, address) === who.address
        );
      },
      maySubscribe: () => false,
      publish(message, done) {
        if (message.retain && message.payload.length === 0) return done();
        const device = message.session.who;
        const { topic, payload, dup } = message;
        const frame: MqttFrame = { protocol: MQTT, topic, payload };
        intake.accept(device, frame, done, { dup });
      },
      connected: (session) => log.info({ device: session.who.id }, 'device: connected'),
      disconnected({ who }) {
        intake.endDecoding(who.id);
        log.info({ device: who.id }, 'device: not connected');
      },
    },
    { limits, log: (level, message, detail) => log[level](detail, message) },
  );
}

/** @throws listen-failed */
export async function listen(
  broker: Broker,
  at: { port: number; host: string },
  tls: Certificates | null,
): Promise<number> {
  try {
    return (await broker.listen(at.port, at.host, tls === null ? {} : { tls })).port;
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    throw new OperationalError('listen-failed', `can't listen on ${at.host}:${at.port}`, {
      cause: error,
    });
  }
}

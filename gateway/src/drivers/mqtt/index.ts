/** MQTT: local devices sign in and publish to a listener of the gateway. */
import { brokerLimits, tlsShape } from '@village/broker/config';
import { CertificateFiles, tlsFaults } from '@village/broker/transport';
import {
  certificateKey,
  comparableAddress,
  isCertificateKeyLike,
  OperationalError,
  SECOND,
} from '@village/core';
import { MQTT } from '@village/device-profiles/mqtt';
import { z } from 'zod';
import { port } from '../../config/shapes.ts';
import type { Driver } from '../driver.ts';
import { createListener, listen } from './listener.ts';

/** Section of the configuration. */
const SECTION = 'mqtt';
const CLOSE_MS = 2_000;
/** How often files of certificates are looked at. */
const CHECK_MS = 5 * SECOND;

/** Local devices are few; whatever is more than this is a fault or an attack. */
const LIMITS = {
  connectionsMax: 2_000,
  connectionsPerAddressMax: 2_000,
  messagesPerSecond: 100,
  // Each keeps its payload in memory, up to 64 KB, while the disk refuses.
  inFlightMax: 500,
} as const;

const shape = z.strictObject({
  port: port.default(1884),
  host: z.string().default('0.0.0.0'),
  tls: tlsShape.optional(),
  limits: brokerLimits(LIMITS).prefault({}),
});

type Section = z.infer<typeof shape>;

/** With absolute paths of its certificates. */
function place(
  value: unknown,
  absolute: (path: string) => string,
  fault: (path: string, message: string) => void,
): Section {
  const section = value as Section;
  const { tls } = section;
  if (tls === undefined) return section;
  const { ca } = tls;
  const files = {
    ...tls,
    cert: absolute(tls.cert),
    key: absolute(tls.key),
    ...(ca === undefined ? {} : { ca: absolute(ca) }),
  };
  for (const { path, message } of tlsFaults(files)) fault(`tls.${path}`, message);
  return { ...section, tls: files };
}

export const mqttDriver: Driver = {
  protocol: MQTT,
  section: { name: SECTION, shape, place },
  check(device, config, faults) {
    const { secret } = device;
    if (secret === undefined) faults.device('secret', 'an MQTT device needs a secret');
    else if (isCertificateKeyLike(secret) && certificateKey(secret) === null)
      faults.device('secret', 'the key of a certificate is key-sha256: and 64 digits');
    if (device.connection !== undefined)
      faults.device('connection', 'an MQTT device connects by itself');
    if (device.every !== undefined) faults.device('every', 'an MQTT device is not polled');
    if (config[SECTION] === undefined)
      faults.config(SECTION, `needed by the MQTT device ${device.id}`);
  },
  names: ({ id, address }, profile) => [comparableAddress(profile.address, address ?? id), id],
  async start(devices, { config, intake }, { log, timer }, signal) {
    const at = config[SECTION] as Section | undefined;
    if (at === undefined) throw new OperationalError('config-invalid', `no section ${SECTION}`);
    const listener = await createListener(devices, intake, log, at.limits);
    const certificates =
      at.tls === undefined
        ? null
        : new CertificateFiles(at.tls, 'mqtt.tls', {
            log: (level, message, detail) => log[level](detail, message),
            now: timer.now,
          });
    const listening = await listen(listener, at, certificates);
    const checking = setInterval(() => certificates?.check(), CHECK_MS);
    const ended = new Promise<void>((resolve, reject) => {
      const close = (): void => {
        clearInterval(checking);
        void listener.close(CLOSE_MS).then(resolve, reject);
      };
      if (signal.aborted) close();
      else signal.addEventListener('abort', close, { once: true });
    });
    return {
      port: listening,
      ended,
      ...(certificates === null ? {} : { reload: () => void certificates.reload() }),
      failing: () => ({}),
      counters: () => listener.counters(),
      // What was acknowledged and not taken is counted nowhere else.
      summary: () => ({ listener: listener.counters() }),
    };
  },
};

/** MQTT: local devices sign in and publish to a listener of the gateway. */
import { brokerLimits } from '@village/broker/config';
import { OperationalError } from '@village/core';
import { MQTT } from '@village/device-profiles/mqtt';
import { z } from 'zod';
import { port } from '../../config/shapes.ts';
import type { Driver } from '../driver.ts';
import { createListener, listen } from './listener.ts';

/** Section of the configuration. */
const SECTION = 'mqtt';
const CLOSE_MS = 2_000;

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
  limits: brokerLimits(LIMITS).prefault({}),
});

export const mqttDriver: Driver = {
  protocol: MQTT,
  section: { name: SECTION, shape },
  check(device, config, faults) {
    if (device.secret === undefined) faults.device('secret', 'an MQTT device needs a secret');
    if (device.connection !== undefined)
      faults.device('connection', 'an MQTT device connects by itself');
    if (device.every !== undefined) faults.device('every', 'an MQTT device is not polled');
    if (config[SECTION] === undefined)
      faults.config(SECTION, `needed by the MQTT device ${device.id}`);
  },
  names: ({ id, address }) => [address ?? id, id],
  async start(devices, { config, intake }, { log }, signal) {
    const at = config[SECTION] as z.infer<typeof shape> | undefined;
    if (at === undefined) throw new OperationalError('config-invalid', `no section ${SECTION}`);
    const listener = await createListener(devices, intake, log, at.limits);
    const listening = await listen(listener, at);
    const ended = new Promise<void>((resolve, reject) => {
      const close = (): void => void listener.close(CLOSE_MS).then(resolve, reject);
      if (signal.aborted) close();
      else signal.addEventListener('abort', close, { once: true });
    });
    return {
      port: listening,
      ended,
      failing: () => ({}),
      counters: () => ({}),
      summary: () => ({}),
    };
  },
};

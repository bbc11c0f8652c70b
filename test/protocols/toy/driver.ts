/** The toy protocol's driver, as `gateway/src/drivers/toy/` would have it: connects and listens to lines. */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Driver } from '@village/gateway';
import { z } from 'zod';
import { TOY, type ToyFrame } from './profile.ts';

const connection = z.strictObject({ host: z.string(), line: z.int().min(1) });

export const toyDriver: Driver = {
  protocol: TOY,
  connection,
  check(device, _config, faults) {
    if (!connection.safeParse(device.connection).success)
      faults.device('connection', 'must be { host, line }');
  },
  async start(devices, { intake }, _deps, signal) {
    let lines = 0;
    const ended = devices.map((device) => {
      const { host, line: port } = connection.parse(device.connection);
      const socket = connect({ host, port });
      socket.on('error', () => socket.destroy());
      signal.addEventListener('abort', () => socket.destroy());
      createInterface({ input: socket }).on('line', (line) => {
        lines++;
        const frame: ToyFrame = { protocol: TOY, line };
        intake.accept(device, frame);
      });
      return new Promise<void>((resolve) => {
        socket.once('close', () => {
          intake.endSession(device.id);
          resolve();
        });
      });
    });
    return {
      port: null,
      failing: () => ({}),
      counters: () => ({ lines }),
      summary: () => ({}),
      ended: Promise.all(ended),
    };
  },
};

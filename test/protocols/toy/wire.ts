/** The toy protocol's wire, as `simulators/src/wires/toy/` would have it: a server that greets and tells of changes. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Wire, WireAddress } from '@village/simulators';
import { z } from 'zod';
import { TOY } from './profile.ts';

interface ToyAddress extends WireAddress {
  readonly kind: typeof TOY;
  readonly port: number;
}

const shape = z.strictObject({ port: z.number().int().default(25_000) });

export const toyWire: Wire = {
  protocol: TOY,
  polled: true,
  site: { shape, fromFlags: () => ({}) },
  flags: [],
  command: {
    name: 'toy',
    usage: '  toy\n      one toy device',
    single: () => {
      throw new Error('not used');
    },
  },
  addresses(site) {
    let { port } = site as z.infer<typeof shape>;
    return (): ToyAddress => ({ kind: TOY, port: port++ });
  },
  connection: ({ port }) => ({ host: '127.0.0.1', line: port }),
  async play(devices, { model, timer }) {
    const sockets = new Set<Socket>();
    let said = 0;
    const servers = devices.map((device) => {
      const tenths = (): number[] =>
        Object.values(model.values(device, timer.now())).map((value) => Math.round(value * 10));
      const server = createServer((socket) => {
        sockets.add(socket);
        let before = tenths();
        socket.write(`B ${before.join(' ')}\n`);
        const timerOf = setInterval(() => {
          const now = tenths();
          socket.write(`D ${now.map((value, i) => value - (before[i] ?? 0)).join(' ')}\n`);
          before = now;
          said++;
        }, 20);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          clearInterval(timerOf);
          sockets.delete(socket);
        });
      });
      return { device, server };
    });
    for (const { device, server } of servers)
      await once(server.listen(device.wire.port, '127.0.0.1'), 'listening');
    return {
      counters: () => ({ said }),
      faults: () => [],
      async close() {
        for (const socket of sockets) socket.destroy();
        await Promise.all(
          servers.map(
            ({ server }) => new Promise<void>((resolve) => server.close(() => resolve())),
          ),
        );
      },
    };
  },
};

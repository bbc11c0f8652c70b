/**
 * A TCP relay between gateways and broker that a scenario can cut: while it is cut every connection is broken
 * and new ones are refused, as by a network that is down.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A running relay. */
export interface Relay {
  readonly port: number;
  /** Breaks what is connected and refuses what comes, until it is mended. */
  cut(on: boolean): void;
  /** Socket errors seen; a cut makes some. */
  readonly errors: () => number;
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 1_000;
const IDLE_MS = 10 * 60_000;

/** Relays connections on `listen` to `target`. @throws the listen error of the system (port in use). */
export async function startRelay(
  listen: { host: string; port: number },
  target: { host: string; port: number },
): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let errors = 0;
  const keep = (socket: Socket, other: () => Socket | undefined): void => {
    sockets.add(socket);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => {
      errors++;
    });
    socket.on('close', () => {
      sockets.delete(socket);
      other()?.destroy();
    });
  };
  const server = createServer((inner) => {
    if (isCut) {
      inner.on('error', () => {
        errors++;
      });
      inner.destroy();
      return;
    }
    const outer = connect(target.port, target.host);
    keep(inner, () => outer);
    keep(outer, () => inner);
    inner.pipe(outer).pipe(inner);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut(on) {
      isCut = on;
      if (on) for (const socket of sockets) socket.destroy();
    },
    errors: () => errors,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What a connection is made of: a client's socket, what is known of the client before it says a word, and its last will. */
import type { Duplex } from 'node:stream';
import type { ClientCertificate } from './contract.ts';

/** What a client's bytes come and go through: a socket of TCP or TLS, or a WebSocket. */
export interface ClientSocket extends Duplex {
  setNoDelay(on: boolean): unknown;
  setKeepAlive(on: boolean, ms: number): unknown;
  destroySoon(): void;
}

/** Who comes, as far as it is known before the client says a word. */
export interface Caller {
  readonly address: string;
  /** `until`: when it ends, on the clock of `check`. */
  readonly certificate: (ClientCertificate & { readonly until: number }) | null;
}

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/**
 * Lets what was written go out, and closes. What a client leaves unread would keep its socket for ever, and its place among
 * those of its address: after `withinMs` it is given up.
 */
export function closeSoon(socket: ClientSocket, withinMs: number): void {
  socket.destroySoon();
  if (socket.destroyed) return;
  const stuck = setTimeout(() => socket.destroy(), withinMs);
  socket.once('close', () => clearTimeout(stuck));
}

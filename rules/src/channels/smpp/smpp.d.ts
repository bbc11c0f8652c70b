/** What is used of the library `smpp`, which has no types of its own. */
declare module 'smpp' {
  import type { EventEmitter } from 'node:events';
  import type { Server as NetServer, Socket } from 'node:net';

  namespace smpp {
    interface Pdu {
      readonly command: string;
      readonly command_status: number;
      readonly sequence_number: number;
      readonly [field: string]: unknown;
      response(fields?: Readonly<Record<string, unknown>>): Pdu;
    }

    interface Session extends EventEmitter {
      readonly socket: Socket;
      /** False when the socket is no longer writable. */
      send(pdu: Pdu, onResponse?: (pdu: Pdu) => void): boolean;
      close(): void;
      destroy(): void;
    }
  }

  const smpp: {
    connect(options: Readonly<Record<string, unknown>>): smpp.Session;
    createServer(onSession: (session: smpp.Session) => void): NetServer;
    readonly PDU: new (command: string, fields?: Readonly<Record<string, unknown>>) => smpp.Pdu;
    readonly encodings: { default: string };
  };
  export = smpp;
}

/** Modbus TCP slaves that are slow, silent, cut off or talk nonsense, by chance: what a gateway polls beside what works. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** Longer than any time-out of a request. */
const TOO_LATE_MS = 4_000;

export interface Slaves {
  readonly port: number;
  readonly asked: number;
  close(): Promise<void>;
}

/** An answer to a request for registers, all of them the same. */
function answerTo(request: Buffer): Buffer {
  const registers = request.readUInt16BE(10);
  const answer = Buffer.alloc(9 + 2 * registers, 0);
  request.copy(answer, 0, 0, 4);
  answer.writeUInt16BE(3 + 2 * registers, 4);
  answer[6] = request[6]!;
  answer[7] = request[7]!;
  answer[8] = 2 * registers;
  for (let n = 0; n < registers; n++) answer.writeUInt16BE(700, 9 + 2 * n);
  return answer;
}

export async function badSlaves(random: () => number): Promise<Slaves> {
  let asked = 0;
  const sockets = new Set<Socket>();
  const waits = new Set<NodeJS.Timeout>();
  const later = (ms: number, what: () => void): void => {
    const wait = setTimeout(() => {
      waits.delete(wait);
      what();
    }, ms);
    waits.add(wait);
  };
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (request) => {
      asked++;
      if (request.length < 12) return;
      const answer = answerTo(request);
      const dice = random();
      const send = (bytes: Buffer): void => {
        if (!socket.destroyed) socket.write(bytes);
      };
      if (dice < 0.45) send(answer);
      else if (dice < 0.65) later(random() * TOO_LATE_MS, () => send(answer));
      else if (dice < 0.75) send(answer.subarray(0, 9));
      else if (dice < 0.85)
        send(Buffer.from(Array.from({ length: 40 }, () => Math.floor(random() * 256))));
      else if (dice < 0.9) socket.resetAndDestroy();
      // The rest is never answered.
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    get asked() {
      return asked;
    },
    close: async () => {
      for (const wait of waits) clearTimeout(wait);
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

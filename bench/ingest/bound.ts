/**
 * The bounds that ingest is judged against: a bare `net` + `mqtt-packet` acknowledger that stores nothing, and, for
 * batches, JSON.parse and an fsync'd append alone, without any network.
 */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parser } from 'mqtt-packet';
import { gatewayTemplate, ROWS_PER_BATCH, writeMessage } from './packets.ts';

/** Answers CONNECT, and PUBLISH with PUBACKs written once per socket and tick. */
function acknowledge(socket: Socket): void {
  const packets = parser();
  let ids: number[] = [];
  const flush = (): void => {
    const acks = Buffer.allocUnsafe(ids.length * 4);
    ids.forEach((id, k) => {
      acks.writeUInt16BE(0x4002, k * 4);
      acks.writeUInt16BE(id, k * 4 + 2);
    });
    ids = [];
    socket.write(acks);
  };
  packets.on('packet', (packet) => {
    if (packet.cmd === 'connect') socket.write(Buffer.from([0x20, 2, 0, 0]));
    else if (packet.cmd === 'publish') {
      if (ids.length === 0) setImmediate(flush);
      ids.push(packet.messageId ?? 0);
    }
  });
  socket.on('data', (chunk) => packets.parse(chunk));
  socket.on('error', () => socket.destroy());
}

/** Readings a second that one thread parses and appends durably, in groups of 10,000 readings. */
export function parseAndFsync(seconds: number, readingsPerRow: number): number {
  const template = gatewayTemplate(0);
  const message = Buffer.alloc(template.packet.length);
  const payloadAt = template.packet.indexOf('{');
  const path = join(tmpdir(), `village-bound-${process.pid}`);
  const file = openSync(path, 'w');
  const perGroup = Math.ceil(10_000 / readingsPerRow / ROWS_PER_BATCH);
  const group = Buffer.alloc(perGroup * message.length);
  const end = performance.now() + seconds * 1000;
  const began = performance.now();
  let rows = 0;
  for (let i = 0; performance.now() < end; ) {
    for (let k = 0; k < perGroup; k++, i++) {
      writeMessage(message, 0, template, i, 1_767_225_600_000);
      const parsed = JSON.parse(message.toString('utf8', payloadAt)) as { readings: unknown[] };
      rows += parsed.readings.length;
      message.copy(group, k * message.length);
    }
    if (writeSync(file, group) !== group.length) throw new Error('short write');
    fdatasyncSync(file);
  }
  const perSecond = (rows * readingsPerRow) / ((performance.now() - began) / 1000);
  closeSync(file);
  rmSync(path);
  return perSecond;
}

if (process.argv[2] === 'serve') {
  const server = createServer({ noDelay: true }, acknowledge).listen(
    { port: 0, host: '127.0.0.1', backlog: 4096 },
    () => {
      const address = server.address();
      process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
    },
  );
  process.on('disconnect', () => process.exit(0));
}

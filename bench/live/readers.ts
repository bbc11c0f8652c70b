/** A thread that holds live streams open and reads them as fast as they come; it answers with what it has read so far. */
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { port, streams } = workerData as { port: number; streams: number };

let bytes = 0;
for (let n = 0; n < streams; n++) {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: bench\r\n\r\n');
  socket.on('data', (data) => {
    bytes += data.length;
  });
  socket.on('error', (error) => {
    throw error;
  });
}
parentPort?.on('message', () => parentPort?.postMessage(bytes));

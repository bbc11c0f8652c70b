/** The peer, in a process of its own: stock aedes, which acknowledges from memory. Tells its parent the port. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Aedes } from 'aedes';

const broker = await Aedes.createBroker();
const server = createServer(broker.handle).listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.({ port: (server.address() as AddressInfo).port });
process.once('message', () => {
  broker.close(() => server.close(() => process.disconnect()));
});

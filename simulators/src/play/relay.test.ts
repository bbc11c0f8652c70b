import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { startRelay } from './relay.ts';

it('carries bytes both ways until it is cut, and again when it is mended', async () => {
  const echo = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const target = { host: '127.0.0.1', port: (echo.address() as AddressInfo).port };
  const relay = await startRelay({ host: '127.0.0.1', port: 0 }, target);
  const say = async (): Promise<string> => {
    const socket = connect(relay.port, '127.0.0.1');
    const closed = once(socket, 'close').then(() => 'closed');
    socket.on('error', () => socket.destroy());
    socket.write('hello');
    const answer = await Promise.race([once(socket, 'data').then(String), closed]);
    socket.destroy();
    return answer;
  };
  const standing = connect(relay.port, '127.0.0.1');
  standing.on('error', () => standing.destroy());
  standing.write('x');
  await once(standing, 'data');
  expect(await say()).toBe('hello');
  relay.cut(true);
  await once(standing, 'close');
  expect(await say()).toBe('closed');
  relay.cut(false);
  expect(await say()).toBe('hello');
  await relay.close();
  echo.close();
});

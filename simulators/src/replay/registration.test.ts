import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { registerDevices } from './registration.ts';

let server: Server | undefined;
afterEach(
  () => new Promise((resolve) => (server === undefined ? resolve(null) : server.close(resolve))),
);

/** A server that says what it is told to, and remembers what it was asked. */
async function answering(status: number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${request.headers.cookie ?? ''} ${body}`.trim());
      response.setHeader('set-cookie', 'session=s; HttpOnly');
      response.setHeader('connection', 'close');
      response
        .writeHead(request.url?.endsWith('/import') === true ? status : 200)
        .end('the answer');
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const signal = new AbortController().signal;
const asAdmin = { user: 'admin', password: 'p', csv: 'id\nx\n', signal };

it('signs in, imports and signs out', async () => {
  const { url, asked } = await answering(200);
  await registerDevices({ ...asAdmin, url });
  expect(asked).toEqual([
    'POST /api/v1/session  {"user":"admin","password":"p"}',
    'POST /api/v1/devices/import session=s id\nx',
    'DELETE /api/v1/session session=s',
  ]);
});

it('says what the server said, and that there is none', async () => {
  const { url, asked } = await answering(422);
  await expect(registerDevices({ ...asAdmin, url })).rejects.toMatchObject({
    code: 'not-registered',
    message: expect.stringMatching(/422 the answer/),
  });
  expect(asked.at(-1)).toContain('DELETE');
  const nobody = registerDevices({ ...asAdmin, url: 'http://127.0.0.1:1' });
  await expect(nobody).rejects.toMatchObject({ code: 'not-registered' });
});

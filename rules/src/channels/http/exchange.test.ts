import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { badAnswers, never, type TestServer, testServer } from '../testing.ts';
import { objectOf, outcomeOf, said } from './answers.ts';
import { exchange } from './exchange.ts';

const NOW = 1_000_000;
let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.seen.length = 0;
});

const post = (url: string, timeoutMs = 400, signal = never) =>
  exchange({ url: new URL(url), method: 'POST', body: '{"a":"汉"}', timeoutMs, signal });

describe('an exchange', () => {
  it('hands over the body whole, and the answer', async () => {
    server.answer({ errcode: 0 });
    const answer = await post(`${server.url}/x?key=1`);
    expect(answer).toMatchObject({ kind: 'answered', status: 200, whole: true });
    expect(objectOf(answer)).toEqual({ errcode: 0 });
    expect(server.seen).toMatchObject([{ method: 'POST', url: '/x?key=1', body: '{"a":"汉"}' }]);
  });

  it('tells that nothing was written where nobody listens', async () => {
    const gone = createServer();
    gone.listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, 'close');
    const answer = await post(`http://127.0.0.1:${port}/cgi-bin/send?key=SECRET`);
    expect(answer).toEqual({
      kind: 'unsent',
      code: 'ECONNREFUSED',
      text: '127.0.0.1: ECONNREFUSED',
      lasting: false,
    });
    expect(outcomeOf(answer, NOW).kind).toBe('retry');
  });

  it('tells that nothing was written where the name is nowhere', async () => {
    const answer = await post('http://nowhere.invalid/', 5000);
    expect(answer).toMatchObject({ kind: 'unsent', lasting: false });
    expect(outcomeOf(answer, NOW).kind).toBe('retry');
  });

  it('tells that nothing was written while TLS is not agreed on', async () => {
    // Takes connections and says nothing: the handshake never ends.
    const mute = createServer((socket) => socket.on('error', () => socket.destroy()));
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    const answer = await post(`https://127.0.0.1:${port}/`, 200);
    expect(answer).toMatchObject({ kind: 'unsent', code: 'timeout' });
    expect(outcomeOf(answer, NOW).kind).toBe('retry');
    mute.close();
  });

  it('takes what speaks no TLS for a fault that stays', async () => {
    const answer = await post(server.url.replace('http:', 'https:'));
    expect(answer).toMatchObject({ kind: 'unsent', lasting: true });
    expect(outcomeOf(answer, NOW).kind).toBe('fault');
  });

  it('is refused by a TLS server without a certificate, which is a fault', async () => {
    const bare = createTlsServer({});
    bare.listen(0, '127.0.0.1');
    await once(bare, 'listening');
    const { port } = bare.address() as AddressInfo;
    const answer = await post(`https://127.0.0.1:${port}/`);
    expect(outcomeOf(answer, NOW).kind).toBe('fault');
    bare.close();
  });

  it.each(Object.keys(badAnswers))('does not know what became of it: %s', async (name) => {
    const bad = badAnswers[name];
    server.answer((response) => bad?.(response));
    const answer = await post(server.url);
    expect(server.seen).toHaveLength(1);
    expect(objectOf(answer)).toBeUndefined();
    expect(outcomeOf(answer, NOW).kind).toBe('unknown');
  });

  it('ends when the caller gives up', async () => {
    server.answer(() => undefined);
    const caller = new AbortController();
    const waiting = post(server.url, 60_000, caller.signal);
    await expect.poll(() => server.seen.length).toBe(1);
    caller.abort();
    expect(await waiting).toEqual({ kind: 'lost', text: '127.0.0.1: aborted' });
    expect(await post(server.url, 60_000, caller.signal)).toMatchObject({ kind: 'unsent' });
  });

  it.each([
    [302, 'fault'],
    [403, 'fault'],
    [404, 'fault'],
    [408, 'retry'],
    [500, 'retry'],
    [502, 'retry'],
    [503, 'retry'],
    [504, 'unknown'],
  ])('status %d without known words is %s', async (status, kind) => {
    server.answer((response) => {
      response.writeHead(status, { location: `${server.url}/elsewhere` }).end('no');
    });
    expect(outcomeOf(await post(server.url), NOW).kind).toBe(kind);
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    ['7', 7000],
    ['0', 1000],
    ['999999', 3_600_000],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 60_000],
  ])('status 429 with Retry-After %s waits %d ms', async (header, ms) => {
    server.answer((response) => {
      response.writeHead(429, { 'retry-after': header }).end();
    });
    expect(outcomeOf(await post(server.url), NOW)).toEqual({
      kind: 'limited',
      until: NOW + ms,
      of: 'channel',
      code: 'http-429',
    });
  });
});

it('what a provider said is on one line, short and without secrets', () => {
  expect(said('bad key s3cret\r\nX: y\u2028z', ['s3cret'])).toBe('bad key *** X: y z');
  expect(said('x'.repeat(300), [])).toHaveLength(200);
  expect(said(7, [])).toBe('');
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Type } from 'typebox';
import { afterEach, describe, expect, it } from 'vitest';
import * as calls from './calls.ts';
import { ApiError, type Call, createClient } from './client.ts';
import { type Decoder, list, mapOf, number, object, text, time } from './decoder.ts';
import { decoderOf, emitModule } from './schema.ts';
import { createEventParser, followStream, type StreamListener } from './stream.ts';

const device = calls.device.decode;
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<typeof globalThis.fetch> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return (input, init) => fetch(base + String(input), init);
}

describe('checks', () => {
  it('name the place that is wrong', () => {
    const shape = object({ items: list(object({ at: time, value: number })) });
    expect(() => shape({ items: [{ at: '2026-03-01T00:00:00Z', value: 'x' }] }, '')).toThrow(
      'items[0].value: finite number wanted',
    );
    expect(() => shape({ items: [{ at: 'soon', value: 1 }] }, '')).toThrow(
      'items[0].at: time wanted',
    );
    expect(() => shape({}, '')).toThrow('items: list wanted');
  });
  it('never take a member from a prototype', () => {
    expect(() => object({ constructor: text })({}, '')).toThrow('constructor: text wanted');
    const map = mapOf(number)(JSON.parse('{"__proto__": 1, "cod": 2}'), '');
    expect([...map]).toEqual([
      ['__proto__', 1],
      ['cod', 2],
    ]);
  });
  it('let nothing but a device through as a device', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => device(value, '')).toThrow(/wanted$/);
      }),
    );
  });
});

describe('decoders of schemas', () => {
  const at = '2026-03-01T00:00:00.000Z';
  const shown = {
    id: 'a',
    name: '站',
    profile: 'x/y',
    kind: 'sewage-monitor',
    area: { code: '330522000000', name: { zh: '县', en: 'County' } },
    path: [],
    gateway: null,
    address: '',
    longitude: 119.9,
    latitude: null,
    state: 'online',
    lastSeenAt: at,
    values: { cod: { value: 3, at, receivedAt: at, quality: 'good' } },
  };
  it('give instants as numbers, unknown keys as maps, what is absent as null', () => {
    const read = device({ ...shown, extra: 1 }, '');
    const ms = Date.UTC(2026, 2, 1);
    expect(read).toEqual({
      ...shown,
      retiredAt: null,
      retiredReason: null,
      refusals: null,
      clientId: null,
      clock: null,
      clockUse: null,
      lastSeenAt: ms,
      values: new Map([
        ['cod', { value: 3, at: ms, receivedAt: ms, quality: 'good', received: null }],
      ]),
    });
    const optional = decoderOf(Type.Object({ text: Type.Optional(Type.String()) }));
    expect(optional({}, '')).toEqual({ text: null });
  });
  it('refuse words, pairs and whole numbers that are none', () => {
    expect(() => device({ ...shown, state: 'asleep' }, '')).toThrow('state: online or late');
    const metric = decoderOf(Type.Array(Type.Integer(), { minItems: 2, maxItems: 2 }));
    expect(metric([1, 2], '')).toEqual([1, 2]);
    expect(() => metric([1, 2, 3], '')).toThrow('answer: pair wanted');
    expect(() => metric([1, 0.5], '')).toThrow('[1]: whole number wanted');
  });
  it('take what is said in words or as a number, and nothing else', () => {
    const said = decoderOf(Type.Union([Type.String(), Type.Number()]));
    expect([said('small', ''), said(1.4, '')]).toEqual(['small', 1.4]);
    expect(() => said(true, 'value')).toThrow('value: finite number wanted');
    expect(() => said(Number.NaN, 'value')).toThrow('value: finite number wanted');
  });
  it('are not made of schemas that they can not read', () => {
    expect(() => decoderOf(Type.Union([Type.String(), Type.Boolean()]))).toThrow('BUG: no decoder');
    expect(() => decoderOf(Type.Union([Type.Number(), Type.String()]))).toThrow('BUG: no decoder');
  });
  it('are the same as functions and as the text that the build puts in their place', async () => {
    const parts = new URL('./decoder.ts', import.meta.url).href;
    const folder = mkdtempSync(join(tmpdir(), 'calls-'));
    const file = join(folder, 'calls.mjs');
    writeFileSync(file, emitModule(calls, parts));
    const emitted = (await import(/* @vite-ignore */ file)) as typeof calls;
    rmSync(folder, { recursive: true });
    expect(Object.keys(emitted).sort()).toEqual(Object.keys(calls).sort());
    expect(emitted.QUARANTINE_STATES).toEqual(calls.QUARANTINE_STATES);
    expect(emitted.device.decode(shown, '')).toEqual(device(shown, ''));
    const outcome = (
      decode: (value: unknown, path: string) => unknown,
      value: unknown,
    ): unknown => {
      try {
        return decode(value, '');
      } catch (error) {
        return String(error);
      }
    };
    const wrong = fc
      .tuple(fc.constantFrom(...Object.keys(shown)), fc.jsonValue())
      .map(([key, value]) => ({ ...shown, [key]: value }));
    fc.assert(
      fc.property(wrong, (value) => {
        expect(outcome(emitted.device.decode, value)).toEqual(outcome(device, value));
      }),
    );
  });
});

describe('client', () => {
  const get = <T>(path: string, decode: Decoder<T>): Call<{ signal?: AbortSignal }, T> => ({
    method: 'GET',
    path,
    decode,
  });
  const signingIn = { body: { user: 'a', password: 'b' } };
  const make = async (listener: RequestListener, timeoutMs = 10_000) => {
    const seen = { signedOut: 0, time: 0 };
    const client = createClient({
      fetch: await serve(listener),
      timeoutMs,
      signedOut: () => {
        seen.signedOut++;
      },
      serverTime: (at) => {
        seen.time = at;
      },
    });
    return { client, seen };
  };
  const fault = async (work: Promise<unknown>): Promise<ApiError> => {
    const error: unknown = await work.then(
      () => null,
      (cause: unknown) => cause,
    );
    if (!(error instanceof ApiError))
      throw new Error(`an ApiError was expected, not ${String(error)}`);
    return error;
  };

  it('asks, checks and tells the server time', async () => {
    const { client, seen } = await make((request, response) => {
      response.setHeader('date', 'Sun, 01 Mar 2026 00:00:00 GMT');
      response.end(JSON.stringify({ path: request.url }));
    });
    const answer = await client.call(
      { ...calls.devices, decode: object({ path: text }) },
      { query: { q: '污水 &', state: null } },
    );
    expect(answer.path).toBe('/api/v1/devices?q=%E6%B1%A1%E6%B0%B4+%26');
    expect(seen.time).toBe(Date.UTC(2026, 2, 1));
  });
  it('turns a problem document into its code', async () => {
    const { client } = await make((_request, response) => {
      response.writeHead(423, { 'content-type': 'application/problem+json', 'retry-after': '300' });
      response.end(JSON.stringify({ status: 423, code: 'locked', detail: 'too many' }));
    });
    const error = await fault(client.call(calls.signIn, signingIn));
    expect(error).toMatchObject({
      code: 'locked',
      status: 423,
      message: 'too many',
      retryAfterSeconds: 300,
    });
  });
  it('an error page of a proxy is an error, not a crash', async () => {
    const { client } = await make((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' });
      response.end('<h1>Bad gateway</h1>');
    });
    expect(await fault(client.call(get('/overview', text), {}))).toMatchObject({
      code: 'http-502',
      status: 502,
    });
  });
  it('says when the session has ended, but not when signing in fails', async () => {
    const { client, seen } = await make((_request, response) => {
      response.writeHead(401, { 'content-type': 'application/problem+json' });
      response.end('{"code":"not-signed-in"}');
    });
    await fault(client.call(calls.signIn, signingIn));
    expect(seen.signedOut).toBe(0);
    await fault(client.call(get('/devices', text), {}));
    expect(seen.signedOut).toBe(1);
  });
  it('an answer of another shape, or no JSON, is bad', async () => {
    const { client } = await make((request, response) => {
      response.end(request.url === '/api/v1/a' ? '{"x":1}' : '<html>');
    });
    expect(await fault(client.call(get('/a', object({ y: number })), {}))).toMatchObject({
      code: 'bad-answer',
    });
    expect(await fault(client.call(get('/b', number), {}))).toMatchObject({ code: 'bad-answer' });
  });
  it('gives up on a server that does not answer', async () => {
    const { client } = await make(() => undefined, 50);
    expect(await fault(client.call(get('/slow', text), {}))).toMatchObject({
      code: 'timeout',
      status: 0,
    });
  });
  it('waits longer for one that gets a file, which takes its time', async () => {
    const { client } = await make((_request, response) => {
      setTimeout(() => response.writeHead(204).end(), 200);
    }, 20);
    const file = new Blob([new Uint8Array(1024 * 1024)]);
    const call: Call<{ file: Blob }, unknown> = {
      method: 'POST',
      path: '/x',
      decode: (got) => got,
    };
    expect(await client.call(call, { file })).toBeNull();
  });
  it('an abort is the asker’s own reason', async () => {
    const { client } = await make(() => undefined);
    const leaving = new AbortController();
    const asked = client.call(get('/slow', text), { signal: leaving.signal });
    leaving.abort(new Error('left the page'));
    await expect(asked).rejects.toThrow('left the page');
  });
});

describe('event parser', () => {
  const stream =
    ': hello\n\nevent: counts\ndata: {"online":1}\n\nevent: latest\r\ndata: a\r\ndata: b\r\n\r\ndata:bare\n\nevent: lost\n\n';
  const wanted = [
    { event: 'counts', data: '{"online":1}' },
    { event: 'latest', data: 'a\nb' },
    { event: 'message', data: 'bare' },
  ];
  it('finds the same events however the text is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length })), (cuts) => {
        const parse = createEventParser();
        const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
        expect(
          edges.slice(1).flatMap((end, index) => parse(stream.slice(edges[index], end))),
        ).toEqual(wanted);
      }),
    );
  });
});

describe('followStream', () => {
  const listen = (seen: (data: string) => void = () => undefined) => {
    const heard: string[] = [];
    const listener: StreamListener = {
      event: ({ data }) => {
        heard.push(data);
        seen(data);
      },
      state: (state) => heard.push(state),
      recovered: () => heard.push('recovered'),
      fault: () => heard.push('fault'),
      signedOut: () => heard.push('signed out'),
    };
    return { heard, listener };
  };
  const options = (fetched: typeof globalThis.fetch, waits: number[]) => ({
    fetch: fetched,
    sleep: (ms: number) => {
      waits.push(ms);
      return new Promise<void>((resolve) => setImmediate(resolve));
    },
    random: () => 1,
    silenceMs: 20_000,
    backOffMs: [1000, 4000] as const,
  });

  it('comes back after breaks, waiting longer each time, and says what was missed must be loaded', async () => {
    const leaving = new AbortController();
    let connections = 0;
    const fetched = await serve((_request, response) => {
      connections++;
      if (connections === 1) return response.end('data: one\n\n');
      if (connections <= 5) return response.writeHead(503).end();
      response.write('data: two\n\n');
      return response;
    });
    const { heard, listener } = listen((data) => {
      if (data === 'two') leaving.abort();
    });
    const waits: number[] = [];
    await followStream('/live', options(fetched, waits), listener, leaving.signal);
    expect(heard.filter((word) => word !== 'fault' && word !== 'reconnecting')).toEqual([
      'connecting',
      'live',
      'one',
      'live',
      'recovered',
      'two',
    ]);
    expect(waits).toEqual([1000, 2000, 4000, 4000, 4000]);
  });
  it('ends when the server does not know us', async () => {
    const { heard, listener } = listen();
    const fetched = await serve((_request, response) => response.writeHead(401).end());
    await followStream('/live', options(fetched, []), listener, new AbortController().signal);
    expect(heard).toEqual(['connecting', 'signed out']);
  });
  it('a line gone silent is dropped, a heartbeat keeps it', async () => {
    const leaving = new AbortController();
    const { heard, listener } = listen();
    let connections = 0;
    const fetched = await serve((_request, response) => {
      connections++;
      response.write(': hello\n\n');
      if (connections === 2) leaving.abort();
    });
    await followStream(
      '/live',
      { ...options(fetched, []), silenceMs: 100 },
      listener,
      leaving.signal,
    );
    expect(heard.slice(0, 4)).toEqual(['connecting', 'live', 'fault', 'reconnecting']);
    expect(connections).toBe(2);
  });
});

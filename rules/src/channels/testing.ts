/** What tests of channels share: a server that does as it is told, and a notice. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Timer } from '@village/core';
import type { NoticeParts, Outgoing } from './contract.ts';

/** One request as it came. */
export interface Seen {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** JSON for status 200, or what does something else with the request. */
export type Answerer =
  | Readonly<Record<string, unknown>>
  | ((response: ServerResponse, request: IncomingMessage) => void);

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly seen: Seen[];
  /** The next answers, in order; after them the last one again. */
  answer(...answers: Answerer[]): void;
  close(): Promise<void>;
}

/** A server on the loopback. */
export async function testServer(): Promise<TestServer> {
  const seen: Seen[] = [];
  let answers: Answerer[] = [{}];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      seen.push({
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(parts).toString('utf8'),
      });
      const next = answers.length > 1 ? answers.shift() : answers[0];
      if (typeof next === 'function') next(response, request);
      else
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(next));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    answer(...next) {
      answers = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What a server on the way does to an answer, and nobody should be fooled by. */
export const badAnswers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  html: (response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>请先登录</html>');
  },
  endless: (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = (): void => {
      while (!response.destroyed && response.write(' '.repeat(16 * 1024)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  slow: (response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"errcode":');
  },
  silent: () => undefined,
  cut: (response) => {
    response.writeHead(200, { 'content-length': '1000' }).write('{"errcode":0');
    setTimeout(() => response.destroy(), 20);
  },
  reset: (response) => {
    response.destroy();
  },
  array: (response) => {
    response.writeHead(200).end('[0]');
  },
};

/** A clock that stands where the test puts it. */
export function testTimer(start: number): Timer & { at: number } {
  const timer = {
    at: start,
    now: () => timer.at,
    elapsed: () => timer.at,
    sleep: () => Promise.resolve(),
  };
  return timer;
}

export const never = new AbortController().signal;

/** 2026-03-01 14:05:00 in Beijing. */
export const NOON = Date.UTC(2026, 2, 1, 6, 5);

export const notice = (change: Partial<NoticeParts> = {}): NoticeParts => ({
  kind: 'active',
  severity: 'major',
  place: { zh: '和平镇便民桥村', en: 'Bianminqiao, Heping' },
  device: { zh: '2 号污水站', en: 'Sewage station 2' },
  what: { zh: '氨氮过高', en: 'Ammonia nitrogen too high' },
  value: { text: '10.4', unit: 'mg/L' },
  limit: { text: '8', standard: 'DB33/973' },
  since: NOON,
  until: null,
  notes: [{ zh: '约 40 分钟后溢流', en: 'Overflows in about 40 minutes' }],
  advice: { zh: '先看曝气风机', en: 'Look at the blower first' },
  lines: [],
  ...change,
});

export const outgoing = (change: Partial<Outgoing> = {}): Outgoing => ({
  key: 'a1_1_zhang_wecom-app_active',
  parts: notice(),
  to: 'zhang',
  language: 'zh',
  code: 'A7K2',
  url: 'https://village.example/a/1',
  ...change,
});

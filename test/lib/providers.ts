/** Channels against the fake providers over real sockets: a clock that the test sets, and the server's part of taking in what is posted. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OperationalError, seededRandom, type Timer } from '@village/core';
import {
  type Channel,
  channelKind,
  type Heard,
  type NoticeParts,
  type Outgoing,
} from '@village/rules/channels';
import {
  type Provider,
  type RunningProviders,
  startProviders,
} from '@village/simulators/providers';

/** A clock that stands until it is set forward; whoever sleeps wakes when their time has come. */
export class HandTimer implements Timer {
  #now: number;
  #sleepers: { at: number; wake: () => void }[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  readonly now = (): number => this.#now;
  readonly elapsed = (): number => this.#now;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      if (ms <= 0) return resolve();
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(signal.reason);
      });
    });
  }

  get sleepers(): number {
    return this.#sleepers.length;
  }

  forward(ms: number): void {
    this.#now += ms;
    const due = this.#sleepers.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
    this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#now);
    for (const { wake } of due) wake();
  }
}

/** The server's part: hands what is posted to the channel, and answers as that says. */
export interface Ear {
  readonly url: string;
  /** What channels made of it, one for each request. */
  readonly heard: Heard[];
  /** Statuses that were answered. */
  readonly statuses: number[];
  channel: Channel | undefined;
  /** Answers the next requests with 500, as a server that can't keep anything. */
  failing: number;
  close(): Promise<void>;
}

export async function startEar(): Promise<Ear> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://localhost');
      const answer = (status: number, type = 'text/plain', body = ''): void => {
        ear.statuses.push(status);
        response.writeHead(status, { 'content-type': type }).end(body);
      };
      if (ear.failing > 0) {
        ear.failing--;
        return answer(500);
      }
      try {
        const heard = ear.channel?.hear?.({
          method: request.method ?? '',
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          headers: request.headers as Record<string, string>,
          body: Buffer.concat(parts),
        });
        if (heard === undefined) return answer(404);
        ear.heard.push(heard);
        answer(heard.answer.status, heard.answer.type, heard.answer.body);
      } catch (error) {
        if (!(error instanceof OperationalError) || error.code !== 'not-ours') throw error;
        answer(404);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ear: Ear = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: [],
    statuses: [],
    channel: undefined,
    failing: 0,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return ear;
}

export const startFakes = (
  providers: readonly Provider[],
  timer: Timer,
): Promise<RunningProviders> =>
  startProviders({ port: 0, timer, random: seededRandom(7), providers });

/** A channel as the server makes one: options checked as they were written. */
export function makeChannel(kind: string, options: unknown, timer: Timer): Channel {
  const known = channelKind(kind);
  if (known === undefined) throw new Error(`no kind ${kind}`);
  return known.make('test', known.options(options), { timer, random: randomBytes });
}

/** 2026-03-01 14:05:09 in the county. */
export const START = Date.UTC(2026, 2, 1, 6, 5, 9);
export const forever = new AbortController().signal;

export const noticeParts = (given: Partial<NoticeParts> = {}): NoticeParts => ({
  kind: 'active',
  severity: 'major',
  place: { zh: '和平镇便民桥村', en: 'Bianminqiao, Heping' },
  device: { zh: '2 号污水站', en: 'Sewage station 2' },
  what: { zh: '氨氮过高', en: 'Ammonia nitrogen too high' },
  value: { text: '10.4', unit: 'mg/L' },
  limit: { text: '8', standard: 'DB33/973' },
  since: START,
  until: null,
  notes: [{ zh: '约 40 分钟后溢流', en: 'Overflows in about 40 minutes' }],
  advice: { zh: '先看曝气风机', en: 'Look at the blower first' },
  lines: [],
  ...given,
});

let made = 0;
/** Each with a key of its own unless one is given. */
export const message = (given: Partial<Outgoing> = {}): Outgoing => ({
  key: `i1_1_p1_test_active_${++made}`,
  parts: noticeParts(),
  to: '13800000001',
  language: 'zh',
  code: 'A7K2',
  url: null,
  ...given,
});

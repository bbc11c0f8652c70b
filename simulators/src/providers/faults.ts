/** What goes wrong at a provider, by switches: each fault holds for a number of requests, and then all is well again. */

import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

export const FAULT_KINDS = [
  /** The connection ends before anything was looked at. */
  'reset',
  /** Status 500 before anything was looked at, and its like of an overloaded gateway. */
  'error-500',
  'error-503',
  /** What was asked is done, and no answer ever comes. */
  'accept-silent',
  /** What was asked is done, and the connection ends instead of an answer. */
  'accept-reset',
  /** What was asked is done, and the answer comes byte by byte, ten a second. */
  'slow-body',
  /** What was asked is done, and the answer never ends. */
  'endless-body',
  /** What was asked is done, and some box between answers with a page of its own. */
  'not-json',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** No client waits longer for the rest of an answer. */
const SLOW_BYTES_MAX = 6000;

export class Faults {
  readonly #faults = new Map<string, { kind: FaultKind; left: number }>();

  /** The next `times` requests of the provider have the fault; 0 mends it. */
  set(provider: string, kind: FaultKind, times = 1): void {
    if (times <= 0) this.#faults.delete(provider);
    else this.#faults.set(provider, { kind, left: times });
  }

  clear(provider: string): void {
    this.#faults.delete(provider);
  }

  list(): { provider: string; kind: FaultKind; left: number }[] {
    return [...this.#faults].map(([provider, fault]) => ({ provider, ...fault }));
  }

  /** The fault of the next request, which is spent by that. */
  take(provider: string): FaultKind | undefined {
    const fault = this.#faults.get(provider);
    if (fault === undefined) return undefined;
    fault.left--;
    if (fault.left <= 0) this.#faults.delete(provider);
    return fault.kind;
  }
}

async function* drip(text: string): AsyncGenerator<string> {
  for (const part of text.slice(0, SLOW_BYTES_MAX)) {
    yield part;
    await delay(100);
  }
}

function* endless(): Generator<string> {
  for (;;) yield ' '.repeat(16 * 1024);
}

/** Makes what a provider's routes do in this scope go wrong as the switches say. Pages and switches are not concerned. */
export function installFaults(app: FastifyInstance, faults: Faults, provider: string): void {
  const kinds = new WeakMap<object, FaultKind>();
  app.addHook('preHandler', async (request, reply) => {
    if (request.url.startsWith('/__fake/')) return;
    const kind = faults.take(provider);
    if (kind === undefined) return;
    if (kind === 'reset') {
      reply.hijack();
      request.raw.socket.destroy();
    } else if (kind === 'error-500' || kind === 'error-503') {
      await reply
        .code(kind === 'error-500' ? 500 : 503)
        .type('text/html')
        .send('<html><body>error</body></html>');
    } else kinds.set(request, kind);
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const kind = kinds.get(request);
    if (kind === undefined) return payload;
    kinds.delete(request);
    if (kind === 'not-json') {
      reply.code(200).type('text/html').removeHeader('content-length');
      return '<html><body>请先登录网络</body></html>';
    }
    if (kind === 'slow-body' || kind === 'endless-body') {
      reply.removeHeader('content-length');
      return Readable.from(kind === 'slow-body' ? drip(String(payload)) : endless());
    }
    if (kind === 'accept-reset') request.raw.socket.destroy();
    // The client gives up, or the app closes: whichever is first ends the connection.
    await new Promise<void>((done) => request.raw.socket.once('close', () => done()));
    return payload;
  });
}

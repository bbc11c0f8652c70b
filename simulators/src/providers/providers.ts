/** One app of fake providers on one port of the loopback: the vendors' own addresses, the phones, and the switches. */
import type { AddressInfo } from 'node:net';
import type { Random, Timer } from '@village/core';
import { type FastifyInstance, fastify } from 'fastify';
import { installFaults } from './faults.ts';
import { phonesPage } from './page.ts';
import type { Provider } from './provider.ts';
import { registerSwitches } from './switches.ts';
import { type Phone, type Shown, World } from './world.ts';

export interface ProvidersOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly timer: Timer;
  readonly random: Random;
  readonly providers: readonly Provider[];
}

export interface RunningProviders {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly world: World;
  close(): Promise<void>;
}

/** No vendor takes more in one request. */
const BODY_MAX = 4 * 1024 * 1024;

/** A phone as `GET /phones` tells it. */
const told = ({ id, name, state, messages }: Phone) => ({
  phone: id,
  name,
  state,
  messages: messages.map(({ at, ...rest }: Shown) => ({ ...rest, at: new Date(at).toISOString() })),
});

function makeApp(providers: readonly Provider[]): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_MAX,
    forceCloseConnections: true,
    routerOptions: {
      constraints: {
        vendor: {
          name: 'vendor',
          validate: () => true,
          storage() {
            const stores = new Map<string, unknown>();
            return {
              get: (key) => (stores.get(String(key)) ?? null) as never,
              set: (key, store) => void stores.set(String(key), store),
            };
          },
          deriveConstraint(request) {
            const head = {
              method: request.method ?? '',
              url: request.url ?? '',
              headers: request.headers,
            };
            return providers.find(({ atRoot }) => atRoot?.(head) === true)?.name ?? '';
          },
        },
      },
    },
  });
  // Signatures are over bytes: nothing is parsed before a vendor has looked at them.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  return app;
}

/** @throws Error of the socket when the port is taken */
export async function startProviders(options: ProvidersOptions): Promise<RunningProviders> {
  const { port, timer, random, providers } = options;
  const world = new World({ timer, random });
  const app = makeApp(providers);
  app.get('/phones', () => world.phones().map(told));
  app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(phonesPage(world)));
  registerSwitches(app, world);
  for (const provider of providers)
    app.register((scope, _options, done) => {
      installFaults(scope, world.faults, provider.name);
      provider.register(scope, world);
      done();
    });
  await app.listen({ host: '127.0.0.1', port });
  const { port: taken } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    world,
    async close() {
      await world.postman.close();
      await app.close();
    },
  };
}

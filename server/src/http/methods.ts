/** Which methods an address answers, so that a wrong one is told from an address that does not exist. */

import type { FastifyInstance } from 'fastify';
import type { TObject } from 'typebox';

interface Route {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

export class Methods {
  readonly #routes: Route[] = [];
  readonly #byUrl = new Map<string, Set<string>>();

  /** Learns every route that is added from now on, but not those that match anything. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method, config }) => {
      if (url.includes('*')) return;
      let methods = this.#byUrl.get(url);
      if (methods === undefined) {
        methods = new Set();
        this.#byUrl.set(url, methods);
        const parts = url.split('/').map((part) => partOf(part, config?.endpoint?.params));
        this.#routes.push({ pattern: new RegExp(`^${parts.join('/')}$`), methods });
      }
      for (const one of [method].flat()) methods.add(one);
    });
  }

  /** The methods of the routes at this address; empty when there is none. */
  at(url: string): string[] {
    const path = url.split('?', 1)[0] ?? '';
    const found = this.#routes.filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  }
}

/** A part of an address; a parameter is what its schema lets it be: `import` is an id of a device, and no code of an area. */
function partOf(part: string, params: TObject | undefined): string {
  if (!part.startsWith(':')) return literal(part);
  const { pattern } = (params?.properties[part.slice(1)] ?? {}) as { pattern?: string };
  return pattern === undefined ? '[^/]+' : pattern.replace(/^\^|\$$/g, '');
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

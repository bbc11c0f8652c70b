/** Finds the dialect of a topic and what it means there; looked up once for each topic. */
import type { Dialect } from './dialect.ts';

/** Where a topic leads. */
export interface TopicRoute {
  readonly dialect: Dialect;
  /** What the dialect itself read out of the topic. */
  readonly route: unknown;
}

/** A network server brings a topic for each of its devices; beyond this the memory begins anew. */
const REMEMBERED = 50_000;

export class TopicRouter {
  readonly #dialects: readonly Dialect[];
  readonly #known = new Map<string, TopicRoute>();

  constructor(dialects: readonly Dialect[]) {
    this.#dialects = dialects;
  }

  /** Undefined when no dialect has the topic. */
  find(topic: string): TopicRoute | undefined {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    for (const dialect of this.#dialects) {
      const route = dialect.route(topic);
      if (route === undefined) continue;
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      const found = { dialect, route };
      this.#known.set(topic, found);
      return found;
    }
    return undefined;
  }
}

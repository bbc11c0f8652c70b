/** Finds the dialect of a topic and what it means there; looked up once for each topic. */
import type { MessageContext } from '../pipeline/message-context.ts';
import { refuse } from '../pipeline/shape.ts';
import type { Dialect, Reject } from './dialect.ts';

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

/** Takes one message by its topic. @throws unknown-topic, and what its dialect throws */
export function takeMessage(
  found: TopicRoute | undefined,
  payload: Buffer,
  context: MessageContext,
  reject: Reject,
): void {
  if (found === undefined)
    refuse('unknown-topic', '', `nothing takes ${context.topic.slice(0, 200)}`);
  found.dialect.take(found.route, payload, context, reject);
}

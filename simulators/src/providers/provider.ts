/** What a fake provider is: it registers the vendor's own addresses on the one app, and keeps what it does in the world. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { World } from './world.ts';

/** What is known of a request before its body is read. */
export interface RequestHead {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Provider {
  /** Kebab-case; faults and messages are of this name. */
  readonly name: string;
  /**
   * Says which requests to `/` are this vendor's: some vendors have no other path and tell their calls apart by headers. Their
   * routes of `/` carry `constraints: { vendor: name }`.
   */
  atRoot?(head: RequestHead): boolean;
  /**
   * Bodies arrive as they were received, as a Buffer (signatures are over bytes); an empty one is null. Hooks that are added here
   * stay this provider's own. Switches of its own belong under `/__fake/<name>/`.
   */
  register(app: FastifyInstance, world: World): void;
}

/** The body as text; empty without one. */
export function bodyText(body: unknown): string {
  return Buffer.isBuffer(body) ? body.toString('utf8') : '';
}

/** The body as a JSON object; undefined when it is none. */
export function bodyObject(body: unknown): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bodyText(body));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

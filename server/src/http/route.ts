/** Registers an endpoint of the interface: Fastify gets its schemas, limits and right, the handler its types. */
import type { Endpoint } from '@village/api';
import { MINUTE } from '@village/core';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Static, TSchema } from 'typebox';

declare module 'fastify' {
  interface FastifyContextConfig {
    endpoint?: Endpoint;
  }
}

type StaticOf<E, Part extends string> = E extends { readonly [P in Part]: infer S extends TSchema }
  ? Static<S>
  : unknown;

/** What a handler finds in its request and may reply, as Fastify's types want it. */
interface Generic<E extends Endpoint> {
  Params: StaticOf<E, 'params'>;
  Querystring: StaticOf<E, 'query'>;
  Body: E extends { readonly envelope: TSchema }
    ? StaticOf<E, 'envelope'>
    : E extends { readonly consumes: string }
      ? unknown
      : StaticOf<E, 'body'>;
  Reply: {
    [S in keyof E['answers']]: E['answers'][S] extends TSchema ? Static<E['answers'][S]> : never;
  };
}

type RequestOf<E extends Endpoint> = FastifyRequest<Generic<E>>;
type ReplyOf<E extends Endpoint> = FastifyReply<Generic<E>>;
/** The answer with status 200; others are sent through the reply. */
type AnswerOf<E extends Endpoint> = E['answers'] extends { readonly 200: infer S extends TSchema }
  ? Static<S>
  : never;
type Returned<E extends Endpoint> = AnswerOf<E> | FastifyReply | ReplyOf<E> | undefined;

export interface RouteLimits {
  /** Requests a minute from one address, where the usual limit is too many. */
  readonly perMinute?: number;
}

/** Adds the route of an endpoint to the scope of its prefix. */
export function route<E extends Endpoint>(
  app: FastifyInstance,
  endpoint: E,
  handler: (request: RequestOf<E>, reply: ReplyOf<E>) => Returned<E> | Promise<Returned<E>>,
  { perMinute }: RouteLimits = {},
): void {
  const { method, path, params, query, body, envelope, consumes, produces, answers } = endpoint;
  const checked = envelope ?? (consumes === undefined ? body : undefined);
  app.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: {
      endpoint,
      ...(perMinute === undefined ? {} : { rateLimit: { max: perMinute, timeWindow: MINUTE } }),
    },
    ...(endpoint.bodyBytesMax === undefined ? {} : { bodyLimit: endpoint.bodyBytesMax }),
    ...(endpoint.answerMs === undefined ? {} : { handlerTimeout: endpoint.answerMs }),
    schema: {
      tags: endpoint.tags,
      summary: endpoint.summary,
      ...(endpoint.notes === undefined ? {} : { description: endpoint.notes }),
      ...(endpoint.hidden === true ? { hide: true } : {}),
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(checked === undefined ? {} : { body: checked }),
      ...(consumes === undefined ? {} : { consumes: [consumes] }),
      ...(produces === undefined ? {} : { produces }),
      response: answers,
    },
    // The schemas above are what the handler's types are made of.
    handler: handler as unknown as RouteHandlerMethod,
  });
}

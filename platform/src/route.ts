/** A route is data plus a handler: the endpoint of the interface it serves, and a function that knows no HTTP server. */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Endpoint } from '@village/api';
import type { Role } from '@village/core';
import type { AuditEntry } from '@village/store/relational';
import type { Static, TSchema } from 'typebox';

/** Who a request comes from. */
export interface Caller {
  /** Account name, or `token:<id>`. */
  readonly actor: string;
  readonly role: Role;
  /** Code of the area that the caller sees, and all below. */
  readonly area: string;
  /** The session's secret; null for a machine. */
  readonly session: string | null;
  readonly displayName: string;
  /** Another password must be chosen first. */
  readonly passwordToChange?: boolean;
}

type StaticOf<E, Part extends string> = E extends { readonly [P in Part]: infer S extends TSchema }
  ? Static<S>
  : unknown;

type BodyOf<E> = E extends { readonly envelope: TSchema }
  ? StaticOf<E, 'envelope'>
  : E extends { readonly consumes: readonly string[] }
    ? unknown
    : StaticOf<E, 'body'>;

/** What a request says of the copy that its asker has (RFC 9110, 13 and 14). */
export interface Conditions {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** One request, checked against its endpoint. */
export interface Call<E extends Endpoint = Endpoint> {
  readonly params: StaticOf<E, 'params'>;
  readonly query: StaticOf<E, 'query'>;
  readonly body: BodyOf<E>;
  /** The body as it came, where its endpoint wants it beside what it says. */
  readonly bytes: Uint8Array | null;
  /** Who asks. A public route has no caller, and asking for it is a bug. */
  readonly caller: Caller;
  /** What the body is said to be, as it came; empty without one. */
  readonly contentType: string;
  readonly conditions: Conditions;
  /** Where the request came from. */
  readonly address: string;
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  /** Fires when the asker has gone or the time for an answer is over. */
  readonly signal: AbortSignal;
  /** What the caller did, as an entry for the audit log: hand it to the transaction that does it. */
  audited(action: string, target: string, detail?: Readonly<Record<string, unknown>>): AuditEntry;
  /** For an answer that lasts: whether its caller is still who may have it. */
  mayStill(): Promise<boolean>;
  /** Tells of a fault that the answer does not tell. */
  warn(error: unknown, message: string): void;
  /** Runs when the answer has been sent or the asker has gone. */
  whenOver(work: () => void): void;
}

export type Headers = Readonly<Record<string, string>>;

/** An answer with another status than 200, or with headers. */
export class Reply<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;

  constructor(status: number, body: Body, headers: Headers = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** A refusal that is told as a problem document, where no error says enough. */
export class Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly headers: Headers;

  constructor(status: number, code: string, detail: string, headers: Headers = {}) {
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.headers = headers;
  }
}

/** The handler writes the answer itself; what hooks have set comes as headers. */
export class TakeOver {
  readonly write: (response: ServerResponse, headers: Record<string, string>) => void;

  constructor(write: TakeOver['write']) {
    this.write = write;
  }
}

/** An answer with that status. */
export const answer = <Body>(status: number, body: Body, headers?: Headers): Reply<Body> =>
  new Reply(status, body, headers);

/** A refusal with that status and code. */
export const problem = (status: number, code: string, detail: string, headers?: Headers): Problem =>
  new Problem(status, code, detail, headers);

/** An answer that the handler writes itself. */
export const takeOver = (write: TakeOver['write']): TakeOver => new TakeOver(write);

type AnswersOf<E extends Endpoint> = {
  [S in keyof E['answers']]: E['answers'][S] extends TSchema ? Static<E['answers'][S]> : never;
};
type PlainOf<E extends Endpoint> = 200 extends keyof E['answers'] ? AnswersOf<E>[200] : never;

/** What a handler may return: the body of a 200, or one of the answers above. */
export type Returned<E extends Endpoint> =
  | PlainOf<E>
  | Reply<AnswersOf<E>[keyof AnswersOf<E>] | Readable>
  | Problem
  | TakeOver;

export interface RouteLimits {
  /** Requests a minute from one address, where the usual limit is too many. */
  readonly perMinute?: number;
}

export interface Route<E extends Endpoint = Endpoint> extends RouteLimits {
  readonly endpoint: E;
  readonly handle: (call: Call<E>) => Returned<E> | Promise<Returned<E>>;
}

/** A route of any endpoint, as lists hold them. */
export interface AnyRoute extends RouteLimits {
  readonly endpoint: Endpoint;
  readonly handle: (call: never) => unknown;
}

/** Joins an endpoint and its handler, and checks that the two fit. */
export function route<E extends Endpoint>(
  endpoint: E,
  handle: Route<E>['handle'],
  limits: RouteLimits = {},
): AnyRoute {
  return { endpoint, handle, ...limits };
}

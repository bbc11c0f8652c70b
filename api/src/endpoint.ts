/** How one call of the HTTP interface is described: its address, who may make it, and the schemas of question and answer. */
import type { TObject, TSchema } from 'typebox';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What a caller must hold: nothing, a session or token, or a right of the form `noun.verb`. */
export type Right = 'public' | 'signed-in' | `${string}.${string}`;

/** One call. */
export interface Endpoint {
  readonly method: Method;
  /** Below `/api/v1`; parameters in braces, as OpenAPI writes them. */
  readonly path: string;
  /** The address stands beside `/api/v1`, where monitoring asks. */
  readonly outside?: true;
  readonly right: Right;
  /** The right must be held in an area that has none above it. */
  readonly at?: 'top';
  /** What the call does or gives, in one line. */
  readonly summary: string;
  /** What callers must know beyond the schemas. */
  readonly notes?: string;
  readonly tags: readonly string[];
  /** The call is left out of the OpenAPI document. */
  readonly hidden?: true;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  /** What is checked of the body before the handler runs, where that is looser than `body`. */
  readonly envelope?: TSchema;
  /** Content types of a body that is no JSON, the usual one first; the handler gets the bytes. */
  readonly consumes?: readonly string[];
  readonly bodyBytesMax?: number;
  /** The handler gets the bytes of a JSON body as well. */
  readonly keepsBytes?: true;
  /** Content types of an answer that is no JSON. */
  readonly produces?: readonly string[];
  /** The longest that making the answer may take, where the usual time is too short. */
  readonly answerMs?: number;
  /** Schemas of the answers by status. */
  readonly answers: Readonly<Record<number, TSchema>>;
  /** Data of the server-sent events of a stream, by the event's name. */
  readonly stream?: Readonly<Record<string, TSchema>>;
}

/** Names a call and keeps the types of its schemas. */
export const endpoint = <const E extends Endpoint>(one: E): E => one;

/** Whether an export of a resource is a call rather than a schema. */
export function isEndpoint(value: unknown): value is Endpoint {
  return typeof value === 'object' && value !== null && 'method' in value && 'answers' in value;
}

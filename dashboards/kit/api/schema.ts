/** Makes calls and decoders of api/: as functions, and as the text of a module that holds no schema any more. */

import type { Endpoint, shapes } from '@village/api';
import type { Static, TArray, TObject, TOptional, TRecord, TSchema, TUnion } from 'typebox';
import type { Call } from './client.ts';
import {
  anything,
  bool,
  type Decoder,
  integer,
  list,
  mapOf,
  nothing,
  nullable,
  number,
  object,
  oneOf,
  pair,
  text,
  textOrNumber,
  time,
} from './decoder.ts';

/** What pages see of an answer: instants as milliseconds, objects of unknown keys as maps, what is absent as null. */
export type Decoded<S extends TSchema> = S extends shapes.TTime
  ? number
  : S extends TRecord<string, infer V>
    ? Map<string, Decoded<V>>
    : S extends TArray<infer I>
      ? Decoded<I>[]
      : S extends TObject<infer P>
        ? { [K in keyof P]: P[K] extends TOptional ? Decoded<P[K]> | null : Decoded<P[K]> }
        : S extends TUnion<infer U>
          ? Decoded<U[number]>
          : Static<S>;

/** A decoder that knows its own source, as a call of the parts of `decoder.ts`. */
export interface SchemaDecoder<T> extends Decoder<T> {
  readonly source: string;
}

type Any = Decoder<unknown>;
interface Made {
  readonly decode: Any;
  readonly source: string;
}

/** JSON Schema as far as the interface uses it. */
interface Plain {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Plain[];
  readonly items?: Plain;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Plain>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Plain>>;
}

const leaf = (name: string, decode: Any): Made => ({ decode, source: `parts.${name}` });
const around = (name: string, part: (inner: Any) => Any, inner: Made): Made => ({
  decode: part(inner.decode),
  source: `parts.${name}(${inner.source})`,
});
const orNull = (inner: Made): Made => around('nullable', nullable, inner);

const LEAVES: Readonly<Record<string, Made>> = {
  string: leaf('text', text),
  number: leaf('number', number),
  integer: leaf('integer', integer),
  boolean: leaf('bool', bool),
  null: leaf('nothing', nothing),
};

function objectOf(members: Readonly<Record<string, Plain>>, required: readonly string[]): Made {
  const made = Object.entries(members).map(([key, member]) => {
    const one = make(member);
    return [key, required.includes(key) ? one : orNull(one)] as const;
  });
  return {
    decode: object(Object.fromEntries(made.map(([key, { decode }]) => [key, decode]))),
    source: `parts.object({${made.map(([key, { source }]) => `${JSON.stringify(key)}:${source}`).join()}})`,
  };
}

function make(schema: Plain): Made {
  const unknown = (): never => {
    throw new Error(`BUG: no decoder for ${JSON.stringify(schema).slice(0, 200)}`);
  };
  if (schema.anyOf !== undefined) {
    const [inner, none, ...more] = schema.anyOf;
    if (inner?.type === 'string' && none?.type === 'number' && more.length === 0)
      return leaf('textOrNumber', textOrNumber);
    if (inner === undefined || none?.type !== 'null' || more.length > 0) return unknown();
    return orNull(make(inner));
  }
  if (schema.enum !== undefined)
    return {
      decode: oneOf(schema.enum),
      source: `parts.oneOf(${JSON.stringify(schema.enum)})`,
    };
  if (schema.format === 'date-time') return leaf('time', time);
  if (schema.items !== undefined) {
    const two = schema.minItems === 2 && schema.maxItems === 2;
    const items = make(schema.items);
    return two ? around('pair', pair, items) : around('list', list, items);
  }
  if (schema.properties !== undefined) return objectOf(schema.properties, schema.required ?? []);
  const [value] = Object.values(schema.patternProperties ?? {});
  if (value !== undefined) return around('mapOf', mapOf, make(value));
  if (schema.type === undefined) return leaf('anything', anything);
  return LEAVES[schema.type] ?? unknown();
}

/** The decoder of a schema. */
export function decoderOf<S extends TSchema>(schema: S): SchemaDecoder<Decoded<S>> {
  const { decode, source } = make(schema);
  return Object.assign((value: unknown, path: string) => decode(value, path) as Decoded<S>, {
    source,
  });
}

/** What a page gives with a call; values of a query that are null or empty are left out. */
export type GivenOf<E extends Endpoint> = { readonly signal?: AbortSignal } & (E extends {
  readonly params: infer S extends TSchema;
}
  ? { readonly params: Static<S> }
  : unknown) &
  (E extends { readonly query: infer S extends TSchema }
    ? Record<string, never> extends Static<S>
      ? { readonly query?: QueryOf<Static<S>> }
      : { readonly query: QueryOf<Static<S>> }
    : unknown) &
  (E extends { readonly consumes: readonly string[] }
    ? {
        readonly file: Blob;
        readonly timeoutMs?: number;
        readonly sent?: (bytes: number) => void;
      }
    : E extends { readonly body: infer S extends TSchema }
      ? { readonly body: Static<S> }
      : unknown);

/** Words come from addresses that people can edit: the server judges them. */
type QueryOf<Q> = {
  readonly [K in keyof Q]: (Q[K] extends string | undefined ? string : Q[K]) | null | undefined;
};

type AnswerOf<E extends Endpoint> = E['answers'][keyof E['answers'] & (200 | 201 | 202 | 204)];

/** The call of an endpoint. */
export function callOf<E extends Endpoint>(
  endpoint: E,
): Call<GivenOf<E>, Decoded<AnswerOf<E> & TSchema>> {
  const { method, path, answers } = endpoint;
  const schema = answers[200] ?? answers[201] ?? answers[202] ?? answers[204];
  if (schema === undefined) throw new Error(`BUG: ${method} ${path} has no answer`);
  return { method, path, decode: decoderOf(schema) as never };
}

function sourceOf(value: unknown): string {
  if (typeof value === 'function' && 'source' in value) return String(value.source);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, one]) => `${JSON.stringify(key)}:${sourceOf(one)}`,
  );
  return `{${members.join()}}`;
}

/** The text of a module with the same exports, decoders by their source and all else as it is. */
export function emitModule(exports: Readonly<Record<string, unknown>>, parts: string): string {
  const lines = Object.entries(exports).map(
    ([name, value]) => `export const ${name} = ${sourceOf(value)};`,
  );
  return [`import * as parts from ${JSON.stringify(parts)};`, ...lines, ''].join('\n');
}

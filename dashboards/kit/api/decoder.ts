/**
 * The parts that decoders of answers are made of: each checks a value and gives it in the form that pages work with.
 * Nothing here makes code at run time, so that it works under any content policy.
 */

/** Returns the value as what it should be, or throws `WrongShape` with its path. */
export type Decoder<T> = (value: unknown, path: string) => T;
/** What a decoder lets through. */
export type Of<D> = D extends Decoder<infer T> ? T : never;

/** An answer that is not as the interface says. */
export class WrongShape extends Error {
  constructor(path: string, wanted: string) {
    super(`${path || 'answer'}: ${wanted} wanted`);
    this.name = 'WrongShape';
  }
}

const wrong = (path: string, wanted: string): never => {
  throw new WrongShape(path, wanted);
};

export const text: Decoder<string> = (value, path) =>
  typeof value === 'string' ? value : wrong(path, 'text');

export const number: Decoder<number> = (value, path) =>
  typeof value === 'number' && Number.isFinite(value) ? value : wrong(path, 'finite number');

/** What is said in words or as a number. */
export const textOrNumber: Decoder<string | number> = (value, path) =>
  typeof value === 'string' ? value : number(value, path);

export const integer: Decoder<number> = (value, path) =>
  Number.isInteger(value) ? (value as number) : wrong(path, 'whole number');

export const bool: Decoder<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : wrong(path, 'true or false');

/** RFC 3339 in, milliseconds since 1970 out. */
export const time: Decoder<number> = (value, path) => {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? wrong(path, 'time') : at;
};

/** An answer without a body. */
export const nothing: Decoder<null> = (value, path) =>
  value === null ? null : wrong(path, 'nothing');

/** Anything at all; what uses it must not trust it. */
export const anything: Decoder<unknown> = (value) => value;

/** Null, or a member that is not there, is null. */
export const nullable =
  <T>(decode: Decoder<T>): Decoder<T | null> =>
  (value, path) =>
    value === null || value === undefined ? null : decode(value, path);

export const list =
  <T>(decode: Decoder<T>): Decoder<T[]> =>
  (value, path) =>
    Array.isArray(value)
      ? value.map((one, index) => decode(one, `${path}[${index}]`))
      : wrong(path, 'list');

/** An object of unknown keys. The result is a map, so that a key such as `__proto__` is a key and nothing else. */
export const mapOf =
  <T>(decode: Decoder<T>): Decoder<Map<string, T>> =>
  (value, path) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? new Map(Object.entries(value).map(([key, one]) => [key, decode(one, `${path}.${key}`)]))
      : wrong(path, 'object');

export const object =
  <S extends Record<string, Decoder<unknown>>>(shape: S): Decoder<{ [K in keyof S]: Of<S[K]> }> =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return wrong(path, 'object');
    const members = value as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(shape).map(([key, decode]) => [
        key,
        decode(
          Object.hasOwn(members, key) ? members[key] : undefined,
          path === '' ? key : `${path}.${key}`,
        ),
      ]),
    ) as { [K in keyof S]: Of<S[K]> };
  };

export const pair =
  <T>(decode: Decoder<T>): Decoder<[T, T]> =>
  (value, path) =>
    Array.isArray(value) && value.length === 2
      ? [decode(value[0], `${path}[0]`), decode(value[1], `${path}[1]`)]
      : wrong(path, 'pair');

export const oneOf =
  <const W extends readonly string[]>(words: W): Decoder<W[number]> =>
  (value, path) =>
    words.includes(value as string) ? (value as W[number]) : wrong(path, words.join(' or '));

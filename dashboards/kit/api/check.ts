/** Checks of what the server answers, made of small parts: types follow from them, so the two can't part. */

/** Returns the value as what it should be, or throws `WrongShape` with its path. */
export type Check<T> = (value: unknown, path: string) => T;
/** What a check lets through. */
export type Of<C> = C extends Check<infer T> ? T : never;

/** An answer that is not as docs/http-api.md says. */
export class WrongShape extends Error {
  constructor(path: string, wanted: string) {
    super(`${path || 'answer'}: ${wanted} wanted`);
    this.name = 'WrongShape';
  }
}

const wrong = (path: string, wanted: string): never => {
  throw new WrongShape(path, wanted);
};

export const text: Check<string> = (value, path) =>
  typeof value === 'string' ? value : wrong(path, 'text');

export const number: Check<number> = (value, path) =>
  typeof value === 'number' && Number.isFinite(value) ? value : wrong(path, 'finite number');

export const bool: Check<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : wrong(path, 'true or false');

/** RFC 3339 in, milliseconds since 1970 out. */
export const time: Check<number> = (value, path) => {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? wrong(path, 'time') : at;
};

/** Anything at all; what uses it must not trust it. */
export const anything: Check<unknown> = (value) => value;

export const nullable =
  <T>(check: Check<T>): Check<T | null> =>
  (value, path) =>
    value === null || value === undefined ? null : check(value, path);

/** What stands in when the member is absent or null. */
export const otherwise =
  <T>(check: Check<T>, absent: T): Check<T> =>
  (value, path) =>
    value === undefined || value === null ? absent : check(value, path);

export const list =
  <T>(check: Check<T>): Check<T[]> =>
  (value, path) =>
    Array.isArray(value)
      ? value.map((one, index) => check(one, `${path}[${index}]`))
      : wrong(path, 'list');

/** An object of unknown keys. The result is a map, so that a key such as `__proto__` is a key and nothing else. */
export const mapOf =
  <T>(check: Check<T>): Check<Map<string, T>> =>
  (value, path) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? new Map(Object.entries(value).map(([key, one]) => [key, check(one, `${path}.${key}`)]))
      : wrong(path, 'object');

export const object =
  <S extends Record<string, Check<unknown>>>(shape: S): Check<{ [K in keyof S]: Of<S[K]> }> =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return wrong(path, 'object');
    const members = value as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(shape).map(([key, check]) => [
        key,
        check(
          Object.hasOwn(members, key) ? members[key] : undefined,
          path === '' ? key : `${path}.${key}`,
        ),
      ]),
    ) as { [K in keyof S]: Of<S[K]> };
  };

export const pair =
  <A, B>(first: Check<A>, second: Check<B>): Check<[A, B]> =>
  (value, path) =>
    Array.isArray(value) && value.length === 2
      ? [first(value[0], `${path}[0]`), second(value[1], `${path}[1]`)]
      : wrong(path, 'pair');

export const oneOf =
  <const W extends readonly string[]>(words: W): Check<W[number]> =>
  (value, path) =>
    words.includes(value as string) ? (value as W[number]) : wrong(path, words.join(' or '));

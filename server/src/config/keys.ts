/** The keys of a configuration, as paths with dots. */

/** The keys that a file says, down to those that are described. */
export function keysOf(said: unknown, prefix = ''): string[] {
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return [prefix];
  return Object.entries(said).flatMap(([name, inner]) =>
    keysOf(inner, prefix === '' ? name : `${prefix}.${name}`),
  );
}

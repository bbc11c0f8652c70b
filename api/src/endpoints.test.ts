import { describe, expect, it } from 'vitest';
import { type Endpoint, endpoints } from './index.ts';

const name = ({ method, path }: Endpoint): string => `${method} ${path}`;

describe('the interface', () => {
  it('has each call once', () => {
    const names = endpoints.map(name);
    expect(names.filter((one, index) => names.indexOf(one) !== index)).toEqual([]);
  });

  it.each(endpoints.map((one) => [name(one), one] as const))('%s is whole', (_name, one) => {
    const inPath = [...one.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect(Object.keys(one.params?.properties ?? {})).toEqual(inPath);
    expect(one.right).toMatch(/^(public|signed-in|[a-z]+(-[a-z]+)*\.[a-z]+)$/);
    expect(one.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(Object.keys(one.answers).some((status) => status.startsWith('2'))).toBe(true);
    if (one.method === 'GET') expect(one.body).toBeUndefined();
    // What callers may leave out is refused when it is misspelt.
    for (const part of [one.params, one.query])
      if (part !== undefined)
        expect((part as { additionalProperties?: unknown }).additionalProperties).toBe(false);
  });
});

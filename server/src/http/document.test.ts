/** The OpenAPI document against the server, operation by operation: what it says of parameters and methods is so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, startCounty, type TestServer } from '../testing.ts';

interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly required?: boolean;
  readonly schema: Readonly<Record<string, unknown>>;
}
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
}

let test: TestServer;
let admin: Client;
const operations: Operation[] = [];
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  const { paths } = await admin.get<{
    paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
  }>('/openapi.json');
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { parameters = [] }] of Object.entries(methods))
      operations.push({ method: method.toUpperCase(), path, parameters });
}, 60_000);
afterAll(() => test.close());

/** A value that fits what is said of a parameter. */
function example({ schema }: Parameter): string {
  const {
    type,
    format,
    pattern,
    enum: words,
  } = schema as { enum?: string[] } & Record<string, string>;
  if (words !== undefined) return words[0] ?? '';
  if (format === 'date-time') return '2026-01-01T00:00:00Z';
  if (pattern !== undefined) return '330522100000';
  return type === 'integer' || type === 'number' ? '1' : 'x';
}

const addressOf = ({ path, parameters }: Operation): string =>
  parameters.reduce((text, one) => text.replace(`{${one.name}}`, example(one)), path);

const queried = (operation: Operation, odd: Parameter, value: string): string => {
  const others = operation.parameters.filter(
    (one) => one.in === 'query' && one.required === true && one.name !== odd.name,
  );
  const query = [...others.map((one) => [one.name, example(one)]), [odd.name, value]];
  return `${addressOf(operation)}?${new URLSearchParams(query as [string, string][])}`;
};

const inject = async (
  method: string,
  url: string,
): Promise<{ status: number; body: string; allow: unknown }> => {
  const response = await test.server.http.inject({
    method: method as 'GET',
    url,
    headers: { cookie: admin.cookie },
  });
  return { status: response.statusCode, body: response.body, allow: response.headers.allow };
};

describe('the document', () => {
  it('says which texts are numbers and times, and others are refused with their name', async () => {
    let asked = 0;
    for (const operation of operations)
      for (const one of operation.parameters.filter((parameter) => parameter.in === 'query')) {
        const { type, format } = one.schema as { type?: string; format?: string };
        const odd =
          type === 'integer' || type === 'number'
            ? ['true', 'false', '', ' 1', '0x1', '1e1', 'null', '１']
            : format === 'date-time'
              ? ['2026-01-01T00:00:00', 'x'.repeat(24)]
              : [];
        for (const value of odd) {
          asked++;
          const { status, body } = await inject(operation.method, queried(operation, one, value));
          expect([operation.path, one.name, value, status]).toEqual([
            operation.path,
            one.name,
            value,
            400,
          ]);
          expect(body).toContain(one.name);
        }
      }
    expect(asked).toBeGreaterThan(100);
  });

  it('says of each time among the parameters that it is one', () => {
    const times = operations.flatMap(({ parameters }) =>
      parameters.filter(({ name }) => ['from', 'to', 'at', 'since', 'expiresAt'].includes(name)),
    );
    expect(times.length).toBeGreaterThan(10);
    for (const { schema } of times) expect(schema).toMatchObject({ format: 'date-time' });
  });

  it('says which methods an address has, and others are told them', async () => {
    const byAddress = Map.groupBy(operations, addressOf);
    for (const [url, here] of byAddress) {
      const methods = new Set(here.map(({ method }) => method));
      // An id may be any word: what answers for ids answers here too.
      const others = operations.filter(({ path, parameters }) => {
        const pattern = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
          const { schema } = parameters.find((one) => one.name === name) as Parameter;
          return (schema['pattern'] as string | undefined)?.replace(/^\^|\$$/g, '') ?? '[^/]+';
        });
        return new RegExp(`^${pattern}$`).test(url);
      });
      for (const { method } of others) methods.add(method);
      if (methods.has('GET')) methods.add('HEAD');
      const allow = [...methods].sort().join(', ');
      for (const method of ['QUERY', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'])
        expect([method, url, await inject(method, url)]).toEqual([
          method,
          url,
          expect.objectContaining({ status: 405, allow }),
        ]);
    }
    expect(byAddress.size).toBeGreaterThan(30);
  });
});

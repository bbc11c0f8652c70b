import { type Endpoint, endpoints } from '@village/api';
import { RightsTable } from '@village/platform';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTest, type TestServer } from '../testing.ts';
import { guard } from './access.ts';
import { mount } from './mount.ts';
import { WhileAllowed } from './while-allowed.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startTest();
});
afterAll(() => test.close());

const addressOf = ({ outside, path }: Endpoint): string =>
  `${outside === true ? '' : '/api/v1'}${path}`;

describe('routes and the interface', () => {
  it.each(endpoints.map((one) => [one.method, addressOf(one)] as const))(
    '%s %s has a route',
    (method, path) => {
      const url = path.replaceAll(/\{(\w+)\}/g, ':$1');
      expect(test.server.http.hasRoute({ method, url })).toBe(true);
    },
  );

  it('no route is described that is not of the interface', async () => {
    const answer = await test.server.http.inject('/api/v1/openapi.json');
    const { paths } = answer.json() as { paths: Record<string, Record<string, unknown>> };
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const known = endpoints
      .filter(({ hidden }) => hidden !== true)
      .map((one) => `${one.method} ${addressOf(one)}`);
    expect(described.sort()).toEqual(known.sort());
  });

  it('a route without an endpoint, or with a right that nobody holds, is refused at the start', () => {
    const app = Fastify();
    const unlimited = async () => ({ isAllowed: true, key: '' }) as const;
    const access = {
      relational: test.server.relational,
      rights: new RightsTable([]),
      isTop: () => true,
      shares: { ofCaller: unlimited, ofStrangers: unlimited },
    };
    guard(app, access);
    expect(() => app.get('/stray', () => 'x')).toThrow('BUG: /stray');
    const cast: Endpoint = {
      method: 'GET',
      path: '/spells',
      right: 'spells.cast',
      summary: 'Spells',
      tags: [],
      answers: {},
    };
    const route = { endpoint: cast, handle: () => undefined };
    const means = { relational: test.server.relational, whileAllowed: new WhileAllowed() };
    expect(() => mount(app, route, means)).toThrow('spells.cast');
  });
});

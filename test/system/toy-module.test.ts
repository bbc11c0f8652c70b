/** A module as somebody would add one: its folder behind, one line in the list, its folder of pages, and people use it. */
import { fileURLToPath } from 'node:url';
import { modules } from '@village/server/modules';
import {
  type Client,
  NORTH_VILLAGE,
  SOUTH,
  startCounty,
  type TestServer,
} from '@village/server/testing';
import { toyModule } from '@village/server/testing/toy';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  type Bench,
  type Cookie,
  hasChromium,
  startBench,
} from '../../dashboards/browser/testing.ts';

const PAGES = fileURLToPath(new URL('../../dashboards/browser/fixture/toy/', import.meta.url));

let bench: Bench;
let county: TestServer;

beforeAll(async () => {
  if (!hasChromium) return;
  bench = await startBench({ topics: [PAGES] });
  county = await startCounty(undefined, {
    modules: [...modules, toyModule],
    console: bench.directory,
  });
}, 120_000);
beforeEach((context) => {
  if (!hasChromium) context.skip();
});
afterAll(async () => {
  await county?.close();
  await bench?.close();
});

const url = (): string => `http://127.0.0.1:${county.server.httpPort}`;

/** The client's session, for a browser. */
function cookiesOf({ cookie }: Client): Cookie[] {
  const [name = '', value = ''] = cookie.split('=');
  return [{ name, value, domain: '127.0.0.1', path: '/' } as Cookie];
}

it('has a page that shows each person the rows of her area', async () => {
  const admin = await county.client('admin');
  for (const [id, area] of [
    ['kite', NORTH_VILLAGE],
    ['top', SOUTH],
  ])
    expect((await admin.ask('POST', '/toys', { id, area })).statusCode).toBe(201);
  const shown = async (user: string): Promise<string[]> => {
    const cookies = cookiesOf(await county.client(user));
    const { page, context, faults } = await bench.page({ url: url() }, { cookies });
    await page.getByRole('link', { name: '示例模块' }).click();
    await page.goto(`${url()}/toys/all`);
    await page.getByRole('listitem').filter({ hasText: ': 0' }).first().waitFor();
    const rows = await page.locator('main li').allInnerTexts();
    expect(faults).toEqual([]);
    await context.close();
    return rows;
  };
  expect(await shown('admin')).toEqual(['kite: 0', 'top: 0']);
  expect(await shown('village')).toEqual(['kite: 0']);
});

it('has no page in a server without the line', async () => {
  const plain = await startCounty(undefined, { console: bench.directory });
  const cookies = cookiesOf(await plain.client('admin'));
  const { page, context } = await bench.page(
    { url: `http://127.0.0.1:${plain.server.httpPort}` },
    { cookies, path: '/toys/all' },
  );
  await page.getByRole('heading', { name: '没有查看权限' }).waitFor();
  expect(await page.getByRole('link', { name: '示例模块' }).count()).toBe(0);
  await context.close();
  await plain.close();
});

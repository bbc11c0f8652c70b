/** Lists of events stay small however much each of them says, and give each of them once. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, startCounty, type TestServer } from '../../testing.ts';

const START = Date.UTC(2026, 3, 1);
const EVENTS = 900;
const span = `from=${new Date(START).toISOString()}&to=${new Date(START + 60_000).toISOString()}`;
let test: TestServer;
beforeAll(async () => {
  test = await startCounty();
  const { store } = test.server;
  // As large as an event may be, seven in a millisecond, every third of them from the other township.
  for (let n = 0; n < EVENTS; n++)
    store.event(
      {
        ...{ device: n % 3 === 0 ? 'south-air' : 'north-air', type: 'alarm' },
        ...{ at: START + Math.floor(n / 7), receivedAt: START },
        detail: { n, text: '警'.repeat(4_000) },
      },
      'live',
    );
  await store.commitNow();
}, 60_000);
afterAll(() => test.close());

async function listed(client: Client, limit: number): Promise<{ seen: number[]; pages: number }> {
  const seen: number[] = [];
  let pages = 1;
  for (let cursor = ''; ; pages++) {
    const answer = await client.ask('GET', `/events?${span}&limit=${limit}${cursor}`);
    expect(answer.rawPayload.length).toBeLessThan(1_200_000);
    const page = answer.json<{ items: { detail: { n: number } }[]; next: string | null }>();
    seen.push(...page.items.map(({ detail }) => detail.n));
    if (page.next === null) return { seen: seen.toSorted((a, b) => a - b), pages };
    cursor = `&cursor=${page.next}`;
  }
}

it('comes in pages of about a megabyte', async () => {
  const all = Array.from({ length: EVENTS }, (_, n) => n);
  const { seen, pages } = await listed(await test.client('admin'), 1_000);
  expect(seen).toEqual(all);
  expect(pages).toBeGreaterThan(9);
  const south = await listed(await test.client('south'), 1_000);
  expect(south.seen).toEqual(all.filter((n) => n % 3 === 0));
  expect((await listed(await test.client('admin'), 50)).seen).toEqual(all);
}, 60_000);

it('takes a cursor that somebody has made up for what it says', async () => {
  const admin = await test.client('admin');
  const cursor = (...parts: number[]): string =>
    Buffer.from(JSON.stringify(parts)).toString('base64url');
  for (const made of [
    cursor(START, -5),
    cursor(START, Number.MAX_SAFE_INTEGER),
    cursor(-START, 3),
  ]) {
    const answer = await admin.ask('GET', `/events?${span}&limit=5&cursor=${made}`);
    expect(answer.statusCode).toBe(200);
  }
});

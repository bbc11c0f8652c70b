/** A list of what could not be used stays small, however large the messages are; each can be looked at whole. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, device, startCounty, type TestServer } from '../../testing.ts';

const MESSAGES = 150;
const BYTES = 200_000;
let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

it('of a thousand entries tells beginnings, and an entry alone has all of its payload', async () => {
  const client = await device('north-air', test.server.mqttPort);
  const payload = (n: number): string => `no JSON ${n} ${'x'.repeat(BYTES)}`;
  for (let n = 0; n < MESSAGES; n++)
    await client.publishAsync('village/v1/devices/north-air/readings', payload(n), { qos: 1 });
  await client.endAsync();
  const answer = await admin.ask('GET', '/quarantine?limit=1000');
  const { items } = answer.json<{ items: { id: number; bytes: number }[] }>();
  // A flood of one sender is sampled: enough is kept to make the point.
  expect(items.length).toBeGreaterThan(20);
  expect(items.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(20 * BYTES);
  expect(answer.rawPayload.length).toBeLessThan(items.length * 2_000);
  const [first] = items;
  const whole = await admin.get<{ payload: string }>(`/quarantine/${first?.id}`);
  expect(Buffer.from(whole.payload, 'base64').toString()).toBe(payload(0));
}, 60_000);

it('of entries that tell of thousands of metrics gives pages of about a megabyte, each entry once', async () => {
  const { store } = test.server;
  const taken = Array.from({ length: 2_000 }, (_, n) => `metric-${n}`.padEnd(64, 'm'));
  const part = { at: Date.now(), place: '40001', metric: 'ph', taken, framing: null };
  for (let n = 0; n < 40; n++)
    store.deadLetter({
      ...{ source: 'gw-north', device: 'north-ph', topic: `many/${n}`, reason: 'no-number' },
      ...{ message: 'm', payload: Buffer.from('x'), receivedAt: Date.now(), part },
    });
  await store.commitNow();
  const topics: string[] = [];
  let pages = 0;
  for (let cursor = ''; ; pages++) {
    const answer = await admin.ask('GET', `/quarantine?limit=1000${cursor}`);
    expect(answer.rawPayload.length).toBeLessThan(1_500_000);
    const page = answer.json<{ items: { topic: string }[]; next: string | null }>();
    topics.push(...page.items.map(({ topic }) => topic));
    if (page.next === null) break;
    cursor = `&cursor=${page.next}`;
  }
  expect(pages).toBeGreaterThan(3);
  expect(topics.filter((topic) => topic.startsWith('many/'))).toEqual(
    Array.from({ length: 40 }, (_, n) => `many/${n}`),
  );
}, 60_000);

/** Rights that were taken away hold no longer either when the database, or the one who asks, takes its time. */
import { connect } from 'node:net';
import { formatTime, SECOND, systemTimer } from '@village/core';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Client,
  device,
  listen,
  NORTH,
  PASSWORD,
  startCounty,
  type TestServer,
  until,
} from '../testing.ts';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const watcher = { displayName: 'W', role: 'clerk', area: NORTH, password: PASSWORD };

/** Keeps the thread that reads busy for about that long. */
async function keepReaderBusy(ms: number): Promise<() => Promise<void>> {
  const count = async (steps: number): Promise<void> => {
    await test.server.relational
      .for<Record<string, never>>('people')
      .selectNoFrom(
        sql<number>`(with recursive n(x) as (select 1 union all select x + 1 from n where x < ${steps}) select count(*) from n)`.as(
          'steps',
        ),
      )
      .execute();
  };
  const from = performance.now();
  await count(1_000_000);
  const busy = count(Math.round((1_000_000 * ms) / (performance.now() - from)));
  return () => busy;
}

it('a live stream whose caller can not be checked is sent nothing more, and catches up', async () => {
  await admin.ask('PUT', '/users/watcher', watcher);
  const gone = await listen(test, await test.client('watcher'));
  const kept = await listen(test, await test.client('north'));
  const sender = await device('north-air', test.server.mqttPort);
  const sends = async (pm25: number): Promise<void> => {
    const reading = { at: formatTime(test.timer.now()), values: { pm25 } };
    const topic = 'village/v1/devices/north-air/readings';
    await sender.publishAsync(topic, JSON.stringify(reading), { qos: 1 });
  };
  await sends(1);
  await until('a first value', () => gone.of('latest').length > 0 && kept.of('latest').length > 0);
  const busy = await keepReaderBusy(10 * SECOND);
  const { people } = test.server.relational;
  expect(await people.removeAccount({ name: 'watcher', revision: 1 })).toBe(true);
  await systemTimer.sleep(5 * SECOND);
  const [sent, before] = [gone.text().length, kept.of('latest').length];
  await sends(2);
  await systemTimer.sleep(2 * SECOND);
  expect(gone.text().slice(sent)).not.toContain('event:');
  await busy();
  await until('what came meanwhile', () => kept.of('latest').length > before);
  await until('the end of the other', gone.ended);
  expect(gone.text().slice(sent)).not.toContain('event:');
  expect(kept.ended()).toBe(false);
  kept.close();
  await sender.endAsync(true);
}, 60_000);

it('a request whose body comes after its caller has lost the right is refused', async () => {
  const helper = { ...watcher, role: 'admin' };
  await admin.ask('PUT', '/users/helper', helper);
  const { cookie } = await test.client('helper');
  const body = JSON.stringify({ name: 'later', role: 'admin' });
  const socket = connect(test.server.httpPort, '127.0.0.1');
  const length = Buffer.byteLength(body);
  socket.write(
    `POST /api/v1/tokens HTTP/1.1\r\nhost: x\r\ncookie: ${cookie}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
  );
  socket.write(body.slice(0, 5));
  // Longer than a second after its head was read, which a busy machine does later than it was written.
  await systemTimer.sleep(4 * SECOND);
  expect((await admin.ask('DELETE', '/users/helper')).statusCode).toBe(204);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.write(body.slice(5));
  await until('an answer', () => answer.includes('\r\n\r\n'));
  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  socket.destroy();
  const { items } = await admin.get<{ items: { name: string }[] }>('/tokens');
  expect(items.map(({ name }) => name)).not.toContain('later');
});

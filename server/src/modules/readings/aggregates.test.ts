/** Aggregates by device are bounded before anything is asked of the archive. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Client,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  SOUTH,
  startCounty,
  type TestServer,
} from '../../testing.ts';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  const more = Array.from(
    { length: 20 },
    (_, n) => `more-${n},北村空气站 ${n},village/air-weather,${NORTH_VILLAGE},,,,,,`,
  );
  await test.server.importDevices(deviceCsv(...more));
}, 60_000);
afterAll(() => test.close());

/** Ten days of minutes: 14,400 buckets. */
const SPAN = 'from=2026-01-01T00:00:00Z&to=2026-01-11T00:00:00Z&every=1m&agg=avg';
const ask = async (more: string): Promise<[number, string | undefined]> => {
  const answer = await admin.ask('GET', `/aggregates?metric=air.pm25&${SPAN}${more}`);
  return [answer.statusCode, (answer.json() as { code?: string }).code];
};

it('of more buckets and groups than an answer holds are refused, and others of that time answered', async () => {
  const refused = [400, 'too-many-buckets'];
  expect(await ask('&groupBy=device')).toEqual(refused);
  expect(await ask(`&groupBy=device&area=${NORTH}`)).toEqual(refused);
  const answered = [200, undefined];
  expect(await ask(`&groupBy=device&area=${SOUTH}`)).toEqual(answered);
  expect(await ask('&groupBy=township')).toEqual(answered);
  expect(await ask('')).toEqual(answered);
  expect(await ask('&groupBy=device&top=10')).toEqual(answered);
});

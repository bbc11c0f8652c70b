/** Gateways of other makers that hand readings over and never tell how they stand: the system page says that they are there. */
import { formatTime, HOUR, MINUTE } from '@village/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { device, startCounty, type TestServer } from '../../testing.ts';

interface Gateway {
  id: string;
  online: boolean;
  at: string | null;
  heardAt: string | null;
}

let test: TestServer;
beforeAll(async () => {
  test = await startCounty();
}, 60_000);
afterAll(() => test.close());

const seen = async (): Promise<Gateway | undefined> => {
  const { gateways } = await (await test.client('admin')).get<{ gateways: Gateway[] }>('/system');
  return gateways.find(({ id }) => id === 'gw-north');
};

it('is online while it hands something over, and no status is invented', async () => {
  expect(await seen()).toMatchObject({ online: false, at: null, heardAt: null });
  const gateway = await device('gw-north', test.server.mqttPort);
  const sentAt = Date.now();
  await gateway.publishAsync(
    'village/v1/gateways/gw-north/readings',
    JSON.stringify({
      ...{ epoch: 'other-maker', seq: 1, lane: 'live' },
      readings: [{ device: 'north-air', at: formatTime(sentAt), values: { pm25: 12 } }],
    }),
    { qos: 1 },
  );
  await gateway.endAsync();
  const heard = await seen();
  expect(heard).toMatchObject({ online: true, at: null });
  expect(Date.parse(heard?.heardAt ?? '')).toBeGreaterThanOrEqual(sentAt - 1);
  test.timer.set = HOUR;
  expect(await seen()).toMatchObject({ online: true });
  test.timer.shift = 31 * MINUTE;
  expect(await seen()).toMatchObject({ online: false, at: null, heardAt: heard?.heardAt });
});

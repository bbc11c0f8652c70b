/** Client ids that the owner judges. */
import { afterEach, expect, it } from 'vitest';
import { connectPacket, TestBroker } from './testing.ts';

let one: TestBroker;
afterEach(() => one.stop());

it('are refused by the rule of the owner, who hears an empty one as such', async () => {
  const heard: string[] = [];
  const rule = (session: { who: string }, clientId: string): boolean => {
    heard.push(`${session.who} ${clientId}`);
    if (clientId === 'throws') throw new Error('a fault of the owner');
    return clientId !== 'other';
  };
  one = await new TestBroker({}, { acceptsClientId: rule }).start();
  await one.client('a');
  await one.client('a', { clientId: '' });
  for (const clientId of ['other', 'throws']) {
    const client = one.socket();
    client.send(connectPacket('a', { clientId }));
    expect(await client.packet('connack')).toMatchObject({ returnCode: 2 });
    await client.gone();
  }
  // Who has not proved who he is is not heard of.
  const thief = one.socket();
  thief.send(connectPacket('a', { password: Buffer.from('guess') }));
  expect(await thief.packet('connack')).toMatchObject({ returnCode: 5 });
  expect(heard).toEqual(['a a', 'a ', 'a other', 'a throws']);
  expect(one.broker.counters().refused).toEqual({
    'client-id-bound': 2,
    'hook-exception': 1,
    authentication: 1,
  });
});

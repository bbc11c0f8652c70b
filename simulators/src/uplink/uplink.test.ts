import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forever, TestBroker, until } from '../testing.ts';
import { Uplink, type UplinkOptions } from './uplink.ts';

let broker: TestBroker;
let uplink: Uplink;

beforeEach(async () => {
  broker = new TestBroker();
  await broker.open();
});
afterEach(async () => {
  await uplink.close();
  await broker.close();
});

function open(more: Partial<UplinkOptions> = {}): Uplink {
  uplink = new Uplink({
    url: broker.url,
    id: 'd-1',
    secret: 's',
    windowMax: 4,
    queueMax: 1_000,
    reconnectMs: 50,
    ...more,
  });
  return uplink;
}

const texts = (): string[] => broker.heard.map(({ payload }) => payload.toString());

describe('an uplink', () => {
  it('sends everything once and in order while nothing breaks', async () => {
    open();
    const sent = Array.from({ length: 500 }, (_, i) => String(i));
    for (const text of sent) uplink.offer('t', text);
    await uplink.drained(forever);
    expect(texts()).toEqual(sent);
    expect(uplink.counters).toMatchObject({ offered: 500, acknowledged: 500, dropped: 0 });
  });

  it('never has more on the way than its window', async () => {
    broker.deaf = true;
    open();
    for (let i = 0; i < 50; i++) uplink.offer('t', String(i));
    await until(() => uplink.connected, 'a connection');
    uplink.offer('t', 'last');
    expect(uplink.waiting).toBe(51);
    expect(uplink.counters.acknowledged).toBe(0);
  });

  it('keeps the newest when its queue is full, and counts what it dropped', async () => {
    broker.refused.add('d-1');
    open({ queueMax: 10 });
    for (let i = 0; i < 25; i++) uplink.offer('t', String(i));
    await until(() => uplink.counters.faults > 0, 'a refusal');
    expect(uplink.counters.dropped).toBe(15);
    expect(uplink.lastFault).toMatch(/Bad username|Not authorized/i);
    broker.refused.clear();
    await uplink.drained(forever);
    expect(texts()).toEqual(Array.from({ length: 10 }, (_, i) => String(i + 15)));
  });

  it('loses nothing when the broker goes and comes back', async () => {
    open();
    const sent = Array.from({ length: 300 }, (_, i) => String(i));
    for (const text of sent.slice(0, 100)) uplink.offer('t', text);
    await until(() => broker.heard.length > 10, 'some messages');
    await broker.close();
    for (const text of sent.slice(100)) uplink.offer('t', text);
    await broker.open();
    await uplink.drained(forever);
    expect(new Set(texts())).toEqual(new Set(sent));
    expect(uplink.counters).toMatchObject({ offered: 300, acknowledged: 300, dropped: 0 });
  });

  it('sends what it kept after a cut, and nothing of it after a restart', async () => {
    open();
    uplink.offer('t', 'before');
    await uplink.drained(forever);
    uplink.cut(false);
    uplink.offer('t', 'kept');
    uplink.mend();
    await uplink.drained(forever);
    uplink.cut(false);
    uplink.offer('t', 'lost');
    uplink.cut(true);
    uplink.mend();
    uplink.offer('t', 'after');
    await uplink.drained(forever);
    expect(texts()).toEqual(['before', 'kept', 'after']);
    expect(uplink.counters.dropped).toBe(1);
  });

  it('makes a sender wait for room, and lets it go when it is closed or told to stop', async () => {
    broker.deaf = true;
    open({ queueMax: 2, windowMax: 1 });
    const stop = new AbortController();
    await until(() => uplink.connected, 'a connection');
    for (let i = 0; i < 3; i++) await uplink.send('t', String(i), stop.signal);
    const waiting = uplink.send('t', 'x', stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const closing = uplink.send('t', 'y', forever);
    const refused = expect(closing).rejects.toMatchObject({ code: 'uplink-closed' });
    await uplink.close();
    await refused;
    expect(uplink.counters.dropped).toBe(0);
  });
});

/** SMS by SMPP against the server side of the library over real sockets: outcomes, long texts, receipts, and sessions that end. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { systemTimer } from '@village/core';
import type { Channel, Outcome, Told } from '@village/rules/channels';
import smpp, { type Pdu, type Session } from 'smpp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forever, HandTimer, makeChannel, message, noticeParts, START } from '../lib/providers.ts';

/** An SMS centre: who may bind, what it says to a message, and what it took. */
class Centre {
  readonly server: Server;
  readonly sessions = new Set<Session>();
  readonly taken: Pdu[] = [];
  binds = 0;
  bindStatus = 0;
  /** Status of the next messages; null says nothing. */
  statuses: (number | null)[] = [];
  /** Whether it looks at links and answers when asked. */
  alive = true;
  acknowledged: number[] = [];

  constructor() {
    this.server = smpp.createServer((session) => {
      this.sessions.add(session);
      session.on('error', () => session.destroy());
      session.on('close', () => this.sessions.delete(session));
      session.on('bind_transceiver', (pdu: Pdu) => {
        this.binds++;
        const good = pdu['system_id'] === 'village' && pdu['password'] === 'secret8';
        session.send(pdu.response({ command_status: good ? this.bindStatus : 0x0e }));
      });
      session.on('enquire_link', (pdu: Pdu) => void (this.alive && session.send(pdu.response())));
      session.on('unbind', (pdu: Pdu) => {
        session.send(pdu.response());
        session.close();
      });
      session.on('submit_sm', (pdu: Pdu) => {
        const status = this.statuses.length === 0 ? 0 : this.statuses.shift();
        if (status === 0 || status === null) this.taken.push(pdu);
        if (status === null || status === undefined) return;
        const id = { message_id: `a_${this.taken.length}` };
        session.send(pdu.response(status === 0 ? id : { command_status: status }));
      });
    });
  }

  async listen(port = 0): Promise<number> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  /** The text of what was taken, as a phone would put it together. */
  get text(): string {
    return this.taken.map((pdu) => (pdu['short_message'] as { message: string }).message).join('');
  }

  deliver(fields: Record<string, unknown>): void {
    for (const session of this.sessions)
      session.send(new smpp.PDU('deliver_sm', fields), (pdu) =>
        this.acknowledged.push(pdu.command_status),
      );
  }

  receipt(id: string, stat: string, more: Record<string, unknown> = {}): void {
    this.deliver({
      source_addr: '8613800000001',
      esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2603011405 done date:2603011406 stat:${stat} err:000 text:`,
      ...more,
    });
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    this.server.close();
    if (this.server.listening) await once(this.server, 'close');
  }
}

let centre: Centre;
let port: number;
const open: Channel[] = [];

const channel = (given: Record<string, unknown> = {}, timer = systemTimer): Channel => {
  const made = makeChannel(
    'smpp',
    {
      host: '127.0.0.1',
      port,
      systemId: 'village',
      password: 'secret8',
      sourceAddress: '1069001',
      sign: '长兴数字乡村',
      timeoutMs: 400,
      ...given,
    },
    timer,
  );
  open.push(made);
  return made;
};
const send = (of: Channel, given = {}): Promise<Outcome> => of.send(message(given), forever);

beforeEach(async () => {
  centre = new Centre();
  port = await centre.listen();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close?.()));
  await centre.close();
});

describe('what is sent', () => {
  it('is UCS-2 from our address, with a receipt asked for', async () => {
    expect(await send(channel())).toEqual({ kind: 'sent', id: 'a_1' });
    const [pdu] = centre.taken;
    expect(pdu).toMatchObject({
      source_addr: '1069001',
      destination_addr: '8613800000001',
      dest_addr_ton: 1,
      data_coding: 8,
      esm_class: 0,
      registered_delivery: 1,
    });
    expect(centre.text).toMatch(
      /^【长兴数字乡村】和平镇便民桥村2号污水站氨氮过高10.4毫克每升.*编号A7K2$/,
    );
  });

  it('goes out in parts with headers when it is longer, and one receipt is asked for', async () => {
    expect(await send(channel({ sign: undefined }), { language: 'en' })).toEqual({
      kind: 'sent',
      id: 'a_2',
    });
    expect(centre.text).toMatch(/^Bianminqiao, Heping.*No\. A7K2$/);
    expect(centre.taken.map((pdu) => [pdu['esm_class'], pdu['registered_delivery']])).toEqual([
      [0x40, 0],
      [0x40, 1],
    ]);
    const headers = centre.taken.map((pdu) =>
      (pdu['short_message'] as { udh: Buffer[] }).udh.map((one) => [...one]),
    );
    const reference = headers[0]?.[0]?.[2];
    expect(headers).toEqual([[[0, 3, reference, 2, 1]], [[0, 3, reference, 2, 2]]]);
    for (const pdu of centre.taken)
      expect((pdu['short_message'] as { message: string }).message.length).toBeLessThanOrEqual(67);
  });

  it('needs one session for many', async () => {
    const one = channel();
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map(() => send(one)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(5).fill('sent'));
    expect(centre.binds).toBe(1);
  });
});

describe('outcomes', () => {
  it.each<[string, number, Partial<Outcome>]>([
    ['throttled', 0x58, { kind: 'limited', of: 'channel', until: START + 5000, code: 'smpp-0x58' }],
    ['queue full', 0x14, { kind: 'limited', of: 'channel', until: START + 30_000 }],
    ['system error', 0x08, { kind: 'retry', code: 'smpp-0x08' }],
    ['submit failed', 0x45, { kind: 'retry' }],
    ['bad number', 0x0b, { kind: 'rejected', code: 'smpp-0x0b' }],
    ['our address is not ours', 0x0a, { kind: 'fault' }],
    ['a status that nobody knows', 0x4ff, { kind: 'rejected', code: 'smpp-0x4ff' }],
  ])('%s', async (_name, status, expected) => {
    const timer = new HandTimer(START);
    centre.statuses = [status];
    expect(await send(channel({}, timer))).toMatchObject(expected);
    expect(centre.taken).toEqual([]);
  });

  it('no number of the mainland is written to', async () => {
    expect(await send(channel(), { to: '+1202555' })).toMatchObject({
      kind: 'rejected',
      code: 'bad-number',
    });
  });

  it.each([
    ['a wrong password', { password: 'wrong' }, 0, { kind: 'fault', code: 'smpp-0x0e' }],
    ['a session that is still held', {}, 0x05, { kind: 'retry', code: 'smpp-0x05' }],
    ['a bind that fails', {}, 0x0d, { kind: 'fault', code: 'smpp-0x0d' }],
  ])('%s', async (_name, given, status, expected) => {
    centre.bindStatus = status;
    expect(await send(channel(given))).toMatchObject(expected);
  });

  it('nobody listens: retry', async () => {
    await centre.close();
    expect(await send(channel())).toMatchObject({ kind: 'retry', code: 'no-session' });
  });

  it('somebody listens and says nothing: retry, no message was sent', async () => {
    const mute = createServer((socket) => socket.on('error', () => socket.destroy()));
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port: other } = mute.address() as AddressInfo;
    expect(await send(channel({ port: other }))).toMatchObject({
      kind: 'retry',
      code: 'no-session',
    });
    mute.close();
  });

  it('taken and not answered: unknown, and no second one is sent', async () => {
    centre.statuses = [null];
    expect(await send(channel())).toMatchObject({ kind: 'unknown', text: 'no answer in time' });
    expect(centre.taken).toHaveLength(1);
  });

  it('taken, and the session ends: unknown; the next goes out on a new one', async () => {
    const one = channel({ timeoutMs: 20_000 });
    centre.statuses = [null];
    const sending = send(one);
    await expect.poll(() => centre.taken.length).toBe(1);
    for (const session of centre.sessions) session.destroy();
    expect(await sending).toMatchObject({ kind: 'unknown', text: 'the session ended' });
    expect(await send(one)).toMatchObject({ kind: 'sent' });
    expect(centre.binds).toBe(2);
    expect(centre.taken).toHaveLength(2);
  });

  it('a part that went out alone is unknown', async () => {
    centre.statuses = [0, 0x58];
    expect(await send(channel({ sign: undefined }), { language: 'en' })).toMatchObject({
      kind: 'unknown',
    });
  });

  it('the sender that gives up gets an outcome, too', async () => {
    centre.statuses = [null];
    const given = new AbortController();
    const sending = channel({ timeoutMs: 20_000 }).send(message(), given.signal);
    await expect.poll(() => centre.taken.length).toBe(1);
    given.abort();
    expect(await sending).toMatchObject({ kind: 'unknown' });
  });

  it('no more than ten wait at once', async () => {
    centre.statuses = Array(11).fill(null);
    const one = channel({}, new HandTimer(START));
    const given = new AbortController();
    const waiting = Array.from({ length: 10 }, () => one.send(message(), given.signal));
    expect(await send(one)).toEqual({
      kind: 'limited',
      of: 'channel',
      code: 'window-full',
      until: START + 1000,
    });
    await expect.poll(() => centre.taken.length).toBe(10);
    given.abort();
    await Promise.all(waiting);
  });

  it('bytes that are no PDU end the session', async () => {
    const one = channel({ timeoutMs: 20_000 });
    await send(one);
    for (const session of centre.sessions) session.socket.write(Buffer.from('ffffffff00', 'hex'));
    await expect.poll(() => centre.sessions.size).toBe(0);
    expect(await send(one)).toMatchObject({ kind: 'sent' });
  });
});

describe('what comes', () => {
  let stop: AbortController;
  let told: Told[];
  const receipts = () => told.flatMap((one) => one.receipts);
  const listening: Promise<void>[] = [];
  const listen = async (one: Channel): Promise<void> => {
    const before = centre.binds;
    const lasting = one.listen?.(async (more) => void told.push(more), stop.signal);
    if (lasting !== undefined) listening.push(lasting);
    await expect.poll(() => centre.binds).toBeGreaterThan(before);
    await expect.poll(() => centre.sessions.size).toBe(1);
  };

  beforeEach(() => {
    stop = new AbortController();
    told = [];
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(listening.splice(0));
  });

  it('of the gateway are receipts, by text or by tags, also twice and in the wrong order', async () => {
    const one = channel();
    await listen(one);
    await send(one);
    await send(one);
    centre.receipt('a_2', 'UNDELIV');
    centre.receipt('a_1', 'DELIVRD');
    centre.receipt('a_1', 'DELIVRD');
    centre.receipt('a_9', 'ACCEPTD');
    centre.deliver({
      esm_class: 4,
      receipted_message_id: 'a_1',
      message_state: 2,
      short_message: '',
    });
    await expect.poll(() => centre.acknowledged.length).toBe(5);
    expect(centre.acknowledged).toEqual([0, 0, 0, 0, 0]);
    const at = Date.UTC(2026, 2, 1, 6, 6);
    expect(receipts()).toEqual([
      { id: 'a_2', ours: null, state: 'failed', at, code: 'UNDELIV' },
      { id: 'a_1', ours: null, state: 'delivered', at, code: 'DELIVRD' },
      { id: 'a_1', ours: null, state: 'delivered', at, code: 'DELIVRD' },
      { id: 'a_1', ours: null, state: 'delivered', at: expect.any(Number), code: '2' },
    ]);
  });

  it('of gateways that change the base of their ids is found all the same', async () => {
    const one = channel({ ids: 'hex-then-decimal' });
    await listen(one);
    for (const session of centre.sessions) {
      session.removeAllListeners('submit_sm');
      session.on(
        'submit_sm',
        (pdu: Pdu) => void session.send(pdu.response({ message_id: '0A1F' })),
      );
    }
    expect(await send(one)).toEqual({ kind: 'sent', id: '2591' });
    centre.receipt('2591', 'DELIVRD');
    await expect.poll(receipts).toMatchObject([{ id: '2591', state: 'delivered' }]);
  });

  it('of people is what they wrote, in either alphabet; the same has the same id', async () => {
    await listen(channel());
    centre.deliver({ source_addr: '8613800000001', short_message: '1 A7K2' });
    centre.deliver({ source_addr: '8613800000001', short_message: '1 A7K2' });
    centre.deliver({ source_addr: '10086', data_coding: 8, short_message: '收到' });
    await expect.poll(() => centre.acknowledged.length).toBe(3);
    const replies = told.flatMap((one) => one.replies);
    expect(replies.map(({ from, text }) => [from, text])).toEqual([
      ['13800000001', '1 A7K2'],
      ['13800000001', '1 A7K2'],
      ['10086', '收到'],
    ]);
    expect(replies[0]?.id).toBe(replies[1]?.id);
    expect(replies[0]?.id).not.toBe(replies[2]?.id);
  });

  it('is not acknowledged before it was kept', async () => {
    const one = channel();
    const failing = one.listen?.(() => Promise.reject(new Error('disk full')), forever);
    await expect.poll(() => centre.sessions.size).toBe(1);
    await expect.poll(() => centre.binds).toBe(1);
    centre.receipt('a_1', 'DELIVRD');
    await expect(failing).rejects.toThrow('disk full');
    await expect.poll(() => centre.acknowledged).toEqual([0x64]);
    // And not while nobody listens.
    centre.receipt('a_1', 'DELIVRD');
    await expect.poll(() => centre.acknowledged).toEqual([0x64, 0x64]);
  });

  it('comes again after the gateway was away', async () => {
    const one = channel();
    await listen(one);
    await centre.close();
    // Until our side has seen the end, what is written is unknown.
    await expect.poll(async () => (await send(one)).kind).toBe('retry');
    const again = new Centre();
    centre = again;
    await again.listen(port);
    await expect.poll(() => again.sessions.size).toBe(1);
    await expect.poll(() => again.binds).toBe(1);
    again.receipt('a_7', 'DELIVRD');
    await expect.poll(receipts).toMatchObject([{ id: 'a_7' }]);
    expect(one.health().lastFault).toMatchObject({ code: 'no-session' });
  });

  it('comes on a new session when the old one no longer answers', async () => {
    centre.alive = false;
    await listen(channel({ enquireMs: 100, timeoutMs: 200 }));
    await expect.poll(() => centre.binds).toBeGreaterThan(1);
    centre.alive = true;
    await expect.poll(() => centre.sessions.size).toBe(1);
  });

  it('comes on a new session when the gateway takes leave', async () => {
    await listen(channel());
    for (const session of centre.sessions) session.send(new smpp.PDU('unbind'));
    await expect.poll(() => centre.binds).toBe(2);
  });
});

it('a channel that is closed takes leave', async () => {
  const one = channel();
  await send(one);
  let left = 0;
  for (const session of centre.sessions) session.on('unbind', () => left++);
  await one.close?.();
  expect(left).toBe(1);
  await expect.poll(() => centre.sessions.size).toBe(0);
  expect((await send(one)).kind).toBe('retry');
});

it('long notices end with the code', async () => {
  const long = '农村生活污水处理设施'.repeat(6);
  const parts = noticeParts({ what: { zh: long, en: long } });
  expect((await send(channel(), { parts })).kind).toBe('sent');
  expect(centre.text.length).toBeLessThanOrEqual(70);
  expect(centre.text).toMatch(/编号A7K2$/);
});

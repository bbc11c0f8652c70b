import type { Channel } from '@village/rules/channels';
import { NOON, never, notice, outgoing } from '@village/rules/channels/testing';
import { seal, type WecomAccount, wecomAccount, wecomApps } from '@village/simulators/providers';
import { decrypt, getSignature } from '@wecom/crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ear, makeChannel, startEar } from '../lib/providers.ts';
import { faultTests, type Stage, stage } from './chats.ts';

const HOUR = 3_600_000;
const CORP = 'ww1234567890abcdef';
const SECRET = 'app-s3cret-of-the-test';
const AES_KEY = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
const TOKEN = 'callback-t0ken';

let scene: Stage;
let ear: Ear;
let account: WecomAccount;
let channel: Channel;
const options = (change: Record<string, unknown> = {}): unknown => ({
  corpId: CORP,
  agentId: 1000002,
  secret: SECRET,
  callback: { token: TOKEN, encodingAesKey: AES_KEY },
  baseUrl: scene.url,
  timeoutMs: 400,
  ...change,
});
const made = (change: Record<string, unknown> = {}): Channel =>
  makeChannel('wecom-app', options(change), scene.timer);
const fake = async (path: string, method = 'POST'): Promise<unknown> =>
  (await fetch(`${scene.url}/__fake/wecom-app/${path}`, { method })).json();
const send = (key: string, change: Partial<Parameters<typeof outgoing>[0]> = {}) =>
  channel.send(outgoing({ key, ...change }), never);

beforeEach(async () => {
  ear = await startEar();
  account = wecomAccount({
    corpId: CORP,
    secret: SECRET,
    agentId: 1000002,
    members: new Map([
      ['zhang', '张三'],
      ['li', '李四'],
    ]),
    callback: { url: `${ear.url}/wecom`, token: TOKEN, encodingAesKey: AES_KEY },
  });
  scene = await stage(wecomApps(account));
  channel = made();
  ear.channel = channel;
});
afterEach(async () => {
  await channel.close?.();
  await scene.close();
  await ear.close();
});

describe('a card', () => {
  it('is on the phone with a button, and changed once by its code', async () => {
    const sent = await send('k1');
    expect(sent).toMatchObject({ kind: 'sent', id: expect.any(String), card: expect.any(String) });
    const [card] = scene.shown('zhang');
    expect(card).toMatchObject({
      provider: 'wecom-app',
      form: 'card',
      link: 'https://village.example/a/1',
      buttons: [{ key: 'ack', text: '确认收到' }],
    });
    expect(card?.text.split('\n')).toEqual([
      '【重要告警】氨氮过高',
      '和平镇便民桥村 2 号污水站',
      '约 40 分钟后溢流。先看曝气风机',
      '数值：10.4 mg/L（限值 8，DB33/973）',
      '开始：2026-03-01 14:05',
      '编号：A7K2',
    ]);
    const code = sent.kind === 'sent' ? (sent.card ?? '') : '';
    expect(await channel.taken?.(code, '李四', never)).toEqual({ kind: 'sent', id: null });
    expect(scene.shown('zhang')[0]).toMatchObject({ buttons: [] });
    expect(scene.shown('zhang')[0]?.text).toMatch(/［李四 已确认］$/);
    // Its code is used now.
    expect(await channel.taken?.(code, '王五', never)).toMatchObject({ kind: 'rejected' });
    expect(scene.shown('zhang')[0]?.text).not.toContain('王五');
  });

  it('can be changed for 72 hours', async () => {
    const cards = [];
    for (const key of ['k1', 'k2']) {
      const sent = await send(key);
      cards.push(sent.kind === 'sent' ? (sent.card ?? '') : '');
    }
    scene.timer.at = NOON + 72 * HOUR;
    expect((await channel.taken?.(cards[0] ?? '', '李四', never))?.kind).toBe('sent');
    scene.timer.at += 1;
    expect((await channel.taken?.(cards[1] ?? '', '李四', never))?.kind).toBe('rejected');
  });

  it('pressed on the phone is heard, once with its id however often it comes, and then changed', async () => {
    await send('k1');
    const id = scene.shown('zhang')[0]?.id ?? '';
    scene.world.postman.manner.copies = 3;
    scene.timer.at = NOON + 60_000;
    const pressed = await fetch(`${scene.url}/__fake/react`, {
      method: 'POST',
      body: JSON.stringify({ message: id, press: 'ack' }),
    });
    expect(pressed.status).toBe(200);
    await scene.world.postman.idle();
    const replies = ear.heard.flatMap((heard) => heard.replies);
    expect(replies).toHaveLength(3);
    expect(new Set(replies.map((reply) => reply.id)).size).toBe(1);
    expect(replies[0]).toMatchObject({
      from: 'zhang',
      at: NOON + 60_000,
      text: 'ack',
      key: 'k1',
    });
    expect(ear.heard[0]?.answer).toEqual({ status: 200, type: 'text/plain', body: '' });
    expect((await channel.taken?.(replies[0]?.card ?? '', '张三', never))?.kind).toBe('sent');
    expect(scene.shown('zhang')[0]).toMatchObject({ buttons: [] });
    // Nothing is left to press.
    scene.world.react(id, { kind: 'press', key: 'ack' });
    await scene.world.postman.idle();
    expect(ear.heard).toHaveLength(3);
  });

  it('pressed twice is two presses', async () => {
    await send('k1');
    const id = scene.shown('zhang')[0]?.id ?? '';
    scene.world.react(id, { kind: 'press', key: 'ack' });
    scene.timer.at += 2000;
    scene.world.react(id, { kind: 'press', key: 'ack' });
    await scene.world.postman.idle();
    const ids = ear.heard.flatMap(({ replies }) => replies.map((reply) => reply.id));
    expect(new Set(ids).size).toBe(2);
  });

  it('pressed is posted again while we can not keep it', async () => {
    await send('k1');
    ear.failing = 2;
    scene.world.react(scene.shown('zhang')[0]?.id ?? '', { kind: 'press', key: 'ack' });
    await scene.world.postman.idle();
    expect(ear.statuses).toEqual([500, 500, 200]);
    expect(ear.heard.flatMap(({ replies }) => replies)).toHaveLength(1);
  });

  it('has no button where nothing is to be taken, and none where nobody would hear', async () => {
    await send('k1', { code: null });
    const deaf = made({ callback: undefined });
    await deaf.send(outgoing({ key: 'k2' }), never);
    expect(scene.shown('zhang')).toMatchObject([
      { form: 'card', buttons: [], link: 'https://village.example/a/1' },
      { form: 'card', buttons: [] },
    ]);
  });

  it('is text where there is neither page nor code, and for lists', async () => {
    const lines = Array.from({ length: 200 }, (_, i) => ({ zh: `第 ${i} 条𠮷`, en: '' }));
    const digest = notice({ kind: 'digest', lines });
    await send('k1', { code: null, url: null });
    await send('k2', { code: null, parts: digest });
    const [plain, list] = scene.shown('zhang');
    expect(plain).toMatchObject({ form: 'chat', link: null });
    expect(plain?.text).toMatch(/^【重要告警】氨氮过高\n地点：/);
    // Cut by us at an entry, not by the provider within a character.
    expect(list).toMatchObject({ form: 'chat', link: 'https://village.example/a/1' });
    expect(list?.text).toMatch(/\n另有 \d+ 条\n查看详情$/);
  });
});

describe('the fake', () => {
  const raw = async (path: string, body: unknown): Promise<Record<string, unknown>> =>
    (await (
      await fetch(`${scene.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
    ).json()) as Record<string, unknown>;
  const token = async (): Promise<string> => {
    const query = new URLSearchParams({ corpid: CORP, corpsecret: SECRET });
    const got = await (await fetch(`${scene.url}/cgi-bin/gettoken?${query}`)).json();
    return (got as { access_token: string }).access_token;
  };

  it('tells who of several did not get it, and shows it to the others', async () => {
    const path = `/cgi-bin/message/send?access_token=${await token()}`;
    const text = { touser: 'zhang|nobody|li', msgtype: 'text', agentid: 1000002 };
    expect(await raw(path, { ...text, text: { content: 'x' } })).toMatchObject({
      errcode: 0,
      invaliduser: 'nobody',
    });
    expect([scene.shown('zhang').length, scene.shown('li').length]).toEqual([1, 1]);
    // The same again within the interval is shown to nobody where that was asked for.
    const checked = { ...text, text: { content: 'y' }, enable_duplicate_check: 1 };
    await raw(path, checked);
    await raw(path, checked);
    expect(scene.shown('zhang')).toHaveLength(2);
  });

  it('gives the same token while it holds, and takes no other', async () => {
    expect(await token()).toBe(await token());
    const body = { touser: 'zhang', msgtype: 'text', agentid: 1000002, text: { content: 'x' } };
    const errcodeWith = async (query: string): Promise<unknown> =>
      (await raw(`/cgi-bin/message/send${query}`, body))['errcode'];
    const old = await token();
    expect(await errcodeWith('')).toBe(41001);
    expect(await errcodeWith('?access_token=guessed')).toBe(40014);
    await fake('revoke');
    expect(await errcodeWith(`?access_token=${old}`)).toBe(40014);
    const fresh = await token();
    scene.timer.at += 7_200_000;
    expect(await errcodeWith(`?access_token=${fresh}`)).toBe(42001);
  });

  it('seals as the vendor’s own library opens', () => {
    const own = { url: ear.url, token: TOKEN, encodingAesKey: AES_KEY };
    const { url, encrypted } = seal(own, '<xml>收到</xml>', CORP, { now: NOON, random: () => 0.7 });
    expect(decrypt(AES_KEY, encrypted)).toMatchObject({ message: '<xml>收到</xml>', id: CORP });
    const given = ['timestamp', 'nonce'].map((name) => url.searchParams.get(name) ?? '');
    expect(url.searchParams.get('msg_signature')).toBe(
      getSignature(TOKEN, given[0] ?? '', given[1] ?? '', encrypted),
    );
  });
});

describe('the callback', () => {
  it('passes the check by which its address is saved', async () => {
    expect(await fake('check-callback')).toEqual({ ok: true });
    expect(ear.heard.at(-1)?.replies).toEqual([]);
  });

  it('fails it with another key or token', async () => {
    account.callback = {
      url: `${ear.url}/wecom`,
      token: TOKEN,
      encodingAesKey: AES_KEY.replace('a', 'b'),
    };
    expect(await fake('check-callback')).toEqual({ ok: false });
    account.callback = { url: `${ear.url}/wecom`, token: 'other', encodingAesKey: AES_KEY };
    expect(await fake('check-callback')).toEqual({ ok: false });
  });

  it('hears nothing from others', async () => {
    const own = { url: `${ear.url}/wecom`, token: TOKEN, encodingAesKey: AES_KEY };
    const at = { now: NOON, random: () => 0.5 };
    const event =
      '<xml><Event>template_card_event</Event><FromUserName>zhang</FromUserName><TaskId>k1</TaskId><CreateTime>1</CreateTime></xml>';
    const statusOf = async (sealed: { url: URL; encrypted: string }): Promise<number> =>
      (
        await fetch(sealed.url, {
          method: 'POST',
          body: `<xml><Encrypt>${sealed.encrypted}</Encrypt></xml>`,
        })
      ).status;
    expect(await statusOf(seal(own, event, CORP, at))).toBe(200);
    expect(ear.heard.flatMap(({ replies }) => replies)).toHaveLength(1);
    expect(await statusOf(seal({ ...own, token: 'other' }, event, CORP, at))).toBe(404);
    expect(await statusOf(seal(own, event, 'wwother', at))).toBe(404);
    const { url } = seal(own, event, CORP, at);
    for (const body of ['', '<xml>', '{}', '<xml><Encrypt></Encrypt></xml>'])
      expect((await fetch(url, { method: 'POST', body })).status).toBe(404);
    expect(ear.heard.flatMap(({ replies }) => replies)).toHaveLength(1);
  });

  it('takes events of other kinds and says nothing of them', async () => {
    const own = { url: `${ear.url}/wecom`, token: TOKEN, encodingAesKey: AES_KEY };
    const event = '<xml><Event>enter_agent</Event><FromUserName>zhang</FromUserName></xml>';
    const { url, encrypted } = seal(own, event, CORP, { now: NOON, random: () => 0.5 });
    const body = `<xml><Encrypt>${encrypted}</Encrypt></xml>`;
    expect((await fetch(url, { method: 'POST', body })).status).toBe(200);
    expect(ear.heard).toMatchObject([{ replies: [], receipts: [] }]);
  });
});

describe('the token', () => {
  it('is kept for two hours, told without being shown, and fetched anew in time', async () => {
    await send('k1');
    expect(channel.health().token).toEqual({ since: NOON, until: NOON + 7_200_000 });
    scene.timer.at = NOON + 2 * HOUR - 1000;
    expect((await send('k2')).kind).toBe('sent');
    expect(JSON.stringify(channel.health())).not.toMatch(/wecom\d+_/);
  });

  it('that is taken back early is fetched once, and the message arrives once', async () => {
    await send('k1');
    scene.timer.at += 60_000;
    await fake('revoke');
    const outcomes = await Promise.all(['k2', 'k3', 'k4'].map((key) => send(key)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['sent', 'sent', 'sent']);
    expect(scene.shown('zhang')).toHaveLength(4);
    expect(channel.health().token?.since).toBe(NOON + 60_000);
  });
});

describe('outcomes', () => {
  it('somebody who is no member: rejected', async () => {
    expect(await send('k1', { to: 'nobody' })).toMatchObject({ kind: 'rejected', code: '81013' });
    expect(await send('k2', { to: 'zhang|li' })).toMatchObject({
      kind: 'rejected',
      code: 'address',
    });
    expect(await send('k3', { to: '@all' })).toMatchObject({ kind: 'rejected', code: 'address' });
    account.unlicensed.add('li');
    expect(await send('k4', { to: 'li' })).toMatchObject({
      kind: 'rejected',
      code: 'unlicenseduser',
    });
    expect(channel.health().lastFault).toBeNull();
  });

  it('success that names the receiver as invalid: rejected', async () => {
    // As when a member leaves between two of the provider's machines: errcode 0 and a name in `invaliduser`.
    const odd = await stage({
      name: 'odd',
      register(app) {
        app.get('/cgi-bin/gettoken', () => ({ errcode: 0, access_token: 't', expires_in: 7200 }));
        app.post('/cgi-bin/message/send', () => ({ errcode: 0, invaliduser: 'zhang' }));
      },
    });
    const other = makeChannel('wecom-app', options({ baseUrl: odd.url }), odd.timer);
    expect(await other.send(outgoing(), never)).toMatchObject({
      kind: 'rejected',
      code: 'invaliduser',
    });
    await odd.close();
  });

  it.each([
    ['another secret', () => made({ secret: 'other-s3cret' }), '40001'],
    ['another corporation', () => made({ corpId: 'wwother' }), '40013'],
    ['another app', () => made({ agentId: 7 }), '301002'],
    [
      'an address that is not listed',
      () => {
        account.deniedAddress = true;
        return channel;
      },
      '60020',
    ],
  ])('%s: a fault, and nothing secret is told', async (_name, make, code) => {
    const other = make();
    const outcome = await other.send(outgoing(), never);
    expect(outcome).toMatchObject({ kind: 'fault', code });
    expect(other.health().lastFault).toMatchObject({ at: NOON, code });
    expect(JSON.stringify([outcome, other.health()])).not.toContain('s3cret');
    expect(scene.shown('zhang')).toEqual([]);
  });

  it('the day’s messages used up: limited', async () => {
    account.dayLimit = 0;
    const poor = await stage(wecomApps(account));
    const other = makeChannel('wecom-app', options({ baseUrl: poor.url }), poor.timer);
    expect(await other.send(outgoing(), never)).toMatchObject({
      kind: 'limited',
      of: 'channel',
      code: '45009',
    });
    await poor.close();
  });

  it('a member’s 31st in a minute: taken and never shown, which is why we stay below', async () => {
    for (let i = 0; i < 31; i++) expect((await send(`k${i}`)).kind).toBe('sent');
    expect(scene.shown('zhang')).toHaveLength(30);
    expect(await fake('dropped', 'GET')).toMatchObject({ rate: 1 });
    // Another member's are their own, and a minute later there is room again.
    await send('other', { to: 'li' });
    expect(scene.shown('li')).toHaveLength(1);
    scene.timer.at = NOON + 60_000;
    await send('later');
    expect(scene.shown('zhang')).toHaveLength(31);
  });

  it('a key that was used: taken and never shown', async () => {
    await send('k1');
    expect((await send('k1')).kind).toBe('sent');
    expect(scene.shown('zhang')).toHaveLength(1);
    expect(await fake('dropped', 'GET')).toMatchObject({ taskId: 1 });
  });

  it('a reminder that says the same within half an hour is shown', async () => {
    await send('k1', { code: null });
    await send('k2', { code: null });
    expect(scene.shown('zhang')).toHaveLength(2);
  });
});

describe('faults of the message', () => {
  faultTests(async () => {
    // With a token in hand, the next request is the message.
    await channel.send(outgoing({ key: 'before' }), never);
    return { stage: scene, provider: 'wecom-app', phone: 'zhang', channel, to: 'zhang' };
  });
});

describe('faults while a token is fetched', () => {
  it.each([
    'reset',
    'accept-silent',
    'slow-body',
    'endless-body',
    'not-json',
    'error-500',
  ] as const)('%s: nothing was sent, so it may be tried again', async (kind) => {
    scene.world.faults.set('wecom-app', kind);
    expect((await send('k1')).kind).toBe('retry');
    expect(scene.shown('zhang')).toEqual([]);
    scene.timer.at += 5000;
    expect((await send('k1')).kind).toBe('sent');
    expect(scene.shown('zhang')).toHaveLength(1);
  });
});

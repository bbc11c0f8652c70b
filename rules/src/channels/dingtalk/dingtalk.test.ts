import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { NOON, never, outgoing, type TestServer, testServer, testTimer } from '../testing.ts';
import { dingtalk } from './index.ts';
import { dingtalkSignature } from './signature.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.seen.length = 0;
  server.answer({ errcode: 0, errmsg: 'ok' });
});

const made = () =>
  dingtalk.make(
    'group',
    dingtalk.options({
      webhook: `${server.url}/robot/send?access_token=t0ken`,
      secret: 'SECtest',
    }),
    { timer: testTimer(NOON), random: (n) => new Uint8Array(n) },
  );

it('signs as the official sample does', () => {
  expect(encodeURIComponent(dingtalkSignature('1700000000000', 'SECtest'))).toBe(
    'aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g%3D',
  );
});

it('posts markdown with time and signature in the address', async () => {
  expect(await made().send(outgoing({ to: '@13800000001' }), never)).toEqual({
    kind: 'sent',
    id: null,
  });
  const seen = server.seen[0];
  const query = new URL(seen?.url ?? '', server.url).searchParams;
  expect(query.get('access_token')).toBe('t0ken');
  expect(query.get('timestamp')).toBe(String(NOON));
  expect(query.get('sign')).toBe(dingtalkSignature(String(NOON), 'SECtest'));
  // A plus sign in base64 would be a space if it were not encoded.
  expect(seen?.url).not.toMatch(/sign=[^&]*\+/);
  const body = JSON.parse(seen?.body ?? '') as {
    markdown: { title: string; text: string };
    at: unknown;
  };
  expect(body).toMatchObject({ msgtype: 'markdown', markdown: { title: '【重要告警】氨氮过高' } });
  expect(body.markdown.text.split('\n').slice(0, 2)).toEqual([
    '#### 【重要告警】氨氮过高',
    '- 地点：和平镇便民桥村',
  ]);
  expect(body.markdown.text).toMatch(/\n\n@13800000001$/);
  expect(body.at).toEqual({ atMobiles: ['13800000001'], isAtAll: false });
});

it('calls everybody, or nobody', async () => {
  const channel = made();
  await channel.send(outgoing({ to: '@all' }), never);
  await channel.send(outgoing({ to: '值班群' }), never);
  expect(server.seen.map(({ body }) => (JSON.parse(body) as { at: unknown }).at)).toEqual([
    { atMobiles: [], isAtAll: true },
    { atMobiles: [], isAtAll: false },
  ]);
});

it.each([
  [130101, { kind: 'limited', until: NOON + 600_000, of: 'channel', code: '130101' }],
  [310000, { kind: 'fault', code: '310000', text: 'sign *** *** not match' }],
  [300001, { kind: 'fault', code: '300001', text: 'sign *** *** not match' }],
  [-1, { kind: 'retry', code: '-1', text: 'sign *** *** not match' }],
  [40035, { kind: 'rejected', code: '40035', text: 'sign *** *** not match' }],
])('code %d', async (errcode, outcome) => {
  server.answer({ errcode, errmsg: 'sign SECtest t0ken not match' });
  expect(await made().send(outgoing(), never)).toEqual(outcome);
});

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  NOON,
  never,
  notice,
  outgoing,
  type TestServer,
  testServer,
  testTimer,
} from '../testing.ts';
import { feishu } from './index.ts';
import { feishuSignature } from './signature.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.seen.length = 0;
  server.answer({ code: 0, msg: 'success', StatusCode: 0 });
});

const made = () =>
  feishu.make(
    'group',
    feishu.options({ webhook: `${server.url}/open-apis/bot/v2/hook/h00k-1`, secret: 'demo' }),
    { timer: testTimer(NOON), random: (n) => new Uint8Array(n) },
  );

interface Body {
  readonly timestamp: string;
  readonly sign: string;
  readonly msg_type: string;
  readonly card: {
    readonly header: { readonly title: { readonly content: string }; readonly template: string };
    readonly elements: readonly { readonly text?: { readonly content: string } }[];
  };
}
const body = (): Body => JSON.parse(server.seen[0]?.body ?? '') as Body;

it('signs as the official sample does', () => {
  expect(feishuSignature('1599360473', 'demo')).toBe(
    'l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=',
  );
});

it('posts a card with time and signature in the body', async () => {
  expect(await made().send(outgoing({ to: '@ou_1' }), never)).toEqual({ kind: 'sent', id: null });
  expect(body()).toMatchObject({
    timestamp: String(NOON / 1000),
    sign: feishuSignature(String(NOON / 1000), 'demo'),
    msg_type: 'interactive',
    card: { header: { title: { content: '【重要告警】氨氮过高' }, template: 'orange' } },
  });
  const text = body().card.elements[0]?.text?.content ?? '';
  expect(text).toMatch(/^\*\*地点\*\*：和平镇便民桥村\n/);
  expect(text).toMatch(/\n<at id=ou_1><\/at>$/);
  expect(body().card.elements[1]).toMatchObject({
    tag: 'action',
    actions: [{ tag: 'button', url: 'https://village.example/a/1' }],
  });
});

it('lets no name of a device write marks or call people', async () => {
  const device = { zh: '<at id=all></at> [点我](http://evil.example)', en: '' };
  await made().send(outgoing({ to: '', parts: notice({ device }) }), never);
  const text = body().card.elements[0]?.text?.content ?? '';
  expect(text).toContain('＜at id=all＞＜/at＞ ［点我］(http://evil.example)');
  expect(text).not.toContain('<at');
});

it('stays below 20 KB whatever it has to say', async () => {
  const lines = Array.from({ length: 2000 }, () => ({ zh: '"\\"'.repeat(20), en: '' }));
  await made().send(outgoing({ parts: notice({ kind: 'digest', lines }) }), never);
  expect(Buffer.byteLength(server.seen[0]?.body ?? '')).toBeLessThan(20 * 1024);
  expect(body().card.elements[0]?.text?.content).toMatch(/- 另有 \d+ 条$/);
});

it.each([
  [
    { StatusCode: 0, StatusMessage: 'success' },
    { kind: 'sent', id: null },
  ],
  [
    { code: 11232, msg: 'frequency limited' },
    { kind: 'limited', until: NOON + 60_000, of: 'channel', code: '11232' },
  ],
  [
    { code: 19021, msg: 'sign demo h00k-1' },
    { kind: 'fault', code: '19021', text: 'sign *** ***' },
  ],
  [
    { code: 19024, msg: 'Key Words Not Found' },
    { kind: 'fault', code: '19024', text: 'Key Words Not Found' },
  ],
  [
    { code: 9499, msg: 'Bad Request' },
    { kind: 'rejected', code: '9499', text: 'Bad Request' },
  ],
  [{}, { kind: 'unknown', id: null, text: 'the answer is in no known words' }],
])('answer %j', async (answer, outcome) => {
  server.answer(answer);
  expect(await made().send(outgoing(), never)).toEqual(outcome);
});

it('reads an answer of status 400, too', async () => {
  server.answer((response) => {
    response.writeHead(400).end('{"code":9499,"msg":"Bad Request"}');
  });
  expect(await made().send(outgoing(), never)).toMatchObject({ kind: 'rejected', code: '9499' });
});

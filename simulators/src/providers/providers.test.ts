import { seededRandom, systemTimer } from '@village/core';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHook } from '../testing.ts';
import { bodyObject, type Provider } from './provider.ts';
import { type RunningProviders, startProviders } from './providers.ts';
import type { World } from './world.ts';

/** A vendor that nobody has heard of: shows what it is given and posts a receipt. */
function toyVendor(receiptUrl: string | null): Provider {
  return {
    name: 'toy',
    atRoot: ({ headers }) => headers['x-toy'] !== undefined,
    register(app, world: World) {
      app.post('/', { constraints: { vendor: 'toy' } }, (request) => {
        const { to, text } = bodyObject(request.body) ?? {};
        const shown = world.show(
          String(to),
          {
            provider: 'toy',
            form: 'card',
            from: '玩具',
            text: String(text),
            segments: null,
            link: null,
            buttons: [{ key: 'ack', text: '收到' }],
          },
          (reaction) => world.change(shown.id, { text: `${reaction.kind}!`, buttons: [] }),
        );
        world.postman.send({
          provider: 'toy',
          url: receiptUrl,
          make: () => ({ headers: {}, body: shown.id }),
          accepted: (status) => status === 200,
          retryAfter: [10, 20],
        });
        return { id: shown.id };
      });
    },
  };
}

let running: RunningProviders;
const hook = await startHook();
afterEach(() => running.close());
afterAll(() => hook.close());
beforeEach(async () => {
  hook.reset();
  running = await startProviders({
    port: 0,
    timer: systemTimer,
    random: seededRandom(1),
    providers: [toyVendor(hook.url)],
  });
  running.world.postman.manner.delayMs = 0;
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${running.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(1000),
  });
const send = (text: string) => post('/', { to: '13800000001', text }, { 'x-toy': '1' });
const phones = async (): Promise<{ phone: string; messages: Record<string, unknown>[] }[]> =>
  (await (await fetch(`${running.url}/phones`)).json()) as never;

describe('phones', () => {
  it('are told as JSON and on a page, with what came', async () => {
    await send('垃圾桶着火 <b>');
    expect(await phones()).toEqual([
      {
        phone: '13800000001',
        name: '13800000001',
        state: 'on',
        messages: [
          expect.objectContaining({
            provider: 'toy',
            form: 'card',
            from: '玩具',
            text: '垃圾桶着火 <b>',
            at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          }),
        ],
      },
    ]);
    const page = await (await fetch(`${running.url}/`)).text();
    expect(page).toContain('垃圾桶着火 &lt;b&gt;');
    expect(page).toContain('data-press="ack"');
  });

  it('let their owners press and change what is shown', async () => {
    const { id } = (await (await send('泵停了')).json()) as { id: string };
    expect((await post('/__fake/react', { message: id, press: 'ack' })).status).toBe(200);
    expect((await phones())[0]?.messages[0]).toMatchObject({ text: 'press!', buttons: [] });
    expect((await post('/__fake/react', { message: 'm99', press: 'ack' })).status).toBe(404);
  });

  it('refuse switches that say nothing known', async () => {
    const answer = await post('/__fake/faults', { provider: 'toy', kind: 'rain' });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('kind');
    expect((await post('/', { to: '1', text: 'no vendor' })).status).toBe(404);
  });
});

describe('faults', () => {
  const shown = async () => (await phones())[0]?.messages.length ?? 0;

  it.each(['reset', 'error-500', 'error-503'] as const)(
    '%s: nothing is done, once',
    async (kind) => {
      await post('/__fake/faults', { provider: 'toy', kind });
      const answer = await send('1').catch(() => undefined);
      expect(answer?.status).toBe(kind === 'reset' ? undefined : Number(kind.slice(-3)));
      expect(await shown()).toBe(0);
      expect((await send('2')).status).toBe(200);
      expect(await shown()).toBe(1);
    },
  );

  it.each(['accept-silent', 'accept-reset', 'endless-body', 'slow-body'] as const)(
    '%s: it is done, and no whole answer comes',
    async (kind) => {
      running.world.faults.set('toy', kind);
      const answer = send('1').then((response) => response.text());
      await expect(answer).rejects.toThrow();
      expect(await shown()).toBe(1);
    },
  );

  it('not-json: it is done, and somebody else answers', async () => {
    running.world.faults.set('toy', 'not-json');
    const answer = await send('1');
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('<html>');
    expect(await shown()).toBe(1);
  });
});

describe('receipts', () => {
  it('are posted again until they are acknowledged', async () => {
    hook.answers.push({ status: 500, body: '' }, { status: 500, body: '' });
    await send('1');
    await running.world.postman.idle();
    expect(hook.heard.map(({ body }) => body)).toEqual(['m1', 'm1', 'm1']);
    expect(running.world.postman.counters).toMatchObject({ acknowledged: 1, givenUp: 0 });
  });

  it('are given up when the schedule is over', async () => {
    hook.answers.push(...[1, 2, 3].map(() => ({ status: 500, body: '' })));
    await send('1');
    await running.world.postman.idle();
    expect(hook.heard).toHaveLength(3);
    expect(running.world.postman.counters).toMatchObject({ acknowledged: 0, givenUp: 1 });
  });

  it('come twice and in another order when the switches say so', async () => {
    await post('/__fake/receipts', { hold: true, copies: 2 });
    await send('1');
    await send('2');
    expect(hook.heard).toEqual([]);
    await post('/__fake/receipts/release', { order: 'reversed' });
    expect(hook.heard.map(({ body }) => body)).toEqual(['m2', 'm2', 'm1', 'm1']);
  });
});

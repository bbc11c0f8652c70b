/** The page of the phones in real Chromium: what a channel sent is seen, and a press on it takes the alert. */
import { join } from 'node:path';
import type { Channel } from '@village/rules/channels';
import { never, outgoing } from '@village/rules/channels/testing';
import { wecomAccount, wecomApps, wecomRobots } from '@village/simulators/providers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, startBrowser, type TestBrowser } from '../../dashboards/browser/testing.ts';
import { type Ear, makeChannel, startEar } from '../lib/providers.ts';
import { type Stage, stage } from './chats.ts';

/** Where pictures go, for looking at. */
const pictures = process.env['VILLAGE_PICTURES'];
const CALLBACK = {
  token: 'callback-t0ken',
  encodingAesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
};

describe.skipIf(!hasChromium)('the page of the phones', { timeout: 90_000 }, () => {
  let browser: TestBrowser;
  let scene: Stage;
  let ear: Ear;
  let channel: Channel;
  beforeAll(async () => {
    browser = await startBrowser();
    ear = await startEar();
    const account = wecomAccount({
      corpId: 'ww1',
      secret: 's3cret',
      agentId: 7,
      members: new Map([['zhang', '张三']]),
      callback: { url: `${ear.url}/wecom`, ...CALLBACK },
    });
    scene = await stage(wecomApps(account), wecomRobots([{ key: 'k1', group: '水口乡值班群' }]));
    const options = { corpId: 'ww1', agentId: 7, secret: 's3cret', callback: CALLBACK };
    channel = makeChannel('wecom-app', { ...options, baseUrl: scene.url }, scene.timer);
    ear.channel = channel;
  });
  afterAll(async () => {
    await browser.close();
    await scene.close();
    await ear.close();
  });

  it('shows the card; a press on its button is a reply, and then the card says who took it', async () => {
    const webhook = `${scene.url}/cgi-bin/webhook/send?key=k1`;
    const group = makeChannel('wecom-robot', { webhook }, scene.timer);
    await group.send(outgoing({ to: '', code: null }), never);
    await channel.send(outgoing({ key: 'k1' }), never);
    const { page, context, faults } = await browser.page(scene, { signIn: false, width: 760 });
    const phone = page.locator('section', { hasText: '张三' });
    await phone.getByText('【重要告警】氨氮过高').waitFor();
    if (pictures !== undefined)
      await page.screenshot({ path: join(pictures, 'phones-card.png'), fullPage: true });
    await phone.getByRole('button', { name: '确认收到' }).click();
    await expect.poll(() => ear.heard.flatMap(({ replies }) => replies)).toHaveLength(1);
    const [reply] = ear.heard.flatMap(({ replies }) => replies);
    expect(reply).toMatchObject({ from: 'zhang', text: 'ack', key: 'k1' });
    await channel.taken?.(reply?.card ?? '', '张三', never);
    await phone.getByText('张三 已确认').waitFor();
    expect(await phone.getByRole('button').count()).toBe(0);
    if (pictures !== undefined)
      await page.screenshot({ path: join(pictures, 'phones-taken.png'), fullPage: true });
    expect(faults).toEqual([]);
    await context.close();
  });
});

/** Robots of WeCom groups (developer.work.weixin.qq.com/document/path/91770). */
import { MINUTE } from '@village/core';
import { bodyObject, type Provider } from '../provider.ts';
import { Rolling } from '../rolling.ts';
import type { World } from '../world.ts';
import { shownMarkdown } from './shown.ts';

export interface WecomRobot {
  readonly key: string;
  /** Whose phone shows the messages: the group's name. */
  readonly group: string;
}

const PER_MINUTE = 20;
const NAME = 'wecom-robot';
/** Bytes of UTF-8 by type. */
const CONTENT_MAX: Readonly<Record<string, number>> = { text: 2048, markdown: 4096 };

const refusal = (errcode: number, errmsg: string): Record<string, unknown> => ({ errcode, errmsg });

function contentOf(body: Record<string, unknown>, type: string): string {
  const part = body[type];
  if (typeof part !== 'object' || part === null || !('content' in part)) return '';
  return typeof part.content === 'string' ? part.content : '';
}

function posted(
  world: World,
  robot: WecomRobot,
  rate: Rolling,
  body: Record<string, unknown> | undefined,
): Record<string, unknown> {
  if (!rate.take(robot.key, world.now)) return refusal(45009, 'api freq out of limit');
  const type = body?.['msgtype'];
  const most = typeof type === 'string' ? CONTENT_MAX[type] : undefined;
  if (body === undefined || typeof type !== 'string' || most === undefined)
    return refusal(40008, 'invalid message type');
  const content = contentOf(body, type);
  if (content === '') return refusal(44004, 'empty content');
  if (Buffer.byteLength(content) > most)
    return refusal(40058, `${type}.content exceed max length ${most}. invalid Request Parameter`);
  world.show(robot.group, {
    provider: NAME,
    form: 'chat',
    from: '群机器人',
    ...shownMarkdown(content),
    segments: null,
    buttons: [],
  });
  return refusal(0, 'ok');
}

export const wecomRobots = (robots: readonly WecomRobot[]): Provider => ({
  name: NAME,
  register(app, world) {
    const rate = new Rolling(PER_MINUTE, MINUTE);
    app.post<{ Querystring: { key?: string } }>('/cgi-bin/webhook/send', (request) => {
      const robot = robots.find(({ key }) => key === request.query.key);
      return robot === undefined
        ? refusal(93000, 'invalid webhook url')
        : posted(world, robot, rate, bodyObject(request.body));
    });
  },
});

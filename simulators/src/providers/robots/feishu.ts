/** Robots of Feishu groups with a signature (open.feishu.cn/document/client-docs/bot-v3/add-custom-bot). */
import { createHmac } from 'node:crypto';
import { HOUR, MINUTE, SECOND } from '@village/core';
import { bodyObject, bodyText, type Provider } from '../provider.ts';
import { Rolling } from '../rolling.ts';
import type { World } from '../world.ts';
import { shownMarkdown } from './shown.ts';

export interface FeishuRobot {
  readonly hook: string;
  readonly secret: string | null;
  readonly group: string;
  /** Words of which each message must have one; mutable, as all that the group's page sets. */
  keywords: string[];
  deniedAddress: boolean;
}

const NAME = 'feishu';
const BODY_BYTES_MAX = 20 * 1024;

const refusal = (code: number, msg: string): Record<string, unknown> => ({ code, data: {}, msg });
const SUCCESS = { StatusCode: 0, StatusMessage: 'success', code: 0, data: {}, msg: 'success' };
const UNSIGNED = refusal(
  19021,
  'sign match fail or timestamp is not within one hour from current time',
);

function isSigned(secret: string, body: Record<string, unknown>, now: number): boolean {
  const { timestamp, sign } = body;
  if (typeof timestamp !== 'string' || !/^\d{10}$/.test(timestamp)) return false;
  if (Math.abs(Number(timestamp) * SECOND - now) > HOUR) return false;
  return createHmac('sha256', `${timestamp}\n${secret}`).digest('base64') === sign;
}

interface Card {
  readonly header?: { readonly title?: { readonly content?: unknown } };
  readonly elements?: readonly {
    readonly tag?: unknown;
    readonly text?: { readonly content?: unknown };
    readonly actions?: readonly { readonly url?: unknown }[];
  }[];
}

/** The card as a screen shows it; undefined when it is none. */
function shownCard(card: unknown): { text: string; link: string | null } | undefined {
  if (typeof card !== 'object' || card === null) return undefined;
  const { header, elements } = card as Card;
  const title = header?.title?.content;
  if (typeof title !== 'string' || !Array.isArray(elements)) return undefined;
  const texts = elements.flatMap(({ text }) =>
    typeof text?.content === 'string' ? [shownMarkdown(text.content).text] : [],
  );
  const urls = elements.flatMap(({ actions }) =>
    (actions ?? []).map(({ url }: { url?: unknown }) => url),
  );
  const link = urls.find((url) => typeof url === 'string');
  return { text: [title, ...texts].join('\n'), link: typeof link === 'string' ? link : null };
}

class Feishu {
  readonly #world: World;
  readonly #byMinute = new Rolling(100, MINUTE);
  readonly #bySecond = new Rolling(5, SECOND);

  constructor(world: World) {
    this.#world = world;
  }

  post(robot: FeishuRobot, raw: unknown): Record<string, unknown> {
    const { now } = this.#world;
    const text = bodyText(raw);
    const body = bodyObject(raw);
    if (body === undefined || Buffer.byteLength(text) > BODY_BYTES_MAX)
      return refusal(9499, 'Bad Request');
    if (robot.deniedAddress) return refusal(19022, 'Ip Not Allowed');
    if (robot.secret !== null && !isSigned(robot.secret, body, now)) return UNSIGNED;
    if (!this.#bySecond.take(robot.hook, now) || !this.#byMinute.take(robot.hook, now))
      return refusal(11232, 'frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]');
    const { keywords } = robot;
    if (keywords.length > 0 && !keywords.some((word) => text.includes(word)))
      return refusal(19024, 'Key Words Not Found');
    const card = body['msg_type'] === 'interactive' ? shownCard(body['card']) : undefined;
    if (card === undefined) return refusal(9499, 'Bad Request');
    this.#world.show(robot.group, {
      provider: NAME,
      form: 'card',
      from: '群机器人',
      ...card,
      segments: null,
      buttons: [],
    });
    return SUCCESS;
  }
}

export const feishuRobots = (robots: readonly FeishuRobot[]): Provider => ({
  name: NAME,
  register(app, world) {
    const feishu = new Feishu(world);
    app.post<{ Params: { hook: string } }>('/open-apis/bot/v2/hook/:hook', (request) => {
      const robot = robots.find(({ hook }) => hook === request.params.hook);
      return robot === undefined
        ? refusal(19001, 'param invalid: incoming webhook access token invalid')
        : feishu.post(robot, request.body);
    });
  },
});

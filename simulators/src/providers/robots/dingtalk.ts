/** Robots of DingTalk groups with a signature (open.dingtalk.com/document/robots/custom-robot-access). */
import { createHmac } from 'node:crypto';
import { HOUR, MINUTE } from '@village/core';
import { bodyObject, bodyText, type Provider } from '../provider.ts';
import { Rolling } from '../rolling.ts';
import type { World } from '../world.ts';
import { shownMarkdown } from './shown.ts';

export interface DingtalkRobot {
  readonly accessToken: string;
  /** `SEC…`; null when requests are not signed. */
  readonly secret: string | null;
  readonly group: string;
  /** Words of which each message must have one; mutable, as all that the group's page sets. */
  keywords: string[];
  /** Refuses every address. */
  deniedAddress: boolean;
}

const NAME = 'dingtalk';
const PER_MINUTE = 20;
const THROTTLED_MS = 10 * MINUTE;
const BODY_BYTES_MAX = 20_000;

const answer = (errcode: number, errmsg: string): Record<string, unknown> => ({ errcode, errmsg });

interface Query {
  readonly access_token?: string;
  readonly timestamp?: string;
  readonly sign?: string;
}

/** What is wrong with the signature; undefined when nothing is. The query is decoded already. */
function unsigned(robot: DingtalkRobot, query: Query, now: number): string | undefined {
  const { secret } = robot;
  if (secret === null) return undefined;
  const { timestamp = '', sign } = query;
  if (!/^\d{13}$/.test(timestamp) || Math.abs(Number(timestamp) - now) > HOUR)
    return 'invalid timestamp';
  const hmac = createHmac('sha256', Buffer.from(secret, 'utf8'));
  hmac.update(Buffer.from(`${timestamp}\n${secret}`, 'utf8'));
  return hmac.digest('base64') === sign ? undefined : 'sign not match';
}

class Dingtalk {
  readonly #world: World;
  readonly #rate = new Rolling(PER_MINUTE, MINUTE);
  /** Until when a robot is not heard. */
  readonly #throttled = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  post(robot: DingtalkRobot, query: Query, raw: unknown): Record<string, unknown> {
    const { now } = this.#world;
    const wrong = unsigned(robot, query, now);
    if (wrong !== undefined) return answer(310000, wrong);
    if (robot.deniedAddress) return answer(310000, 'ip 127.0.0.1 not in whitelist');
    if (this.#tooFast(robot.accessToken, now))
      return answer(130101, 'send too fast, exceed 20 times per minute');
    const text = bodyText(raw);
    if (Buffer.byteLength(text) > BODY_BYTES_MAX)
      return answer(40035, 'message too long, exceed 20000 bytes');
    const { keywords } = robot;
    if (keywords.length > 0 && !keywords.some((word) => text.includes(word)))
      return answer(310000, 'keywords not in content');
    const body = bodyObject(raw);
    const markdown = body?.['markdown'];
    if (body?.['msgtype'] !== 'markdown' || typeof markdown !== 'object' || markdown === null)
      return answer(400105, 'unsupported msgtype');
    const given = markdown as Record<string, unknown>;
    for (const name of ['title', 'text'])
      if (typeof given[name] !== 'string' || given[name] === '')
        return answer(40035, `缺少参数 ${name}`);
    this.#world.show(robot.group, {
      provider: NAME,
      form: 'chat',
      from: '群机器人',
      ...shownMarkdown(String(given['text'])),
      segments: null,
      buttons: [],
    });
    return answer(0, 'ok');
  }

  #tooFast(token: string, now: number): boolean {
    const until = this.#throttled.get(token);
    if (until !== undefined && now < until) return true;
    this.#throttled.delete(token);
    if (this.#rate.take(token, now)) return false;
    this.#throttled.set(token, now + THROTTLED_MS);
    return true;
  }
}

export const dingtalkRobots = (robots: readonly DingtalkRobot[]): Provider => ({
  name: NAME,
  register(app, world) {
    const dingtalk = new Dingtalk(world);
    app.post<{ Querystring: Query }>('/robot/send', (request) => {
      const robot = robots.find(({ accessToken }) => accessToken === request.query.access_token);
      return robot === undefined
        ? answer(300005, 'token is not exist')
        : dingtalk.post(robot, request.query, request.body);
    });
  },
});

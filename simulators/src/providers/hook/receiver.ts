/** Another program that takes signed webhooks, as `rules/src/channels/webhook/README.md` tells its maker to. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { BoundedMap, MINUTE, SECOND } from '@village/core';
import { bodyText, type Provider } from '../provider.ts';
import type { World } from '../world.ts';

export interface HookReceiver {
  /** Behind `/hooks/`. */
  readonly name: string;
  /** Secrets by the ids of keys. Mutable: keys change. */
  readonly keys: Map<string, string>;
  /** Answers all that is proved with this status. */
  status: number;
}

const NAME = 'webhook';
const SKEW_MS = 5 * MINUTE;
const KNOWN_MAX = 20_000;

/** Whether one of the signatures is by a key that is known, and not old. */
function isProved(header: unknown, body: string, keys: Map<string, string>, now: number): boolean {
  if (typeof header !== 'string') return false;
  const parts = header.split(',').map((part): [string, string] => {
    const at = part.indexOf('=');
    return [part.slice(0, at), part.slice(at + 1)];
  });
  const seconds = parts.find(([name]) => name === 't')?.[1] ?? '';
  if (!/^\d{1,12}$/.test(seconds) || Math.abs(Number(seconds) * SECOND - now) > SKEW_MS)
    return false;
  return parts.some(([id, signature]) => {
    const secret = keys.get(id);
    if (secret === undefined) return false;
    const expected = createHmac('sha256', secret).update(`${seconds}.${body}`).digest();
    const given = Buffer.from(signature, 'hex');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

export const webhookReceivers = (receivers: readonly HookReceiver[]): Provider => ({
  name: NAME,
  register(app, world: World) {
    const known = new BoundedMap<string, true>(KNOWN_MAX);
    app.post<{ Params: { name: string } }>('/hooks/:name', (request, reply) => {
      const receiver = receivers.find(({ name }) => name === request.params.name);
      if (receiver === undefined) return reply.code(404).send({ error: 'no such hook' });
      const { headers, body } = request;
      const text = bodyText(body);
      if (!isProved(headers['village-signature'], text, receiver.keys, world.now))
        return reply.code(401).send({ error: 'not signed' });
      if (receiver.status >= 300) return reply.code(receiver.status).send({ error: 'not taken' });
      const key = `${receiver.name}|${String(headers['village-key'])}`;
      if (known.get(key) === undefined) {
        known.set(key, true);
        const { title, url } = JSON.parse(text) as { title: string; url: string | null };
        world.show(receiver.name, {
          provider: NAME,
          form: 'post',
          from: '数字乡村',
          text: title,
          segments: null,
          link: url,
          buttons: [],
        });
      }
      return reply.code(receiver.status).send({ taken: true });
    });
  },
});

/** The console's own inbox: a channel that hands its messages to a function, which keeps them where pages find them. */
import { OperationalError } from '@village/core';
import { z } from 'zod';
import type { ChannelKind, Outgoing } from '../contract.ts';
import { Health } from '../health.ts';
import { checkedOptions } from '../options.ts';

/**
 * Keeps a message, once for a key however often it comes. @throws OperationalError when it can't be kept: it may be tried again when
 * that says so
 */
export type Keep = (message: Outgoing, signal: AbortSignal) => Promise<void>;

const schema = z.strictObject({});
type Options = z.infer<typeof schema>;

export const inboxKind = (keep: Keep): ChannelKind<Options> => ({
  kind: 'inbox',
  title: { zh: '平台收件箱', en: 'Inbox of the console' },
  reaches: 'account',
  secrets: [],
  limits: [],
  options: (given) => checkedOptions(schema, given),
  make(id, _options, { timer }) {
    const health = new Health(timer.now);
    return {
      id,
      async send(message, signal) {
        try {
          await keep(message, signal);
          return health.note({ kind: 'sent', id: message.key });
        } catch (error) {
          if (!(error instanceof OperationalError)) throw error;
          const { code, message: text, retry } = error;
          return health.note(
            retry ? { kind: 'retry', code, text } : { kind: 'rejected', code, text },
          );
        }
      },
      health: () => health.told(),
    };
  },
});

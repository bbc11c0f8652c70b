/** E-mail 电子邮件 through a mail server (SMTP, RFC 5321) with TLS, from one address to one person. */
import { z } from 'zod';
import type { ChannelKind } from '../contract.ts';
import { Health } from '../health.ts';
import { checkedOptions } from '../options.ts';
import { deliver, type Relay } from './deliver.ts';
import { isMailAddress, letterOf } from './letter.ts';

const PORTS = { implicit: 465, starttls: 587, none: 25 } as const;

const schema = z
  .strictObject({
    /** Name or address of the mail server. */
    host: z.string().regex(/^[A-Za-z0-9.:-]{1,253}$/, 'must be a name or an address'),
    port: z.int().min(1).max(65_535).optional(),
    /** From the first byte, from STARTTLS on (and never without), or not at all. */
    tls: z.enum(['implicit', 'starttls', 'none']).default('starttls'),
    /** Certificates to trust besides those that everybody trusts, PEM. */
    ca: z.string().startsWith('-----BEGIN CERTIFICATE-----').max(100_000).optional(),
    user: z.string().min(1).max(200).optional(),
    password: z.string().min(1).max(500).optional(),
    from: z.string().refine(isMailAddress, { message: 'must be an address of e-mail' }),
    fromName: z
      .string()
      .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{1,60}$/u, 'must be 1 to 60 characters on one line')
      .default('数字乡村'),
    /** Mail servers make who they do not know wait. */
    timeoutMs: z.int().min(100).max(120_000).default(30_000),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    message: 'goes with user, and user with it',
    path: ['password'],
  })
  .refine(({ user, tls }) => user === undefined || tls !== 'none', {
    message: 'would be readable on the way: name a tls',
    path: ['password'],
  });
type Options = z.infer<typeof schema>;

function relayOf({ host, port, tls, ca, user, password, timeoutMs }: Options): Relay {
  const login = user === undefined || password === undefined ? null : { user, password };
  return { host, port: port ?? PORTS[tls], tls, ca, login, timeoutMs };
}

export const email: ChannelKind<Options> = {
  kind: 'email',
  title: { zh: '电子邮件', en: 'E-mail' },
  reaches: 'email',
  secrets: ['password'],
  // Each mail server has its own, and tells them by refusing.
  limits: [],
  options: (given) => checkedOptions(schema, given),
  make(id, options, { timer }) {
    const health = new Health(timer.now);
    const relay = relayOf(options);
    const { from, fromName } = options;
    return {
      id,
      async send(message, signal) {
        const { to } = message;
        if (!isMailAddress(to))
          return health.note({
            kind: 'rejected',
            code: 'address',
            text: 'it is no address of e-mail',
          });
        const sender = { address: from, name: fromName };
        const { messageId, bytes } = await letterOf(message, sender, timer.now());
        return health.note(await deliver(relay, { from, to, id: messageId, bytes }, signal));
      },
      health: () => health.told(),
    };
  },
};

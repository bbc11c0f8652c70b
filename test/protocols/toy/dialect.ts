/**
 * The toy protocol's dialect, as `ingest/src/dialects/toy/` would have it: a token as user name, and no device in the
 * topic, as ThingsBoard has it.
 */
import { decode } from '@village/device-profiles';
import { type DialectFactory, dialect, MessagePath } from '@village/ingest';
import { TOY, type ToyFrame } from './profile.ts';

const TOPIC = 'toy/me/say';
const TOKENS = new Map([['token-of-pond-9', 'pond-9']]);

export const toyDialect: DialectFactory = dialect<string>(({ rows }) => ({
  name: TOY,
  filters: [TOPIC],
  route: (topic) => (topic === TOPIC ? topic : undefined),
  speaker: () => undefined,
  authenticate({ username }) {
    const id = TOKENS.get(username);
    return id === undefined ? undefined : { kind: 'device', id };
  },
  mayPublish: ({ kind }) => kind === 'device',
  maySubscribe: () => false,
  take(_route, payload, context) {
    const registered = rows.deviceFor(context.sender.id, context, new MessagePath());
    const line = payload.toString();
    const frame: ToyFrame = { protocol: TOY, line };
    rows.putDecoded(registered, decode(registered.profile, frame), context, () => line);
  },
}));

/** The switches of the fake providers, under `/__fake/`: what goes wrong, how receipts travel, and what people do with messages. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { FAULT_KINDS } from './faults.ts';
import { bodyText } from './provider.ts';
import { PHONE_STATES, type World } from './world.ts';

const fault = z.strictObject({
  provider: z.string(),
  kind: z.enum(FAULT_KINDS),
  times: z.int().min(0).max(1_000_000).default(1),
});
const manner = z.strictObject({
  delayMs: z.int().min(0).max(86_400_000).optional(),
  copies: z.int().min(1).max(10).optional(),
  hold: z.boolean().optional(),
});
const release = z.strictObject({ order: z.enum(['given', 'reversed', 'shuffled']) });
const phone = z.strictObject({
  phone: z.string().min(1).max(200),
  name: z.string().max(40).optional(),
  state: z.enum(PHONE_STATES).optional(),
});
const reaction = z.union([
  z.strictObject({ message: z.string(), reply: z.string().max(500) }),
  z.strictObject({ message: z.string(), press: z.string().max(200) }),
]);

/** The body by the schema. What is wrong with it becomes status 400. */
function read<T>(schema: z.ZodType<T>, body: unknown): T {
  let value: unknown;
  try {
    value = JSON.parse(bodyText(body));
  } catch {
    throw Object.assign(new Error('the body is no JSON'), { statusCode: 400 });
  }
  const { data, error } = schema.safeParse(value);
  if (error !== undefined)
    throw Object.assign(new Error(z.prettifyError(error)), { statusCode: 400 });
  return data as T;
}

export function registerSwitches(app: FastifyInstance, world: World): void {
  const { faults, postman } = world;
  app.get('/__fake/faults', () => faults.list());
  app.post('/__fake/faults', (request) => {
    const { provider, kind, times } = read(fault, request.body);
    faults.set(provider, kind, times);
    return faults.list();
  });
  app.get('/__fake/receipts', () => ({
    ...postman.manner,
    held: postman.held,
    counters: postman.counters,
  }));
  app.post('/__fake/receipts', (request) => {
    const { delayMs, copies, hold } = read(manner, request.body);
    if (delayMs !== undefined) postman.manner.delayMs = delayMs;
    if (copies !== undefined) postman.manner.copies = copies;
    if (hold !== undefined) postman.manner.hold = hold;
    return postman.manner;
  });
  app.post('/__fake/receipts/release', async (request) => {
    await postman.release(read(release, request.body).order);
    return { held: postman.held };
  });
  app.post('/__fake/phones', (request) => {
    const { phone: id, name, state } = read(phone, request.body);
    const known = world.phone(id);
    if (name !== undefined) known.name = name;
    if (state !== undefined) known.state = state;
    return { phone: id, name: known.name, state: known.state };
  });
  app.post('/__fake/react', (request, reply) => {
    const given = read(reaction, request.body);
    const done = world.react(
      given.message,
      'reply' in given ? { kind: 'reply', text: given.reply } : { kind: 'press', key: given.press },
    );
    return done ? { done } : reply.code(404).send({ done });
  });
}

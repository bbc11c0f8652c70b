/** Joins the broker to the pipeline: who may connect, publish and subscribe, and what happens to a message. */
import type { BrokerHooks, Session } from '@village/broker';
import { type Clock, topics } from '@village/core';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Principal, Registry } from '../registry.ts';

/** The hooks of the embedded broker. The client id must be the username: nobody can push another off. */
export function mqttHooks(
  pipeline: Pipeline,
  registry: Registry,
  clock: Clock,
): BrokerHooks<Principal> {
  return {
    authenticate: ({ clientId, username, password }) =>
      clientId === username ? (registry.verify(username, password) ?? null) : null,
    mayPublish: (session: Session<Principal>, topic) => pipeline.mayPublish(session.who, topic),
    maySubscribe: ({ who }, filter) =>
      who.kind === 'gateway' && filter === topics.gatewayCommands(who.id),
    publish: ({ session, topic, payload, dup }, done) => {
      const principal = session.who;
      pipeline.accept({ principal, topic, payload, receivedAt: clock(), dup }, done);
    },
    ready: () => pipeline.ready(),
  };
}

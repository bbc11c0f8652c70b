/** Joins the embedded broker to the pipeline: who may connect, publish and subscribe, and what happens to a message. */
import type { BrokerHooks } from '@village/broker';
import type { Clock } from '@village/core';
import type { Principal } from '@village/registry';
import type { Pipeline } from '../pipeline/pipeline.ts';

/** Judges client ids of those who have proved who they are. */
export interface ClientIdRule {
  accepts(holder: string, clientId: string): boolean;
}

/** The hooks of the embedded broker. Any client id will do where there is no rule. */
export function mqttHooks(
  pipeline: Pipeline,
  clock: Clock,
  clientIds: ClientIdRule | null = null,
): BrokerHooks<Principal> {
  return {
    authenticate: (login) => pipeline.authenticate(login) ?? null,
    acceptsClientId: ({ who }, clientId) => {
      if (clientIds === null || clientIds.accepts(who.id, clientId)) return true;
      pipeline.ignored(who, clientId, 'client-id-bound');
      return false;
    },
    mayPublish: ({ who }, topic) => pipeline.mayPublish(who, topic),
    maySubscribe: ({ who }, filter) => pipeline.maySubscribe(who, filter),
    publish: ({ session, topic, payload, dup, retain }, done) => {
      // Clears what a broker keeps of the topic (MQTT 3.1.1 §3.3.1.3); nothing is kept here.
      if (retain && payload.length === 0) return done();
      const principal = session.who;
      pipeline.accept({ principal, topic, payload, receivedAt: clock(), dup }, done);
    },
    ignored: ({ who }, topic, cause) => pipeline.ignored(who, topic, cause),
    ready: () => pipeline.ready(),
    connected: ({ who }) => pipeline.session('connect', who, clock()),
    disconnected: ({ who }) => pipeline.session('disconnect', who, clock()),
  };
}

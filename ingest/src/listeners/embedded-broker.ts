/** Joins the embedded broker to the pipeline: who may connect, publish and subscribe, and what happens to a message. */
import type { BrokerHooks } from '@village/broker';
import type { Clock } from '@village/core';
import type { Principal } from '@village/registry';
import type { Pipeline } from '../pipeline/pipeline.ts';

/** The hooks of the embedded broker. */
export function mqttHooks(pipeline: Pipeline, clock: Clock): BrokerHooks<Principal> {
  return {
    authenticate: (login) => pipeline.authenticate(login) ?? null,
    mayPublish: ({ who }, topic) => pipeline.mayPublish(who, topic),
    maySubscribe: ({ who }, filter) => pipeline.maySubscribe(who, filter),
    publish: ({ session, topic, payload, dup }, done) => {
      const principal = session.who;
      pipeline.accept({ principal, topic, payload, receivedAt: clock(), dup }, done);
    },
    ready: () => pipeline.ready(),
    connected: ({ who }) => pipeline.session('connect', who, clock()),
    disconnected: ({ who }) => pipeline.session('disconnect', who, clock()),
  };
}

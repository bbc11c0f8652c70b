/** The way of a reading into the store. */

export type { Principal, Registry } from '@village/registry';
export type {
  Dialect,
  DialectFactory,
  DialectServices,
  Login,
  Reject,
  RejectedPart,
} from './dialects/dialect.ts';
export { dialect } from './dialects/dialect.ts';
export { builtinDialects } from './dialects/index.ts';
export { mqttHooks } from './listeners/embedded-broker.ts';
export type { PipelineCounters } from './pipeline/counters.ts';
export { ENTRIES_PER_MINUTE } from './pipeline/dead-letters.ts';
export type { GatewayState } from './pipeline/gateway-states.ts';
export type { HttpSource } from './pipeline/message-context.ts';
export type { NotTakenPart, NotTakenTopic } from './pipeline/not-taken.ts';
export {
  type Incoming,
  Pipeline,
  type PipelineOptions,
  type PipelineStore,
  type RowFault,
} from './pipeline/pipeline.ts';
export { rejectParts } from './pipeline/refused-parts.ts';
export type { Rerun } from './pipeline/run-again.ts';
export { MessagePath, refuse } from './pipeline/shape.ts';

/** The way of a reading into the store. */
export type { PipelineCounters } from './counters.ts';
export { AHEAD_MAX_MS, NEWS_MS, OLDEST } from './event-time.ts';
export type { GatewayState } from './gateways.ts';
export type { HttpSource } from './journey.ts';
export { mqttHooks } from './mqtt.ts';
export {
  type Incoming,
  Pipeline,
  type PipelineOptions,
  type PipelineStore,
  type Rerun,
  type RowFault,
} from './pipeline.ts';
export { ENTRIES_PER_MINUTE } from './quarantine.ts';
export type { Principal, Registry } from './registry.ts';

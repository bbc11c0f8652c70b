/** A guarded MQTT 3.1.1 listener: what ingest and gateway both listen with. */
export { Admission, type AdmissionLimits } from './admission.ts';
export { type BrokerOptions, createBroker } from './broker.ts';
export type * from './contract.ts';
export { DEFAULT_LIMITS } from './limits.ts';
export { type Log, SparingLog } from './sparing-log.ts';

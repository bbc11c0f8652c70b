/** Plays any profile on its real wire; a seeded county; replay of measured data. */
export { CountyModel, countyValue } from './county/county-model.ts';
export type { CountyPlan, PlannedDevice, WireAddress } from './county/county-plan.ts';
export { countyAreas, demoSecret, type PlanOptions, planCounty } from './county/plan.ts';
export { areasCsv, devicesCsv, gatewayYaml, readPlan, writePlan } from './county/plan-files.ts';
export { planDevice, type SingleOptions } from './county/single.ts';
export { type Play, type PlayCounters, type PlayOptions, playCounty } from './play/play.ts';
export { type Relay, startRelay } from './play/relay.ts';
export {
  loadScenario,
  MILD_SCENARIO,
  parseScenario,
  type ScenarioStep,
  Script,
} from './play/scenario.ts';
export { type Mapping, parseMapping } from './replay/mapping.ts';
export { type ReplayOptions, replayDevices, replayFiles } from './replay/replay.ts';
export type { ColumnReport, ReplayReport } from './replay/report.ts';
export { Uplink, type UplinkOptions } from './uplink/uplink.ts';
export { builtinWires } from './wires/index.ts';
export { type SlavePort, type Slaves, type SlaveUnit, serveSlaves } from './wires/modbus/slave.ts';
export type { Wire } from './wires/wire.ts';

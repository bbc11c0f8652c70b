/** Plays any profile on its real wire; a seeded county; replay of measured data. */
export { CountyModel, countyValue } from './county/county-model.ts';
export {
  type CountyPlan,
  countyAreas,
  demoSecret,
  type PlannedDevice,
  type PlanOptions,
  planCounty,
} from './county/plan.ts';
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
export {
  type ColumnReport,
  type ReplayOptions,
  type ReplayReport,
  replayDevices,
  replayFiles,
} from './replay/replay.ts';
export { type SlavePort, type Slaves, type SlaveUnit, serveSlaves } from './wires/modbus/slave.ts';
export { Uplink, type UplinkOptions } from './wires/mqtt/uplink.ts';

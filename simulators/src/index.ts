/** Plays any profile on its real wire; a seeded county; replay of measured data. */
export { CountyModel, countyValue } from './county.ts';
export {
  type CountyPlan,
  countyAreas,
  demoSecret,
  type PlannedDevice,
  type PlanOptions,
  planCounty,
} from './plan.ts';
export { areasCsv, devicesCsv, gatewayYaml, readPlan, writePlan } from './plan-files.ts';
export { type Play, type PlayCounters, type PlayOptions, playCounty } from './play.ts';
export { type Relay, startRelay } from './relay.ts';
export {
  type ColumnReport,
  type ReplayOptions,
  type ReplayReport,
  replayDevices,
  replayFiles,
} from './replay.ts';
export { type Mapping, parseMapping } from './replay-map.ts';
export {
  loadScenario,
  MILD_SCENARIO,
  parseScenario,
  type ScenarioStep,
  Script,
} from './scenario.ts';
export { planDevice, type SingleOptions } from './single.ts';
export { type SlavePort, type Slaves, type SlaveUnit, serveSlaves } from './slave.ts';
export { Uplink, type UplinkOptions } from './uplink.ts';

/** The edge process as a library: for its own main file, for tests and for simulations that run it in-process. */
export { bindDevices, faultText } from './config/bind.ts';
export { readConfig } from './config/config.ts';
export type { BoundDevice, ConfigFault, DeviceConfig, GatewayConfig } from './config/types.ts';
export type { Driver, DriverDeps, Faults, RunningDriver } from './drivers/driver.ts';
export { builtinDrivers } from './drivers/index.ts';
export type { Intake } from './intake/intake.ts';
export {
  type Gateway,
  type GatewayCounters,
  type GatewayDeps,
  prepare,
  startGateway,
} from './run/gateway.ts';
export { type Log, silentLog } from './run/log.ts';

/** The edge process as a library: for its own main file, for tests and for simulations that run it in-process. */
export {
  bindDevices,
  type ConfigFault,
  type DeviceConfig,
  faultText,
  type GatewayConfig,
  readConfig,
} from './config/config.ts';
export {
  type Gateway,
  type GatewayCounters,
  type GatewayDeps,
  prepare,
  startGateway,
} from './run/gateway.ts';
export { type Log, silentLog } from './run/log.ts';

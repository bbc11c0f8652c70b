/** The drivers of this gateway. */
import type { Driver } from './driver.ts';
import { modbusDriver } from './modbus/index.ts';
import { mqttDriver } from './mqtt/index.ts';

export const builtinDrivers: readonly Driver[] = [modbusDriver, mqttDriver];

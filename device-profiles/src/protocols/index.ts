/** The protocols that profiles may speak. */
import { modbusProtocol } from './modbus/index.ts';
import { mqttProtocol } from './mqtt/index.ts';
import type { Protocol } from './protocol.ts';

export const builtinProtocols: readonly Protocol[] = [modbusProtocol, mqttProtocol];

/** Modbus: slaves behind serial-device servers, which wait to be polled. */
import { MODBUS } from '@village/device-profiles/modbus';
import { z } from 'zod';
import { options, text, whole } from '../../cli/flags.ts';
import type { WireAddress } from '../../county/county-plan.ts';
import type { Wire } from '../wire.ts';
import { type SlavePort, serveSlaves } from './slave.ts';

export interface ModbusWireAddress extends WireAddress {
  readonly kind: typeof MODBUS;
  readonly host: string;
  readonly port: number;
  readonly unit: number;
}

/** As many as one RS-485 line drives (TIA-485: 32 unit loads). A silent unit delays those on its line only. */
const UNITS_PER_PORT = 32;

const shape = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.number().int().min(1).max(65_535).default(15_020),
});

export function isModbusAddress(address: WireAddress): address is ModbusWireAddress {
  return address.kind === MODBUS;
}

export const modbusWire: Wire = {
  protocol: MODBUS,
  polled: true,
  site: {
    shape,
    fromFlags: (flags) => ({ port: whole(flags, 'modbus-port', 1, 65_000, 15_020) }),
  },
  flags: ['modbus-port', 'port', 'unit', 'host'],
  command: {
    name: 'slave',
    usage: `  slave --profile VENDOR/MODEL --port PORT [--unit 1] [--host 127.0.0.1] [--id slave] [--options JSON]
      one Modbus device of any type`,
    single(flags) {
      const wire: ModbusWireAddress = {
        kind: MODBUS,
        host: text(flags, 'host', '127.0.0.1'),
        port: whole(flags, 'port', 1, 65_535),
        unit: whole(flags, 'unit', 0, 255, 1),
      };
      return {
        profile: text(flags, 'profile'),
        id: text(flags, 'id', 'slave'),
        seed: whole(flags, 'seed', 0, 2 ** 31, 1),
        options: options(flags),
        wire,
      };
    },
  },
  addresses(site) {
    const { host, port } = site as z.infer<typeof shape>;
    let index = 0;
    return (): ModbusWireAddress => {
      const nth = index++;
      const at = port + Math.floor(nth / UNITS_PER_PORT);
      return { kind: MODBUS, host, port: at, unit: 1 + (nth % UNITS_PER_PORT) };
    };
  },
  connection(address) {
    if (!isModbusAddress(address)) throw new Error(`BUG: ${address.kind} is not Modbus`);
    const { host, port, unit } = address;
    return { host, port, unit, timeout: '1s' };
  },
  async play(devices, { model, timer }) {
    const ports = new Map<
      string,
      { host: string; port: number; units: SlavePort['units'][number][] }
    >();
    for (const device of devices) {
      if (!isModbusAddress(device.wire)) continue;
      const { host, port, unit } = device.wire;
      const key = `${host}:${port}`;
      const open = ports.get(key) ?? { host, port, units: [] };
      ports.set(key, open);
      open.units.push({
        unit,
        profile: model.profile(device),
        options: device.options,
        values: () => {
          const now = timer.now();
          const effects = model.effects(device, now);
          return effects?.dropout || effects?.restarting ? null : model.values(device, now);
        },
      });
    }
    const slaves = await serveSlaves([...ports.values()]);
    return {
      counters: () => ({ ...slaves.counters }),
      faults: () => [],
      close: () => slaves.close(),
    };
  },
};

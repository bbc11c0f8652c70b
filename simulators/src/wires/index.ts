/** The wires that devices can be played on. */
import { modbusWire } from './modbus/index.ts';
import { mqttWire } from './mqtt/index.ts';
import type { Wire } from './wire.ts';

export const builtinWires: readonly Wire[] = [modbusWire, mqttWire];

/** What each wire is to know of the county: as given, with the wire's own defaults. */
export function sitesOf(
  wires: readonly Wire[],
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    wires.flatMap(({ protocol, site }) =>
      site === undefined ? [] : [[protocol, site.shape.parse(given[protocol] ?? {})]],
    ),
  );
}

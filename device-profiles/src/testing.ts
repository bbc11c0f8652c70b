/** What tests of profiles share: the built-in catalogue, and values that each metric can take. */
import { conversion, quantity } from '@village/core';
import fc from 'fast-check';
import { builtinCatalog, loadCatalog } from './catalog.ts';
import { rulesOf } from './compile.ts';
import { settle } from './options.ts';
import { registersOf } from './protocols/modbus/schema.ts';
import { fieldOf, tlvOf } from './protocols/mqtt/schema.ts';
import { parseProfile } from './schema/parse.ts';
import type { DeviceProfile } from './types.ts';

export const catalog = loadCatalog([builtinCatalog]);

/** The profile of that id; the test fails when it is not in the catalogue. */
export function profileOf(id: string): DeviceProfile {
  const profile = catalog.profiles.get(id);
  if (profile === undefined) throw new Error(`no profile ${id}`);
  return profile;
}

/** Parses text that must be sound. */
export function sound(text: string): DeviceProfile {
  const { profile, faults } = parseProfile(text, 'test.yaml');
  if (profile === undefined) throw new Error(JSON.stringify(faults, null, 1));
  return profile;
}

/** How far a value may come back from the wire: half a step of whole raw types, float32 elsewhere. */
export function resolutionOf(profile: DeviceProfile, key: string, value: number): number {
  const { file } = rulesOf(profile);
  const metric = file.metrics.find((one) => one.key === key);
  if (metric === undefined) throw new Error(`no metric ${key}`);
  const [register] = registersOf(metric);
  const field = fieldOf(metric);
  const record = tlvOf(file)
    ?.records.flatMap((one) => one.fields ?? [])
    .find((one) => one.field === field);
  const type = register?.type ?? record?.type ?? 'float32';
  const float = Math.abs(value) * 2 ** -22 + 1e-7;
  if (type.startsWith('float') || registersOf(metric).length > 1) return float;
  const unit =
    settle<string>(metric.unit, profile.options) ?? quantity(metric.quantity)?.unit ?? '';
  const scale = settle<number>(metric.scale, profile.options) ?? record?.scale ?? 1;
  const factor = conversion(metric.quantity, unit)?.[0] ?? 1;
  return (scale * factor) / 2 + float;
}

/** Plausible values of every metric of a profile. */
export function valuesArbitrary(profile: DeviceProfile): fc.Arbitrary<Record<string, number>> {
  return fc.record(
    Object.fromEntries(
      profile.metrics.map((metric) => {
        const [min, max] = metric.range;
        const state = quantity(metric.quantity)?.state === true;
        if (metric.states !== undefined)
          return [metric.key, fc.constantFrom(...Object.values(metric.states))];
        return [
          metric.key,
          state ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true }),
        ];
      }),
    ),
  );
}

/** The type of device that the gateway is measured with: 60 registers in three blocks that one request can read. */
import { type DeviceProfile, parseProfile } from '@village/device-profiles';

export const REGISTERS = 60;
const BLOCKS = ['a', 'b', 'c'];
const PER_BLOCK = REGISTERS / BLOCKS.length;
/** From the start of one block to that of the next: a gap of two registers nobody wants. */
const STRIDE = PER_BLOCK + 2;

/** Addresses of the registers, as a client without a plan asks for them. */
export const addresses = BLOCKS.flatMap((_, block) =>
  Array.from({ length: PER_BLOCK }, (_unused, i) => block * STRIDE + i),
);
/** The blocks as written in the profile, and the one request that reads them all. */
export const blocks = BLOCKS.map((_, block) => ({ address: block * STRIDE, count: PER_BLOCK }));
export const whole = { address: 0, count: (BLOCKS.length - 1) * STRIDE + PER_BLOCK };

const keys = BLOCKS.flatMap((block) =>
  Array.from({ length: PER_BLOCK }, (_, i) => ({ key: `${block}${i}`, block, at: i })),
);
export const firstKey = 'a0';

/** Register values of the n-th poll of a slave: all of them change, so that the deadband holds nothing back. */
export function valuesOf(poll: number): Record<string, number> {
  return Object.fromEntries(keys.map(({ key }, i) => [key, (poll + 7 * i) & 0xffff]));
}

export const PROFILE_ID = 'bench/sixty';

/** Its file for a catalogue. */
export function profileText(): string {
  const zeros = Array.from({ length: PER_BLOCK }, () => '0000').join(' ');
  return `profile: ${PROFILE_ID}
revision: 1
name: { zh: 六十寄存器, en: Sixty registers }
kind: water-quality
protocol: modbus
modbus:
  every: 1s
  reportEvery: 60s
  blocks:
${blocks.map(({ address, count }, i) => `    ${BLOCKS[i]}: { table: holding, address: ${address}, count: ${count} }`).join('\n')}
metrics:
${keys
  .map(
    ({ key, block, at }) =>
      `  - { key: ${key}, quantity: water.volume-total, name: { zh: 量${key}, en: Value ${key} }, from: { block: ${block}, at: ${at}, type: uint16 }, range: [0, 65535] }`,
  )
  .join('\n')}
examples:
  - name: all zero
    frame: { ${BLOCKS.map((block) => `${block}: "${zeros}"`).join(', ')} }
    readings: { ${keys.map(({ key }) => `${key}: 0`).join(', ')} }
  - name: a cut answer
    frame: { ${BLOCKS.map((block, i) => `${block}: "${i === 0 ? '0000' : zeros}"`).join(', ')} }
    error: frame-too-short
`;
}

/** The profile, ready to encode. */
export function profile(): DeviceProfile {
  const { profile: parsed, faults } = parseProfile(profileText(), 'sixty.yaml');
  if (parsed === undefined || faults.length > 0) throw new Error(JSON.stringify(faults, null, 1));
  return parsed;
}

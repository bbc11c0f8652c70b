/**
 * Starts a new type of device: `node tools/node24.mjs tools/new-profile.ts vendor/model [--protocol mqtt|modbus] [--folder <catalogue>]`
 * writes a commented profile file to fill in. Every FILL_IN in it is a fault until it is replaced.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { builtinCatalog, parseProfile } from '@village/device-profiles';
import { schemaFile } from './profile-schema.ts';

const head = (id: string, schema: string, protocol: string): string =>
  `# yaml-language-server: $schema=${schema}
# FILL_IN: where this knowledge comes from (manual and page).
profile: ${id} # must equal the path of this file below the catalogue
revision: 1 # bump it when the meaning of a metric changes
name: { zh: FILL_IN, en: FILL_IN }
kind: FILL_IN # weather-station air-station sewage-monitor water-quality flow-meter power-meter smart-bin camera
protocol: ${protocol}
`;

const modbus = `
modbus:
  every: 60s # how often a gateway polls
  wordOrder: ABCD # ABCD CDAB BADC DCBA; A is the most significant byte
  blocks:
    # 0-based addresses as on the wire: "40501" and "501" are address 500.
    values: { table: holding, address: 0, count: 2 } # coil discrete holding input

# range is what can be true, not what is allowed; unit only when the device's own unit differs from ours.
metrics:
  - { key: temperature, quantity: water.temperature, from: { block: values, at: 0, type: int16 }, scale: 0.1, range: [-5, 60] }
  - { key: level, quantity: water.level, from: { block: values, at: 1, type: uint16 }, unit: mm, range: [0, 10] }

# At least one frame with all its readings, and one that must be refused. Take bytes from the device or its manual.
examples:
  - name: an ordinary frame
    frame: { values: "FILL_IN" } # words in hex, such as "00B7 06E5"; bits as "110"
    readings: { temperature: 18.3, level: 1.765 }
  - name: answer cut short
    frame: { values: "00B7" }
    error: frame-too-short
`;

const mqtt = `
mqtt:
  topic: FILL_IN/{device}/up # {device} is the device's own name; + and a last # are allowed
  payload: json # json, tlv (binary in a network server's JSON), native (our own reading object)
  time: { path: /ts, format: unix-s } # unix-s unix-ms rfc3339 local; without it the time of arrival counts
  every: 1h # how often a healthy device sends

# range is what can be true, not what is allowed; unit only when the device's own unit differs from ours.
metrics:
  - { key: fill, quantity: bin.fill-level, from: { path: /fill }, range: [0, 100] }
  - { key: battery, quantity: power.voltage, from: { path: /mv }, unit: mV, range: [2, 4.5], optional: true }

# At least one frame with all its readings, and one that must be refused. Take payloads from the device or its manual.
examples:
  - name: an ordinary message
    frame: { payload: 'FILL_IN' } # such as '{"ts":1767225600,"fill":52,"mv":3620}'
    at: 2026-01-01T00:00:00Z
    readings: { fill: 52, battery: 3.62 }
  - name: not JSON
    frame: { payload: BOOT }
    error: payload-not-json
`;

/** The text of a new profile file; `schema` is the path from it to the JSON Schema. */
export function profileTemplate(
  id: string,
  protocol: 'modbus' | 'mqtt',
  schema = '../../profile.schema.json',
): string {
  return head(id, schema, protocol) + (protocol === 'modbus' ? modbus : mqtt);
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      protocol: { type: 'string', default: 'modbus' },
      folder: { type: 'string', default: builtinCatalog },
    },
  });
  const [id, ...more] = positionals;
  const { protocol, folder } = values;
  const known = protocol === 'modbus' || protocol === 'mqtt';
  if (id === undefined || more.length > 0 || !known || !/^[a-z0-9-]+\/[a-z0-9-]+$/.test(id)) {
    console.error(
      'usage: node tools/node24.mjs tools/new-profile.ts vendor/model [--protocol mqtt|modbus] [--folder <catalogue>]',
    );
    process.exitCode = 2;
    return;
  }
  const file = join(folder, `${id}.yaml`);
  if (existsSync(file)) {
    console.error(`${file} is there already`);
    process.exitCode = 1;
    return;
  }
  const text = profileTemplate(id, protocol, relative(dirname(file), schemaFile));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { flag: 'wx' });
  console.log(`wrote ${file}; what it still lacks:`);
  for (const { line, column, path, message } of parseProfile(text, file).faults)
    console.log(`  ${line ?? 1}:${column ?? 1} ${path} ${message}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

/**
 * Starts a new type of device: `node tools/node24.mjs tools/new-profile.ts vendor/model [--protocol NAME] [--folder <catalogue>]`
 * writes a commented profile file to fill in. Every FILL_IN in it is a fault until it is replaced.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { builtinCatalog, builtinProtocols, parseProfile } from '@village/device-profiles';
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

const known = (protocol: string) => builtinProtocols.find(({ name }) => name === protocol);

/** The text of a new profile file; `schema` is the path from it to the JSON Schema. */
export function profileTemplate(
  id: string,
  protocol: string,
  schema = '../../profile.schema.json',
): string {
  return head(id, schema, protocol) + (known(protocol)?.template ?? '');
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      protocol: { type: 'string', default: builtinProtocols[0]?.name ?? '' },
      folder: { type: 'string', default: builtinCatalog },
    },
  });
  const [id, ...more] = positionals;
  const { protocol, folder } = values;
  if (
    id === undefined ||
    more.length > 0 ||
    known(protocol) === undefined ||
    !/^[a-z0-9-]+\/[a-z0-9-]+$/.test(id)
  ) {
    console.error(
      `usage: node tools/node24.mjs tools/new-profile.ts vendor/model [--protocol ${builtinProtocols.map(({ name }) => name).join('|')}] [--folder <catalogue>]`,
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

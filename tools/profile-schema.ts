/** Writes the JSON Schema that editors complete and check profile files with, from its one definition in zod. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { builtinProtocols, jsonSchemaOf } from '@village/device-profiles';

/** Where the schema stands; the profiles name it in their first line. */
export const schemaFile: string = fileURLToPath(
  new URL('../device-profiles/profile.schema.json', import.meta.url),
);

/** The text that the file must have. */
export function schemaText(): string {
  return `${JSON.stringify(jsonSchemaOf(builtinProtocols), null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(schemaFile, schemaText());
  console.log(`wrote ${schemaFile} (${readFileSync(schemaFile).length} bytes)`);
}

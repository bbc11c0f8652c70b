/** Writes the JSON Schema that editors complete and check files of rules with, from its one definition in zod. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rulesJsonSchema } from '@village/rules';

/** Where the schema stands; files of rules name it in their first line. */
export const rulesSchemaFile: string = fileURLToPath(
  new URL('../rules/rules.schema.json', import.meta.url),
);

/** The text that the file must have. */
export function rulesSchemaText(): string {
  return `${JSON.stringify(rulesJsonSchema(), null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(rulesSchemaFile, rulesSchemaText());
  console.log(`wrote ${rulesSchemaFile} (${readFileSync(rulesSchemaFile).length} bytes)`);
}

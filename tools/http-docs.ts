/**
 * Writes what api/ says into docs/http-api.md: the tables of calls and the shapes, between the marks that the file has for
 * them. What stands around them is written by hand.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Endpoint, endpoints, resources, shapes } from '@village/api';

/** The document. */
export const docsFile: string = fileURLToPath(new URL('../docs/http-api.md', import.meta.url));

const WIDTH = 118;

/** JSON Schema as far as the interface uses it. */
interface Plain {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Plain[];
  readonly items?: Plain;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Plain>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Plain>>;
}

const SHARED = ['Label', 'AreaRef', 'Counts', 'Imported', 'SequenceStates', 'Problem'] as const;

/** Schemas that have a name of their own, in the order of the document. */
const named = new Map<unknown, string>();
for (const name of SHARED) named.set(shapes[name], name);
for (const resource of Object.values(resources))
  for (const [name, value] of Object.entries(resource).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (/^[A-Z][a-z]/.test(name) && typeof value === 'object') named.set(value, name);

/** Closed lists of words with a name; told apart by the words, since a schema that may be absent is a copy. */
const WORDS: ReadonlyMap<string, string> = new Map(
  (
    [
      ['Role', shapes.RoleWord],
      ['DeviceState', shapes.StateWord],
      ['AreaLevel', shapes.LevelWord],
      ['Quality', shapes.QualityWord],
    ] as const
  ).map(([name, schema]) => [wordsOf(schema as Plain), name]),
);

function wordsOf(schema: Plain): string {
  return (schema.enum ?? []).map((word) => `'${word}'`).join(' | ');
}

/** The members of an object, each as it stands in a type. */
const membersOf = ({ properties = {}, required = [] }: Plain): string[] =>
  Object.entries(properties).map(
    ([key, one]) => `${key}${required.includes(key) ? '' : '?'}: ${typeOf(one)}`,
  );

function listOf(schema: Plain, items: Plain): string {
  const item = typeOf(items);
  if (schema.minItems === 2 && schema.maxItems === 2) return `[${item}, ${item}]`;
  return item.includes('|') ? `(${item})[]` : `${item}[]`;
}

/** A schema as a type; a schema with a name is its name. */
function typeOf(schema: Plain): string {
  return named.get(schema) ?? spelt(schema);
}

function spelt(schema: Plain): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.enum !== undefined) return WORDS.get(wordsOf(schema)) ?? wordsOf(schema);
  if (schema.format === 'date-time') return 'Time';
  if (schema.items !== undefined) return listOf(schema, schema.items);
  if (schema.properties !== undefined) return `{ ${membersOf(schema).join(', ')} }`;
  const [value] = Object.values(schema.patternProperties ?? {});
  if (value !== undefined) return `Record<string, ${typeOf(value)}>`;
  return schema.type === 'integer' ? 'number' : (schema.type ?? 'unknown');
}

/** A named shape as a declaration, its members in lines of at most `WIDTH`. */
function declaration(name: string, schema: Plain): string {
  if (schema.properties === undefined) return `type ${name} = ${spelt(schema)};`;
  const members = membersOf(schema).map((member) => `${member};`);
  const short = `interface ${name} { ${members.join(' ').slice(0, -1)} }`;
  if (short.length <= WIDTH) return short;
  const lines: string[] = [];
  for (const member of members) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + member.length < WIDTH)
      lines[lines.length - 1] = `${last} ${member}`;
    else lines.push(`  ${member}`);
  }
  return `interface ${name} {\n${lines.join('\n')}\n}`;
}

const code = (text: string): string => `\`${text}\``;

/** The call as people write it; `limit` and `cursor` are said once for all lists. */
function callOf({ method, path, query, body, consumes }: Endpoint): string {
  const names = Object.keys(query?.properties ?? {}).filter(
    (name) => name !== 'limit' && name !== 'cursor',
  );
  const call = code(`${method} ${path}${names.length === 0 ? '' : `?${names.join('&')}`}`);
  if (body === undefined) return call;
  return `${call} ${code(consumes?.[0] ?? typeOf(body as Plain))}`;
}

function needOf({ right, at }: Endpoint): string {
  if (right === 'public') return '–';
  if (right === 'signed-in') return 'a session';
  return `${code(right)}${at === 'top' ? ', county' : ''}`;
}

/** A page is told by its items. */
function answerOf(schema: Plain, produces: readonly string[] | undefined): string {
  if (produces !== undefined) return produces.map(code).join(' or ');
  const { items, next, ...more } = schema.properties ?? {};
  if (items?.items !== undefined && next !== undefined && Object.keys(more).length === 0)
    return `items ${code(typeOf(items.items))}`;
  return code(typeOf(schema));
}

function answersOf({ answers, produces, stream }: Endpoint): string {
  const told = Object.entries(answers)
    .filter(([, schema]) => schema !== shapes.Problem)
    .map(([status, schema]) => {
      if (schema === shapes.Nothing) return status;
      const answer = answerOf(schema as Plain, produces);
      return status === '200' ? answer : `${status} ${answer}`;
    });
  const events = Object.entries(stream ?? {}).map(
    ([name, schema]) => `${code(name)} ${code(typeOf(schema as Plain))}`,
  );
  return told.join(', ') + (events.length === 0 ? '' : `: ${events.join(', ')}`);
}

function row(one: Endpoint): string {
  const notes = one.notes === undefined ? '' : `. ${one.notes}`;
  const cells = [callOf(one), needOf(one), answersOf(one), `${one.summary}${notes}`];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const table = (of: readonly Endpoint[]): string =>
  ['| call | needs | answer | |', '|---|---|---|---|', ...of.map(row)].join('\n');

/** What stands between the marks of each name. */
export function generated(): Readonly<Record<string, string>> {
  return {
    calls: table(endpoints.filter((one) => one.outside !== true)),
    outside: table(endpoints.filter((one) => one.outside === true)),
    shapes: [
      '```ts',
      'type Time = string; // RFC 3339, in UTC',
      ...[...WORDS].map(([words, name]) => `type ${name} = ${words};`),
      ...[...named].map(([schema, name]) => declaration(name, schema as Plain)),
      '```',
    ].join('\n'),
  };
}

/** The document with everything between the marks made anew. */
export function docsText(before: string): string {
  let text = before;
  for (const [name, content] of Object.entries(generated())) {
    const [begin, end] = [`<!-- ${name}: written by tools/http-docs.ts -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`BUG: ${docsFile} has no marks of ${name}`);
    text = `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(docsFile, docsText(readFileSync(docsFile, 'utf8')));
  console.log(`wrote ${docsFile}`);
}

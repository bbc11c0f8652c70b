/** YAML that people write: read so that whatever is wrong in it is told with line and column. */
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import type { z } from 'zod';
import type { Path } from '../check/note.ts';

type Issue = z.core.$ZodIssue;

/** Where something stands in a text; 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A fault of YAML itself. */
export interface YamlFault {
  /** Absent when the whole text is at fault. */
  readonly place?: Place;
  readonly message: string;
  /** Its code; `alias` for an alias that names nothing, or would fill the memory. */
  readonly code: string;
}

export interface PlacedYaml {
  /** What the text says; undefined where a fault leaves nothing to be read. */
  readonly data: unknown;
  readonly faults: readonly YamlFault[];
  /**
   * Where what stands at a path is, or the nearest above it; of an unknown key the key. With `character`, where that one of
   * the value's own text is, if it stands there as it is.
   */
  at(path: Path, character?: number): Place;
  /** Where a character of the text is. */
  placeOf(offset: number): Place;
}

/** Pairs by key, of maps that were looked into: of many keys each may have a fault. */
const pairs = new WeakMap<YAMLMap, Map<string, Pair>>();

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  let known = pairs.get(map);
  if (known === undefined) {
    known = new Map();
    // Of a key that stands twice, the first.
    for (const pair of map.items.toReversed())
      if (isScalar(pair.key)) known.set(String(pair.key.value), pair);
    pairs.set(map, known);
  }
  return known.get(key);
}

/** The node at a path, or the nearest one above it; the key for an unknown key. */
function nodeAt(root: Node | null, path: Path): Node | null {
  let node: Node | null = root;
  for (const [depth, key] of path.entries()) {
    if (isSeq(node)) {
      const item = node.items[Number(key)];
      if (item === undefined) return node;
      node = item as Node;
    } else if (isMap(node)) {
      const pair = pairOf(node, String(key));
      if (pair === undefined) return node;
      if (depth === path.length - 1 && !isScalar(pair.value)) return pair.key as Node;
      node = (pair.value ?? pair.key) as Node;
    } else return node;
  }
  return node;
}

/** Where in the file a value's own text begins; undefined where it is written otherwise, such as over several lines. */
function ownText(node: Node | null, text: string): number | undefined {
  if (!isScalar(node) || typeof node.value !== 'string') return undefined;
  const quoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE;
  const begin = (node.range?.[0] ?? 0) + (quoted ? 1 : 0);
  return text.startsWith(node.value, begin) ? begin : undefined;
}

/** Where keys stand that their map has already. The library's own way compares each with each: of many keys in one map it is never done. */
function repeatedKeys(document: Document.Parsed): number[] {
  const found: number[] = [];
  visit(document, {
    Map(_, { items }) {
      const keys = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (keys.has(name)) found.push(key.range?.[0] ?? 0);
        keys.add(name);
      }
    },
  });
  return found;
}

/** Reads a text. Keys that stand there twice are a fault, and the rest is read all the same. */
export function readYaml(text: string): PlacedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const at = (path: Path, character?: number): Place => {
    const node = nodeAt(document.contents as Node | null, path);
    const own = character === undefined ? undefined : ownText(node, text);
    return placeOf(own === undefined ? (node?.range?.[0] ?? 0) : own + (character ?? 0));
  };
  const faults: YamlFault[] = document.errors.map((error) => ({
    place: placeOf(error.pos[0]),
    message: error.message,
    code: error.code,
  }));
  const read = (data: unknown): PlacedYaml => ({ data, faults, at, placeOf });
  if (faults.length > 0) return read(undefined);
  try {
    for (const offset of repeatedKeys(document))
      faults.push({
        place: placeOf(offset),
        message: 'Map keys must be unique',
        code: 'DUPLICATE_KEY',
      });
    return read(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    // The library throws for aliases without anchor, for those that would fill the memory, and for what is nested too deep.
    const { message } = error as Error;
    const alias = /: (\S+)$/.exec(message)?.[1];
    const offset = alias === undefined ? -1 : text.indexOf(`*${alias}`);
    faults.push({ ...(offset === -1 ? {} : { place: placeOf(offset) }), message, code: 'alias' });
    return read(undefined);
  }
}

/** What a schema found wrong, at its path. */
export interface SchemaFault {
  readonly path: Path;
  readonly message: string;
  /** What the schema itself says, for messages in other words; absent of what a check found. */
  readonly issue?: Issue;
  /** The key itself is at fault: without it the rest can be checked. */
  readonly unknown?: true;
}

/** How little a branch was meant of which the value itself is at fault, by the code of the issue. */
const AT_ROOT: Readonly<Record<string, number>> = { invalid_type: 100, invalid_value: 10 };

/** Of a union's branches, the one whose faults are fewest is what the author meant. */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const weight = (issues: readonly Issue[]): number =>
    issues.reduce(
      (sum, issue) => sum + (issue.code === 'unrecognized_keys' ? 2 * issue.keys.length : 1),
      // A branch of another kind altogether (a number where an object stands) is the worst guess, another value the next.
      Math.max(0, ...issues.map(({ code, path }) => (path.length > 0 ? 0 : (AT_ROOT[code] ?? 0)))),
    );
  return branches.reduce(
    (best, one) => (weight(one) < weight(best) ? one : best),
    branches[0] ?? [],
  );
}

/** The issues of zod as faults, one for each unknown key, unions resolved. */
export function schemaFaults(issues: readonly Issue[], base: Path = []): SchemaFault[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path.map((key) => (typeof key === 'symbol' ? '' : key))];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: 'unknown key',
        issue,
        unknown: true,
      }));
    if (issue.code === 'invalid_union' && issue.errors.length > 0)
      return schemaFaults(bestBranch(issue.errors), path);
    if (issue.code === 'invalid_key')
      return [{ path, message: 'is no name that can stand here', issue }];
    return [{ path, message: issue.message.replace(/^Invalid input: /, ''), issue }];
  });
}

/** As people write a path: `metrics[3].from.type`. */
export function pathText(path: Path): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');
}

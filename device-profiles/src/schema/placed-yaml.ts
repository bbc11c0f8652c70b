/** YAML that people write: read so that whatever is wrong in it is told with line and column. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
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
  /** Where what stands at a path is, or the nearest above it; of an unknown key the key. */
  at(path: Path): Place;
  /** Where a character of the text is. */
  placeOf(offset: number): Place;
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
      const pair = node.items.find(
        (one) => isScalar(one.key) && String(one.key.value) === String(key),
      );
      if (pair === undefined) return node;
      if (depth === path.length - 1 && !isScalar(pair.value)) return pair.key as Node;
      node = (pair.value ?? pair.key) as Node;
    } else return node;
  }
  return node;
}

/** Reads a text. Keys that stand there twice are a fault, and the rest is read all the same. */
export function readYaml(text: string): PlacedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const at = (path: Path): Place =>
    placeOf(nodeAt(document.contents as Node | null, path)?.range?.[0] ?? 0);
  const faults: YamlFault[] = document.errors.map((error) => ({
    place: placeOf(error.pos[0]),
    message: error.message,
    code: error.code,
  }));
  const read = (data: unknown): PlacedYaml => ({ data, faults, at, placeOf });
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return read(undefined);
  try {
    return read(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    // The library throws for aliases without anchor and for those that would fill the memory.
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
  /** The key itself is at fault: without it the rest can be checked. */
  readonly unknown?: true;
}

/** Of a union's branches, the one whose faults are fewest is what the author meant. */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const weight = (issues: readonly Issue[]): number =>
    issues.reduce(
      (sum, issue) => sum + (issue.code === 'unrecognized_keys' ? 2 * issue.keys.length : 1),
      // A branch of another kind altogether (a number where an object stands) is the worst guess.
      issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0) ? 100 : 0,
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
        unknown: true,
      }));
    if (issue.code === 'invalid_union' && issue.errors.length > 0)
      return schemaFaults(bestBranch(issue.errors), path);
    if (issue.code === 'invalid_key') return [{ path, message: 'is no name that can stand here' }];
    return [{ path, message: issue.message.replace(/^Invalid input: /, '') }];
  });
}

/** As people write a path: `metrics[3].from.type`. */
export function pathText(path: Path): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');
}

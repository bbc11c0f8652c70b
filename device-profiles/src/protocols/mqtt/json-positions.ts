/**
 * Where the values of a JSON text stand in its bytes. `JSON.parse` forgets it, and libraries count UTF-16 units; what is
 * shown to people as evidence are bytes. The text has been parsed before, so that it is known to be sound.
 */
import type { ByteRange } from '../../codec.ts';
import { parseDeviceJson } from './device-json.ts';
import { pointerKeys } from './json.ts';

/** A JSON value with the bytes it takes, `from` ≤ byte < `to`. */
export interface JsonNode {
  readonly from: number;
  readonly to: number;
  /** Of an object; of a key that comes twice the last one counts, as in `JSON.parse`. */
  readonly fields?: ReadonlyMap<string, JsonNode>;
  /** Of an array. */
  readonly items?: readonly JsonNode[];
}

const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];
const COMMA = 0x2c;
/** What ends a number, true, false, null, or whatever a device wrote in their place. */
const ENDS = new Set([COMMA, BRACE_END, BRACKET_END, QUOTE]);

/** Levels that are looked into; what lies deeper has its range and nothing in it, as deep nesting would end the stack. */
const DEPTH_MAX = 256;

/** A key that stands twice in one object. */
export interface RepeatedNode {
  readonly keys: readonly string[];
  readonly before: JsonNode;
  readonly after: JsonNode;
}

/** Repeated keys of one message that are told. */
const REPEATED_MAX = 256;

class Scanner {
  readonly repeated: RepeatedNode[] = [];
  readonly #bytes: Uint8Array;
  readonly #path: string[] = [];
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    // A byte order mark is dropped by the decoder of the text.
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3;
  }

  #next(): number | undefined {
    while (SPACE.has(this.#bytes[this.#at] ?? 0)) this.#at++;
    return this.#bytes[this.#at];
  }

  value(depth = 0): JsonNode {
    const first = this.#next();
    const from = this.#at;
    if (first === QUOTE) this.#skipText();
    else if ((first === BRACE || first === BRACKET) && depth === DEPTH_MAX) return this.skip();
    else if (first === BRACE)
      return { from, fields: this.#object(() => this.value(depth + 1)), to: this.#at };
    else if (first === BRACKET)
      return { from, items: this.#array(() => this.value(depth + 1)), to: this.#at };
    else this.#skipBare();
    return { from, to: this.#at };
  }

  #skipBare(): void {
    const from = this.#at;
    while (this.#at < this.#bytes.length && !ENDS.has(this.#bytes[this.#at]!)) this.#at++;
    while (this.#at > from && SPACE.has(this.#bytes[this.#at - 1]!)) this.#at--;
  }

  #skipText(): void {
    this.#at++;
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] !== QUOTE)
      this.#at += this.#bytes[this.#at] === BACKSLASH ? 2 : 1;
    this.#at++;
  }

  /** Goes past a value. */
  skip(): JsonNode {
    const first = this.#next();
    const from = this.#at;
    if (first === QUOTE) this.#skipText();
    else if (first !== BRACE && first !== BRACKET) return this.value();
    else
      for (let depth = 0; this.#at < this.#bytes.length; ) {
        const byte = this.#bytes[this.#at]!;
        if (byte === QUOTE) {
          this.#skipText();
          continue;
        }
        this.#at++;
        if (byte === BRACE || byte === BRACKET) depth++;
        else if ((byte === BRACE_END || byte === BRACKET_END) && --depth === 0) break;
      }
    return { from, to: this.#at };
  }

  #key(): string {
    const from = this.#at;
    this.#skipText();
    return parseDeviceJson(this.#bytes.subarray(from, this.#at)) as string;
  }

  #object(value: () => JsonNode): Map<string, JsonNode> {
    const fields = new Map<string, JsonNode>();
    this.#at++;
    while (this.#next() !== BRACE_END && this.#at < this.#bytes.length) {
      const key = this.#key();
      // The colon.
      this.#next();
      this.#at++;
      const before = fields.get(key);
      this.#path.push(key);
      const after = value();
      fields.set(key, after);
      if (before !== undefined && this.repeated.length < REPEATED_MAX)
        this.repeated.push({ keys: [...this.#path], before, after });
      this.#path.pop();
      if (this.#next() === COMMA) this.#at++;
    }
    this.#at++;
    return fields;
  }

  /** The elements of each list in an object, and nothing of what is in them. */
  lists(): Map<string, JsonNode> {
    this.#next();
    return this.#object(() => {
      const isList = this.#next() === BRACKET;
      const from = this.#at;
      if (!isList) return this.skip();
      return { from, items: this.#array(() => this.skip()), to: this.#at };
    });
  }

  #array(value: () => JsonNode): JsonNode[] {
    const items: JsonNode[] = [];
    this.#at++;
    while (this.#next() !== BRACKET_END && this.#at < this.#bytes.length) {
      this.#path.push(String(items.length));
      items.push(value());
      this.#path.pop();
      if (this.#next() === COMMA) this.#at++;
    }
    this.#at++;
    return items;
  }
}

/** The root of a JSON text that `JSON.parse` takes. */
export function jsonNodes(bytes: Uint8Array): JsonNode {
  return new Scanner(bytes).value();
}

/** The keys that stand twice in one object of a JSON text, up to 256. */
export function repeatedNodes(bytes: Uint8Array): readonly RepeatedNode[] {
  const scanner = new Scanner(bytes);
  scanner.value();
  return scanner.repeated;
}

/** Where the elements of the lists in a JSON object stand; the object has been parsed before. */
export function listPositions(
  bytes: Uint8Array,
): (list: string, index: number) => ByteRange | undefined {
  const lists = new Scanner(bytes).lists();
  return (list, index) => lists.get(list)?.items?.[index];
}

function step(node: JsonNode | undefined, key: string): JsonNode | undefined {
  if (node?.items !== undefined)
    return /^\d+$/.test(key) ? node.items[Number(key)] : step(node.items[0], key);
  return node?.fields?.get(key);
}

/** The node that a pointer points to, by the same rules as `compilePointer`. */
export function nodeOf(root: JsonNode, pointer: string): JsonNode | undefined {
  let node: JsonNode | undefined = root;
  for (const key of pointerKeys(pointer)) node = step(node, key);
  return node;
}

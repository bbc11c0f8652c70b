/** What a message's bytes are shown as: pieces between the borders of fields, as text where it is text. Pure. */

export interface Field {
  /** The metric, or another name of what is said there. */
  readonly metric: string;
  readonly from: number;
  readonly to: number;
}

/** Bytes that the same fields say. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  /** Metrics of the fields, none between them. */
  readonly metrics: readonly string[];
}

/** The bytes in base64. */
export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The pieces of so many bytes, in order and without gaps. */
export function piecesOf(length: number, fields: readonly Field[]): Piece[] {
  const borders = new Set([0, length]);
  for (const { from, to } of fields) borders.add(from).add(to);
  const sorted = [...borders].filter((at) => at >= 0 && at <= length).sort((a, b) => a - b);
  return sorted.slice(1).map((to, i) => {
    const from = sorted[i] ?? 0;
    const here = fields.filter((field) => field.from <= from && field.to >= to);
    return { from, to, metrics: [...new Set(here.map(({ metric }) => metric))] };
  });
}

/** Characters that no text of a device has. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** The text that bytes are; null when they are none. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return bytes.length === 0 || CONTROL.test(text) ? null : text;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Bytes as digits, two each. */
export const hexText = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(' ');

/** What is shown of bytes: each alone, but many that say nothing as one, since a page can't hold 64 KiB of boxes. */
export interface Cell extends Piece {
  /** The first byte of its piece. */
  readonly begins: boolean;
}

/** Bytes of a piece that are shown each alone. */
const ALONE_MAX = 256;

export function cellsOf(pieces: readonly Piece[]): Cell[] {
  return pieces.flatMap((piece) => {
    const length = piece.to - piece.from;
    const alone = Math.min(length, ALONE_MAX);
    const cells = Array.from({ length: alone }, (_, i) => ({
      ...piece,
      from: piece.from + i,
      to: piece.from + i + 1,
      begins: i === 0,
    }));
    const rest = { ...piece, from: piece.from + alone, begins: false };
    return length > alone ? [...cells, rest] : cells;
  });
}

/** What the bytes of a value of JSON say: a text without its quotes. */
export function saidIn(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

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

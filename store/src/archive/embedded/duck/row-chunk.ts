/**
 * A data chunk that is filled and appended again and again. Columns are filled in buffers of its own and copied by the
 * client's bindings, so that appending allocates nothing: new vectors for each chunk keep the collector busy.
 */
import { DuckDBDataChunk, type DuckDBType } from '@duckdb/node-api';
import bindings, { type Vector } from '@duckdb/node-bindings';

/** Rows of a DuckDB vector. */
export const CHUNK_ROWS = 2048;
const TWO_32 = 2 ** 32;

/** The rows of one table on their way into it. */
export class RowChunk {
  readonly #chunk: DuckDBDataChunk;
  readonly #vectors: readonly Vector[];
  readonly #columns: readonly (Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>)[];
  readonly #present = new Uint32Array(CHUNK_ROWS / 32);

  /** A column's buffer has two halves a row for BIGINT, one item a row for INTEGER and DOUBLE. */
  constructor(types: readonly DuckDBType[]) {
    this.#chunk = DuckDBDataChunk.create(types, CHUNK_ROWS);
    this.#vectors = types.map((_, column) =>
      bindings.data_chunk_get_vector(this.#chunk.chunk, column),
    );
    this.#columns = types.map((type) => {
      const name = type.toString();
      if (name === 'DOUBLE') return new Float64Array(CHUNK_ROWS);
      return new Int32Array(name === 'BIGINT' ? 2 * CHUNK_ROWS : CHUNK_ROWS);
    });
  }

  column(index: number): Int32Array | Float64Array {
    return this.#columns[index]!;
  }

  /** The first `count` rows of the buffers as a chunk; NaN in a column of doubles is NULL. Valid until the next call. */
  filled(count: number): DuckDBDataChunk {
    const { chunk } = this.#chunk;
    bindings.data_chunk_reset(chunk);
    bindings.data_chunk_set_size(chunk, count);
    for (const [column, items] of this.#columns.entries()) {
      const vector = this.#vectors[column]!;
      const bytes = items.byteLength * (count / CHUNK_ROWS);
      bindings.copy_data_to_vector(vector, 0, items.buffer, 0, bytes);
      if (items instanceof Float64Array) this.#markAbsent(vector, items, count);
    }
    return this.#chunk;
  }

  #markAbsent(vector: Vector, items: Float64Array, count: number): void {
    const present = this.#present;
    let absent = false;
    for (let row = 0; row < count; row++) {
      if (!Number.isNaN(items[row]!)) continue;
      if (!absent) present.fill(0xffff_ffff);
      absent = true;
      present[row >>> 5]! &= ~(1 << (row & 31));
    }
    if (!absent) return;
    bindings.vector_ensure_validity_writable(vector);
    bindings.copy_data_to_vector_validity(vector, 0, present.buffer, 0, Math.ceil(count / 64) * 8);
  }
}

/** Writes a whole double as a 64-bit integer, half by half. */
export function setBigInt(halves: Int32Array, row: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  halves[row * 2] = (value - high * TWO_32) | 0;
  halves[row * 2 + 1] = high | 0;
}

/** Loaded before a process and its threads: makes DuckDB's client one whose private parts are others, as `VILLAGE_OTHER_CLIENT` says. */
import { DuckDBDataChunk } from '@duckdb/node-api';

interface Vector {
  items?: unknown;
}
const { getColumnVector } = DuckDBDataChunk.prototype;
DuckDBDataChunk.prototype.getColumnVector = function (index) {
  const vector = getColumnVector.call(this, index);
  const inside = vector as unknown as Vector;
  const { items } = inside;
  // A release may rename the field, or lay out its rows otherwise.
  if (process.env['VILLAGE_OTHER_CLIENT'] === 'renamed') delete inside.items;
  else if (items instanceof Float64Array) inside.items = items.toReversed();
  return vector;
};

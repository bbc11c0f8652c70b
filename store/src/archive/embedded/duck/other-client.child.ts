/** Loaded before a process and its threads: makes DuckDB's bindings others, as `VILLAGE_OTHER_CLIENT` says. */
import { registerHooks } from 'node:module';

// A release may rename a call, or lay out its rows otherwise.
const changes: Record<string, string> = {
  renamed: 'undefined',
  reversed: `(vector, at, source, from, bytes) => real.copy_data_to_vector(
    vector, at, new Uint8Array(source.slice(from, from + bytes)).reverse().buffer, 0, bytes)`,
};
const value = changes[process.env['VILLAGE_OTHER_CLIENT'] ?? ''];
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (value === undefined || !url.endsWith('/@duckdb/node-bindings/duckdb.js')) return loaded;
    const source = `${loaded.source}
      const real = module.exports;
      module.exports = Object.create(real, { copy_data_to_vector: { value: ${value} } });`;
    return { ...loaded, source };
  },
});

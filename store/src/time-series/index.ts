/** The time-series store: its contract, and the engine that comes with the product. */
export * from './contract.ts';
export type { EmbeddedOptions, Report } from './embedded/engine.ts';
export { openEmbedded } from './embedded/open.ts';

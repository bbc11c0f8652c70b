/** The time-series store: the journal in front, the archive that comes with the product behind it. */
export * from '../archive/contract.ts';
export type { EmbeddedOptions, Report } from '../archive/embedded/archive.ts';
export { openEmbedded } from '../archive/embedded/open.ts';

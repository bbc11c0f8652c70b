/** The time-series store: the journal in front, an archive behind it. */
export { Slots, slotOf } from '../archive/completeness/slots.ts';
export * from '../archive/contract.ts';
export { EMBEDDED_DEFAULTS } from '../archive/embedded/settings.ts';
export { type InfluxOptions, openInfluxArchive } from '../archive/influxdb/open.ts';
export { locationAt } from '../archive/location.ts';
export { byDevice } from '../archive/many/pieces.ts';
export type { FoundFrames, FrameCounters, FrameStore, Pin } from '../frames/contract.ts';
export * from '../journal/contract.ts';
export { JOURNAL_DEFAULTS } from '../journal/settings.ts';
export type { StoreCounters, TimeSeriesOptions, TimeSeriesStore } from './contract.ts';
export { openTimeSeries } from './open.ts';

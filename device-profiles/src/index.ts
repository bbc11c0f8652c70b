/**
 * What each type of device says and what it means: data, decode, encode. What one protocol alone offers is imported by its
 * name: `@village/device-profiles/modbus`.
 */
export {
  builtinCatalog,
  claimOf,
  conflictOf,
  loadCatalog,
  loadWithOwn,
  putInPlace,
} from './catalog.ts';
export { changesBetween, PROFILE_CHANGES, type ProfileChange } from './changes.ts';
export type { Note, Path } from './check/note.ts';
export type {
  ByteRange,
  Codec,
  DecodeContext,
  Decoder,
  EncodeContext,
  LocatedDetail,
  LocatedField,
} from './codec.ts';
export { shownOrder, shownRank } from './metric/shown-first.ts';
export {
  decode,
  decodeKept,
  encode,
  encodeAll,
  frameBytes,
  frameKept,
  isEvidence,
  locate,
  locateEvents,
  openDecoder,
  optionFaults,
  optionNames,
  optionValues,
  protocolTitle,
  sameMeaning,
  sampleMessage,
  unknownMetric,
} from './profile.ts';
export { builtinProtocols } from './protocols/index.ts';
export { intervalsOf } from './protocols/intervals.ts';
export type {
  Claim,
  CompiledProtocol,
  Intervals,
  Protocol,
  SampleMessage,
} from './protocols/protocol.ts';
export type { ExampleFile, MetricFile, ProfileFile } from './schema/file.ts';
export { parseProfile } from './schema/parse.ts';
export {
  type Place,
  type PlacedYaml,
  pathText,
  readYaml,
  type SchemaFault,
  schemaFaults,
  type YamlFault,
} from './schema/placed-yaml.ts';
export { jsonSchemaOf } from './schema/profile-schema.ts';
export * from './types.ts';

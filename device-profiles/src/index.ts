/** What each type of device says and what it means: data, decode, encode. */
export { builtinCatalog, loadCatalog } from './catalog.ts';
export type { DecodeContext, EncodeContext } from './codec.ts';
export { assembleFrame } from './modbus.ts';
export { parseProfile } from './parse.ts';
export {
  decode,
  encode,
  encodeAll,
  isNative,
  matchTopic,
  optionFaults,
  optionValues,
  planReads,
  topicFilter,
  topicOf,
} from './profile.ts';
export { profileJsonSchema } from './schema.ts';
export { TopicIndex, type TopicOwner } from './topic-index.ts';
export * from './types.ts';

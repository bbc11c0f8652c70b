/** What each type of device says and what it means: data, decode, encode. */
export { builtinCatalog, loadCatalog } from './catalog.ts';
export type { DecodeContext, EncodeContext } from './codec.ts';
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
export { assembleFrame } from './protocols/modbus/registers.ts';
export { TopicIndex, type TopicOwner } from './protocols/mqtt/topic-index.ts';
export { profileJsonSchema } from './schema/file.ts';
export { parseProfile } from './schema/parse.ts';
export * from './types.ts';

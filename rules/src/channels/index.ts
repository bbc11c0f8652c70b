/** Channels: how a notice reaches a person. */
export * from './contract.ts';
export { inboxKind, type Keep } from './inbox/index.ts';
export * from './kinds.ts';

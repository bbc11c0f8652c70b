/** Channels: how a notice reaches a person. */
export * from './contract.ts';
export * from './kinds.ts';

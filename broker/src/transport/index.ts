/** What listeners are made of besides their own protocol: addresses, proxies, certificates, and the door that joins them. */
export * from './addresses.ts';
export * from './certificate-files.ts';
export * from './door.ts';

/** The words of the domain, shared by every workspace. No I/O, no dependencies. */
export * from './area.ts';
export * from './bounded-map.ts';
export * from './clock.ts';
export * from './device.ts';
export * from './duration.ts';
export * from './error.ts';
export * from './quality.ts';
export * from './quantity.ts';
export * from './random.ts';
export * from './reading.ts';
export * from './registration.ts';
export * from './role.ts';
export * from './sqlite.ts';
export * from './time.ts';

/** What the commands read from their flags. */
import { resolve } from 'node:path';
import { OperationalError, parseDuration } from '@village/core';
import { builtinCatalog, type DeviceProfile, loadCatalog } from '@village/device-profiles';

export type Flags = Readonly<Record<string, string | boolean | undefined>>;

export const refuse = (message: string): never => {
  throw new OperationalError('bad-arguments', message);
};

export function text(flags: Flags, name: string, otherwise?: string): string {
  const value = flags[name];
  if (typeof value === 'string' && value !== '') return value;
  return otherwise ?? refuse(`--${name} is needed`);
}

export function whole(
  flags: Flags,
  name: string,
  low: number,
  high: number,
  otherwise?: number,
): number {
  const value =
    flags[name] === undefined && otherwise !== undefined ? otherwise : Number(flags[name]);
  if (!(Number.isInteger(value) && value >= low && value <= high))
    refuse(`--${name} must be a whole number from ${low} to ${high}`);
  return value;
}

export function duration(flags: Flags, name: string): number | undefined {
  if (flags[name] === undefined) return undefined;
  const ms = parseDuration(text(flags, name));
  return ms > 0 ? ms : refuse(`--${name} must be a duration such as 10s or 5m`);
}

export function options(flags: Flags): Record<string, string | number | boolean> {
  const value: unknown = JSON.parse(text(flags, 'options', '{}'));
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, string | number | boolean>)
    : refuse('--options must be a JSON object');
}

/** The built-in catalogue and the folder of --profiles; a broken file there is an error with all its faults. */
export function profilesOf(flags: Flags): ReadonlyMap<string, DeviceProfile> {
  const more = flags['profiles'] === undefined ? [] : [resolve(text(flags, 'profiles'))];
  const { profiles, faults } = loadCatalog([builtinCatalog, ...more]);
  if (faults.length > 0) {
    const lines = faults.map(
      ({ file, line, path, message }) =>
        `  ${file}${line === undefined ? '' : `:${line}`} ${path}: ${message}`,
    );
    throw new OperationalError('bad-profile', `Device profiles are at fault:\n${lines.join('\n')}`);
  }
  return profiles;
}

/** Where a server on this machine listens unless told otherwise. */
export const local = (protocol: 'mqtt' | 'http', port: string): string =>
  `${protocol}://127.0.0.1:${process.env[`VILLAGE_${protocol.toUpperCase()}_PORT`] || port}`;
export const mqttUrl = (flags: Flags): string => text(flags, 'mqtt', local('mqtt', '1883'));

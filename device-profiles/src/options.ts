/** Named options of a profile: what a device may override, and a rule's figures once they are settled. */
import type { Device } from '@village/core';
import { channelOptionFaults, isChannelOption } from './channels/named.ts';
import type { ProfileFile } from './schema/file.ts';
import type { Scalar } from './schema/parts.ts';

export type Options = Device['options'];

/** The default of every option of the profile. */
export function defaultsOf(file: ProfileFile): Record<string, Scalar> {
  return Object.fromEntries(
    Object.entries(file.options).map(([name, { default: value }]) => [name, value]),
  );
}

/** What is wrong with options set on a device, as sentences; none when all are known and allowed. */
export function optionFaultsOf(file: ProfileFile, options: Options): string[] {
  const faults = channelOptionFaults(file, options);
  for (const [name, value] of Object.entries(options)) {
    if (isChannelOption(file, name)) continue;
    const option = Object.hasOwn(file.options, name) ? file.options[name] : undefined;
    if (option === undefined) faults.push(`${file.profile} has no option ${name}`);
    else if (!option.values.includes(value))
      faults.push(`${name} must be one of ${option.values.join(', ')}, not ${value}`);
  }
  return faults;
}

/** A figure of a rule: itself, or the value of the option it names (undefined when there is no such option). */
export function settle<T extends Scalar>(
  value: T | { readonly option: string } | undefined,
  options: Options,
): T | undefined {
  if (typeof value !== 'object') return value;
  return Object.hasOwn(options, value.option) ? (options[value.option] as T) : undefined;
}

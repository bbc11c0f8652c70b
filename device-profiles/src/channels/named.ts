/** What a device itself calls its channels: options such as `rule.inbound: 大门`, beside the words that its profile lists. */
import type { Device } from '@village/core';
import type { ProfileFile } from '../schema/file.ts';
import { type ChannelKindFile, channelWord } from './schema.ts';

type Options = Device['options'];

const CHARACTERS_MAX = 200;

/** The channel that an option names; undefined when it is none of a kind whose words a message says. */
function channelOf(file: ProfileFile, option: string): { kind: string; key: string } | undefined {
  const [kind = '', key = '', ...more] = option.split('.');
  const channels: ChannelKindFile | undefined = Object.hasOwn(file.channels, kind)
    ? file.channels[kind]
    : undefined;
  if (more.length > 0 || channels?.from === undefined) return undefined;
  return Object.hasOwn(channels.known, key) ? { kind, key } : undefined;
}

export const isChannelOption = (file: ProfileFile, option: string): boolean =>
  channelOf(file, option) !== undefined;

/** Channels of a kind by what a device with these options says for them. */
export function namedChannels(
  file: ProfileFile,
  kind: string,
  options: Options,
): Map<string, string> {
  const keys = new Map<string, string>();
  for (const [option, value] of Object.entries(options)) {
    const channel = channelOf(file, option);
    const word = channelWord(value);
    if (channel?.kind === kind && word !== undefined) keys.set(word, channel.key);
  }
  return keys;
}

/** What is wrong with the channel options of a device, as sentences. */
export function channelOptionFaults(file: ProfileFile, options: Options): string[] {
  const faults: string[] = [];
  const said = new Map<string, string>();
  for (const [option, value] of Object.entries(options)) {
    const channel = channelOf(file, option);
    if (channel === undefined) continue;
    const word = typeof value === 'boolean' ? undefined : channelWord(value);
    if (word === undefined || word === '' || word.length > CHARACTERS_MAX) {
      faults.push(
        `${option} must be what the device says for it, 1 to ${CHARACTERS_MAX} characters`,
      );
      continue;
    }
    const other = said.get(`${channel.kind} ${word}`);
    if (other !== undefined) faults.push(`${option} is the same as ${other}, ${word}`);
    said.set(`${channel.kind} ${word}`, option);
  }
  return faults;
}

/**
 * Several machines of one kind behind one slave: a block that is marked with a kind of channel is a block for each, and what
 * a channel "says" is the address at which its registers begin.
 */
import { type ChannelKindFile, type ChannelOf, wordsOf } from '../../channels/schema.ts';
import type { Note } from '../../check/note.ts';
import type { ProfileFile } from '../../schema/file.ts';
import { type BlockFile, modbusOf, type RegisterFile } from './schema.ts';

const blockIn = (block: string, key: string): string => `${block}-${key}`;

/** The registers of a metric for one channel. */
export function inChannel(from: unknown, { key }: ChannelOf): unknown {
  if (typeof from !== 'object' || from === null) return from;
  const one = (ref: RegisterFile): RegisterFile => ({ ...ref, block: blockIn(ref.block, key) });
  if ('sum' in from) return { sum: (from.sum as RegisterFile[]).map(one) };
  return 'block' in from ? one(from as RegisterFile) : from;
}

/** The file with its marked blocks written out. */
export function expandBlocks(file: ProfileFile): ProfileFile {
  const section = modbusOf(file);
  if (section === undefined) return file;
  const blocks = Object.entries(section.blocks).flatMap(([name, block]): [string, BlockFile][] => {
    const { channel, address = 0, ...rest } = block;
    const kind = channel !== undefined && Object.hasOwn(file.channels, channel);
    if (channel === undefined || !kind) return [[name, block]];
    const channels = file.channels[channel] as ChannelKindFile;
    return Object.keys(channels.known).map((key) => {
      const begin = Number(wordsOf(channels, key)[0]);
      return [blockIn(name, key), { ...rest, address: begin + address }];
    });
  });
  return { ...file, modbus: { ...section, blocks: Object.fromEntries(blocks) } };
}

/** Notes what is wrong with one kind of channel. */
export function checkChannel(
  file: ProfileFile,
  name: string,
  kind: ChannelKindFile,
  note: Note,
): void {
  if (kind.from !== undefined) note(['from'], 'a block is marked with the channel, which tells it');
  for (const key of Object.keys(kind.known)) {
    const words = wordsOf(kind, key);
    if (words.length !== 1 || !/^\d{1,5}$/.test(words[0] ?? ''))
      note(['known', key], 'says must be one address: where its registers begin');
  }
  const blocks = modbusOf(file)?.blocks ?? {};
  for (const metric of file.metrics) {
    const names = [...JSON.stringify(metric.from ?? {}).matchAll(/"block":"([^"]*)"/g)];
    for (const [, block = ''] of names) {
      const own = Object.hasOwn(blocks, block) ? blocks[block]?.channel : undefined;
      if ((metric.channel === name || own === name) && metric.channel !== own)
        note(
          [],
          `${metric.key} and its block ${block} must be marked with the same kind of channel`,
        );
    }
  }
}

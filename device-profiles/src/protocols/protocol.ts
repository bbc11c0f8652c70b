/**
 * What a protocol is to profiles: its sections of the file, its checks and its codec. The rest of this workspace knows
 * protocols only by this interface and by the list in index.ts.
 */
import type { z } from 'zod';
import type { ChannelKindFile, ChannelOf } from '../channels/schema.ts';
import type { Note, Path } from '../check/note.ts';
import type { Codec, EncodeContext } from '../codec.ts';
import type { Options } from '../options.ts';
import type { ExampleFile, MetricFile, ProfileFile } from '../schema/file.ts';
import type { DeviceProfile, Frame } from '../types.ts';

/** The three intervals of a profile, ms. */
export interface Intervals {
  readonly everyMs: number;
  readonly reportEveryMs: number;
  readonly silentAfterMs: number;
}

/** A sound file, compiled; a protocol may keep more in it for functions of its own. */
export interface CompiledProtocol {
  /** Whether a frame may carry a time of the device. */
  readonly tellsTime: boolean;
  codec(options: Options): Codec;
}

/** A message such as a device publishes itself, for people who connect one. */
export interface SampleMessage {
  readonly topic: string;
  readonly payload: string;
  /** What is set at a device that makes its topics itself, below a prefix; null where all it says goes to this one topic. */
  readonly prefix: string | null;
}

/** What one profile has to itself, in words that go to other threads as well. */
export interface Claim {
  /** Of the profile. */
  readonly id: string;
  readonly protocol: string;
  readonly text: string;
  /** Others may have the same, when they say so too. */
  readonly shared: boolean;
}

export interface Protocol {
  /** As in `protocol:` of a profile; a section of this name must be there. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** Sections of a profile file that only profiles of this protocol may have. */
  readonly sections: Readonly<Record<string, z.ZodType>>;
  /** Shapes that `from` of a metric may have. */
  readonly sources: readonly z.ZodType[];
  /** Shapes that `from` of a kind of channel may have; absent where only the places of metrics tell channels apart. */
  readonly channelSources?: readonly z.ZodType[];
  /** How the text of a new profile goes on after its head; tools/new-profile.ts writes it. */
  readonly template: string;
  intervals(file: ProfileFile): Intervals;
  /** Notes what is wrong with a kind of channel; `note` is for its entry. Absent where the keys of values say all. */
  checkChannel?(file: ProfileFile, name: string, kind: ChannelKindFile, note: Note): void;
  /** The `from` of a metric, as it is for one channel. */
  inChannel?(from: unknown, channel: ChannelOf): unknown;
  /** The file with its sections written out for each channel. */
  expand?(file: ProfileFile): ProfileFile;
  /** Notes what is wrong with the sections and the events. */
  check(file: ProfileFile, note: Note): void;
  /** Notes what is wrong with a metric's `from`. */
  checkSource(file: ProfileFile, metric: MetricFile, path: Path, note: Note): void;
  /** Called with a file that has no faults. */
  compile(file: ProfileFile): CompiledProtocol;
  /** What a profile has to itself, such as a topic; undefined when nothing. */
  claim?(profile: DeviceProfile): Pick<Claim, 'text' | 'shared'> | undefined;
  /** Why a profile of this protocol can't stand beside one with that claim; undefined when it can. */
  conflict?(
    profile: DeviceProfile,
    other: Claim,
  ): { readonly path: string; readonly message: string } | undefined;
  /** The frame of an example; undefined, with its faults noted, when it is none. */
  exampleFrame(
    profile: DeviceProfile,
    file: ProfileFile,
    example: ExampleFile,
    note: Note,
  ): Frame | undefined;
  /** The bytes of a frame, to be shown and kept. */
  frameBytes(frame: Frame): Uint8Array;
  /** What must be known besides the bytes to read them: a topic, or which blocks there are. Absent: nothing. */
  framing?(frame: Frame): string;
  /**
   * A message such as a device of this type publishes, for people who connect one; null when somebody else speaks for such devices.
   * Absent where all of them are polled.
   */
  sample?(profile: DeviceProfile, file: ProfileFile, context: EncodeContext): SampleMessage | null;
  /** The frame that was kept as bytes and framing; absent where frames are kept and not opened. */
  frameOf?(file: ProfileFile, bytes: Uint8Array, framing: string): Frame;
}

/**
 * A protocol that nobody has heard of, as `device-profiles/src/protocols/toy/` would have it: lines of text over TCP. The
 * first line of a connection gives tenths, later ones only what has changed since, so its decoder has to remember.
 */
import { OperationalError } from '@village/core';
import {
  type Decoded,
  type Decoder,
  type Frame,
  intervalsOf,
  type MetricFile,
  type ProfileFile,
  type Protocol,
} from '@village/device-profiles';
import { z } from 'zod';

export const TOY = 'toy';

export interface ToyFrame extends Frame {
  readonly protocol: typeof TOY;
  readonly line: string;
}

const section = z.strictObject({ every: z.string(), greeting: z.string().default('B') });
const source = z.strictObject({ word: z.int().min(1) });

const sectionOf = (file: ProfileFile) => file[TOY] as z.infer<typeof section> | undefined;
const wordOf = (metric: MetricFile) => (metric.from as z.infer<typeof source>).word;

/** `before` holds the tenths of each word of the session. */
function decodeLine(file: ProfileFile, frame: Frame, before: number[]): Decoded {
  const [sign, ...words] = (frame as ToyFrame).line.split(' ');
  const whole = sign === sectionOf(file)?.greeting;
  if (!whole && (sign !== 'D' || before.length === 0))
    throw new OperationalError('frame-too-short', 'a difference without a beginning');
  words.forEach((word, i) => {
    before[i] = Number(word) + (whole ? 0 : (before[i] ?? 0));
  });
  const readings = file.metrics.map((metric) => ({
    metric: metric.key,
    value: (before[wordOf(metric) - 1] ?? 0) / 10,
    quality: 'good' as const,
  }));
  return { at: null, readings, events: [] };
}

export const toyProtocol: Protocol = {
  title: 'Toy',
  name: TOY,
  sections: { [TOY]: section },
  sources: [source],
  template: '\ntoy: { every: 1s }\n',
  intervals: (file) => intervalsOf(sectionOf(file), (everyMs) => everyMs),
  check: () => undefined,
  checkSource(_file, metric, path, note) {
    if (metric.from === undefined) note(path, 'from must name a word');
  },
  compile: (file) => ({
    tellsTime: false,
    codec: () => ({
      decode: (frame) => decodeLine(file, frame, []),
      encode(values) {
        const words = file.metrics.map(({ key }) => Math.round((values[key] ?? 0) * 10));
        const frame: ToyFrame = { protocol: TOY, line: ['B', ...words].join(' ') };
        return [frame];
      },
      open(): Decoder {
        const before: number[] = [];
        return { decode: (frame) => decodeLine(file, frame, before) };
      },
    }),
  }),
  exampleFrame(_profile, _file, { frame: { line = '' } }): ToyFrame {
    return { protocol: TOY, line };
  },
  frameBytes: (frame) => Buffer.from((frame as ToyFrame).line),
};

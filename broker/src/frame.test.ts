import fc from 'fast-check';
import mqtt from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { frameLength, headerLength, levelsOf, topicName } from './frame.ts';
import { publishPacket } from './testing.ts';

describe('cutting the stream', () => {
  it('finds the end of every packet from its header, and asks for more before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300_000 }),
        fc.integer({ min: 0, max: 5 }),
        fc.uint8Array({ maxLength: 4 }),
        (size, cut, before) => {
          const packet = mqtt.generate(publishPacket('t', Buffer.alloc(size)));
          const bytes = Buffer.concat([before, packet]);
          const at = before.length;
          expect(frameLength(bytes, at, bytes.length)).toBe(packet.length);
          const header = headerLength(bytes, at);
          // Topic (3 bytes) and packet id (2) are what a PUBLISH has beside its payload.
          expect(packet.length - header).toBe(size + 5);
          const early = frameLength(bytes, at, at + Math.min(cut, header));
          expect(early).toBe(cut >= header ? packet.length : 0);
        },
      ),
    );
  });

  it('refuses a length of more than four bytes', () => {
    expect(frameLength(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80]), 0, 5)).toBe(-1);
    expect(frameLength(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), 0, 5)).toBe(5 + 268_435_455);
  });
});

describe('topics', () => {
  it('takes a text as it is, or not at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), (text) => {
        const bytes = Buffer.from(text);
        const sound = text.isWellFormed() && !/[+#\0]/.test(text);
        if (text.isWellFormed()) expect(topicName(bytes)).toBe(sound ? text : null);
        expect(levelsOf(text)).toBe(text.split('/').length);
      }),
      { numRuns: 1000 },
    );
  });

  it('never gives a topic that would not be the same bytes again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (array) => {
        const bytes = Buffer.from(array);
        const topic = topicName(bytes);
        if (topic !== null) expect(Buffer.from(topic).equals(bytes)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

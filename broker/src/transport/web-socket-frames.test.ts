/** Cut messages hold the bytes of the whole ones, and what a client may not send stays what it may not send. */
import { seededRandom } from '@village/core';
import { expect, it } from 'vitest';
import { WebSocketFrames } from './web-socket-frames.ts';

const random = seededRandom(7);
const upTo = (most: number): number => Math.floor(random() * most);

/** A client's frame (RFC 6455 §5.2), written down here once more. */
function frame(first: number, payload: Buffer, masked = true): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([first, length])
      : length < 65_536
        ? Buffer.from([first, 126, length >> 8, length & 255])
        : Buffer.concat([
            Buffer.from([first, 127, 0, 0, 0, 0]),
            Buffer.from([length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255]),
          ]);
  if (!masked) return Buffer.concat([head, payload]);
  head[1]! |= 0x80;
  const mask = Buffer.from([upTo(256), upTo(256), upTo(256), upTo(256)]);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i % 4]!)]);
}

interface Read {
  readonly first: number;
  readonly payload: Buffer;
}

/** A frame that is all there and masked. */
function parse(bytes: Buffer): Read {
  const short = bytes[1]! & 0x7f;
  const at = short === 127 ? 10 : short === 126 ? 4 : 2;
  const length =
    short === 127 ? bytes.readUInt32BE(6) : short === 126 ? bytes.readUInt16BE(2) : short;
  const mask = bytes.subarray(at, at + 4);
  const payload = bytes.subarray(at + 4);
  expect(payload.length).toBe(length);
  return { first: bytes[0]!, payload: Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]!)) };
}

function cut(bytes: Buffer, mostAtOnce: number): Buffer[] {
  const given: Buffer[] = [];
  const frames = new WebSocketFrames((one) => given.push(Buffer.from(one)));
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + upTo(mostAtOnce);
    frames.take(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return given;
}

it('all bytes of messages come in their order, whatever the frames and however they are cut, and pings between them', () => {
  for (let round = 0; round < 30; round++) {
    const atOnce = [3, 60, 4_000, 65_536][upTo(4)]!;
    const sizes = [0, 1, 125, 126, 127, 300, 65_535, 65_536, 70_000];
    const wire: Buffer[] = [];
    const said: Buffer[] = [];
    for (let message = 0; message < 4; message++) {
      const count = 1 + upTo(4);
      for (let n = 0; n < count; n++) {
        const size = sizes[upTo(atOnce < 100 ? 6 : 9)]!;
        const payload = Buffer.alloc(size, upTo(256));
        for (let i = 0; i < 20 && size > 0; i++) payload[upTo(size)] = upTo(256);
        said.push(payload);
        wire.push(frame((n === count - 1 ? 0x80 : 0) | (n === 0 ? 2 : 0), payload));
        if (random() < 0.3) wire.push(frame(0x89, Buffer.from(`ping ${n}`)));
      }
    }
    const given = cut(Buffer.concat(wire), atOnce).map(parse);
    const pings = given.filter(({ first }) => first === 0x89);
    const rest = given.filter(({ first }) => first !== 0x89);
    expect(new Set(rest.map(({ first }) => first))).toEqual(
      rest.length > 0 ? new Set([0x82]) : new Set(),
    );
    expect(Buffer.concat(rest.map(({ payload }) => payload)).equals(Buffer.concat(said))).toBe(
      true,
    );
    expect(pings.length).toBe(wire.filter((one) => one[0] === 0x89).length);
  }
});

const some = Buffer.from('abc');
it.each([
  ['a continuation of nothing', [frame(0x80, some)], [[0x80, 0x80]]],
  [
    'a message within another one',
    [frame(0x02, some), frame(0x82, some)],
    [
      [0x82, 0x83],
      [0x80, 0x80],
    ],
  ],
  ['a text', [frame(0x81, Buffer.from('text'))], [[0x81, 0x80]]],
  ['an empty text', [frame(0x81, Buffer.alloc(0))], [[0x81, 0x80]]],
  ['a frame without a mask', [frame(0x82, some, false)], [[0x82, 0x03]]],
  ['a bit of an extension', [frame(0xc2, some)], [[0xc2, 0x83]]],
  ['an opcode that is none', [frame(0x83, some)], [[0x83, 0x83]]],
  ['a ping that is too long', [frame(0x89, Buffer.alloc(200))], [[0x89, 0xfe]]],
] as const)('%s is shown to the library, and nothing after it', (_what, wire, heads) => {
  const bytes = Buffer.concat([...wire, frame(0x82, Buffer.from('more'))]);
  for (const most of [1, 1_000])
    expect(cut(bytes, most).map((one) => [one[0], one[1]])).toEqual(
      // In single bytes each byte of a payload is a message.
      most === 1 && heads.length === 2
        ? [[0x82, 0x81], [0x82, 0x81], [0x82, 0x81], heads[1]]
        : heads,
    );
});

it('after a goodbye nothing is looked at, and a length that no message has is refused', () => {
  const given = cut(Buffer.concat([frame(0x88, Buffer.from([3, 232])), frame(0x82, some)]), 7);
  expect(given.map((one) => one[0])).toEqual([0x88]);
  const endless = Buffer.concat([
    Buffer.from([0x82, 0xff]),
    Buffer.alloc(8, 0x7f),
    Buffer.alloc(9),
  ]);
  expect(cut(endless, 100).map((one) => [one[0], one[1]])).toEqual([[0x80, 0x80]]);
});

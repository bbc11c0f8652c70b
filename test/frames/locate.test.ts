/**
 * Which bytes gave which value, for every type of device there is: the located values are those of `decode`, and the lit
 * bytes alone, decoded by hand, give them. Frames are the examples of the profiles, and made up ones.
 */
import { seededRandom } from '@village/core';
import {
  builtinCatalog,
  builtinProtocols,
  type DeviceProfile,
  decode,
  type ExampleFile,
  encodeAll,
  type Frame,
  frameKept,
  loadCatalog,
  locate,
  locateEvents,
  type ProfileFile,
} from '@village/device-profiles';
import { locateEvent, locateReading } from '@village/device-profiles/mqtt';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { byHand } from './by-hand.ts';

const { profiles } = loadCatalog([builtinCatalog]);
const FRAMES_A_PROFILE = 200;

interface Said {
  readonly name: string;
  readonly frame: Frame;
  readonly options: Record<string, string | number | boolean>;
}

function examplesOf(profile: DeviceProfile): Said[] {
  const file = (profile.rules as { file: ProfileFile }).file;
  const protocol = builtinProtocols.find(({ name }) => name === profile.protocol)!;
  return file.examples
    .filter((example) => example.error === undefined)
    .map((example: ExampleFile) => ({
      name: example.name,
      frame: protocol.exampleFrame(profile, file, example, () => undefined)!,
      options: example.options ?? {},
    }));
}

/** Frames with plausible values of some metrics, under options that the profile allows. */
function madeUp(profile: DeviceProfile): Said[] {
  const random = seededRandom(`locate ${profile.id}`);
  const known = (parse(profile.source.text) as { options?: Record<string, { values: never[] }> })
    .options;
  return Array.from({ length: FRAMES_A_PROFILE }, (_, n) => {
    const options = Object.fromEntries(
      Object.entries(known ?? {}).map(([name, { values }]) => [
        name,
        values[Math.floor(random() * values.length)]!,
      ]),
    );
    const values = Object.fromEntries(
      profile.metrics
        .filter(({ optional }) => !optional || random() < 0.7)
        .map(({ key, range, states }) => {
          const all = Object.values(states ?? {});
          const [low, high] = range;
          const value = low + (high - low) * random();
          return [
            key,
            all.length > 0 ? all[Math.floor(random() * all.length)]! : round(value, range),
          ];
        }),
    );
    const at = Date.UTC(2026, 0, 1) + n * 60_000;
    return encodeAll(profile, values, { at, address: `站-${n}`.slice(2), options }).map(
      (frame) => ({
        name: `made up ${n}`,
        frame,
        options,
      }),
    );
  }).flat();
}

const round = (value: number, [low, high]: readonly [number, number]): number =>
  high - low === 1 && Number.isInteger(low) ? Math.round(value) : Number(value.toPrecision(6));

/** Proves each value of a frame and returns how many there were. */
function prove(profile: DeviceProfile, { name, frame, options }: Said): number {
  const { readings } = decode(profile, frame, { options });
  const { payload, framing } = frameKept(profile, frame);
  const lit = locate(profile, payload, framing, options);
  const metrics = new Set(lit.map(({ metric }) => metric));
  expect([...metrics].sort(), `${profile.id}: ${name}`).toEqual(
    readings.map(({ metric }) => metric).sort(),
  );
  for (const { metric, value } of readings) {
    const own = lit.filter((one) => one.metric === metric);
    for (const one of own) {
      expect(one.value).toBe(value);
      expect(one.from).toBeGreaterThanOrEqual(0);
      expect(one.to).toBeGreaterThan(one.from);
      expect(one.to).toBeLessThanOrEqual(payload.length);
    }
    const hand = byHand(profile.source.text, options, payload, metric, own);
    expect(
      Math.abs(hand - value),
      `${profile.id}: ${name}: ${metric} ${hand} ${value}`,
    ).toBeLessThanOrEqual(Math.abs(value) * 1e-6 + 1e-9);
  }
  return readings.length;
}

describe.each([...profiles.values()].map((profile) => [profile.id, profile] as const))(
  '%s',
  (_, profile) => {
    it('every value of every example opens to the bytes that say it', () => {
      const examples = examplesOf(profile);
      expect(examples.length).toBeGreaterThan(0);
      for (const said of examples) prove(profile, said);
    });

    it(`so do ${FRAMES_A_PROFILE} frames of plausible values, under every option`, () => {
      const count = madeUp(profile).reduce((sum, said) => sum + prove(profile, said), 0);
      expect(count).toBeGreaterThanOrEqual(FRAMES_A_PROFILE);
    });
  },
);

describe('events', () => {
  const said = [...profiles.values()].flatMap((profile) =>
    examplesOf(profile)
      .map(({ name, frame, options }) => ({
        name: `${profile.id}: ${name}`,
        kept: frameKept(profile, frame),
        events: decode(profile, frame, { options }).events,
        lit: () => {
          const { payload, framing } = frameKept(profile, frame);
          return locateEvents(profile, payload, framing, options);
        },
      }))
      .filter(({ events }) => events.length > 0),
  );

  it('of the catalogue have examples', () => {
    expect(said.length).toBeGreaterThanOrEqual(4);
  });

  it.each(said)('every detail opens to the bytes that say it: $name', ({ kept, events, lit }) => {
    const found = lit().map(({ event, detail, from, to }) => [
      event,
      detail,
      JSON.parse(Buffer.from(kept.payload).subarray(from, to).toString()),
    ]);
    const told = events.flatMap(({ type, detail }) =>
      Object.entries(detail).map(([key, value]) => [type, key, value]),
    );
    expect(found.toSorted()).toEqual(told.toSorted());
  });

  it('of our own wire open as well, and what is no event opens to none', () => {
    const payload = Buffer.from('{"type":"村 open","detail":{"who":"村","n":[1]},"at":""}');
    const lit = locateEvent(payload);
    expect(
      lit.map(({ event, detail, from, to }) => [
        event,
        detail,
        payload.subarray(from, to).toString(),
      ]),
    ).toEqual([
      ['村 open', 'who', '"村"'],
      ['村 open', 'n', '[1]'],
    ]);
    for (const text of ['{"values":{"pm25":1},"detail":{"a":1}}', '[]', 'null', '{"type":7}'])
      expect(locateEvent(Buffer.from(text))).toEqual([]);
  });
});

describe('JSON as devices write it', () => {
  const station = profiles.get('village/air-weather')!;
  const topic = 'village/v1/devices/a/readings';
  it.each([
    ['spaces and line ends', '{ "values" :\r\n\t{ "pm25" : 35.5 , "pm10":7 } }'],
    [
      'text of more than one byte before it',
      '{"device":"空气站","at":"2026-01-01T00:00:00Z","values":{"pm25":35.5,"pm10":7}}',
    ],
    [
      'a key written twice',
      '{"values":{"pm25":1,"pm10":2},"values":{"pm25":3,"pm25":35.5,"pm10":7}}',
    ],
    [
      'escapes in keys and texts',
      '{"no\\"te":"}\\\\","v\\u0061lues":{"pm\\u0032\\u0035":35.5,"pm10":7}}',
    ],
    [
      'lists, nulls and objects around',
      '{"x":[1,[2,{"values":3}],null,true],"values":{"co":null,"pm25":3.55e1,"pm10":7}}',
    ],
  ])('%s', (_, text) => {
    const payload = Buffer.from(text);
    const lit = locate(station, payload, topic);
    expect(lit.map(({ metric, value }) => [metric, value])).toEqual([
      ['pm25', 35.5],
      ['pm10', 7],
    ]);
    for (const { from, to, value } of lit)
      expect(Number(payload.subarray(from, to).toString())).toBe(value);
  });
});

describe('rows of our own wire as others send them', () => {
  const gbk = Buffer.from([0x22, 0xbf, 0xd5, 0xc6, 0xf8, 0xd5, 0xbe, 0x22]);
  it.each([
    ['lists in lists, as deep as 64 KiB allow', '['.repeat(32_000) + ']'.repeat(32_000)],
    ['objects in objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['a name in GBK', gbk],
  ])('%s', (_, other) => {
    const values = Buffer.from(',"values":{"pm25":35.5,"pm10":7}}');
    const payload = Buffer.concat([Buffer.from('{"x":'), Buffer.from(other), values]);
    const lit = locateReading(payload).map(({ metric, value, from, to }) => [
      metric,
      value,
      payload.subarray(from, to).toString(),
    ]);
    expect(lit).toEqual([
      ['pm25', 35.5, '35.5'],
      ['pm10', 7, '7'],
    ]);
  });

  it('says of what is no JSON that it is none', () => {
    expect(locateReading(Buffer.from('\ufeff{"values":{"pm25":1,"pm10":NaN}}\0'))).toEqual([
      { metric: 'pm25', value: 1, from: 21, to: 22 },
    ]);
    for (const text of ['', '{"values":', 'BOOT'])
      expect(() => locateReading(Buffer.from(text))).toThrowError(
        expect.objectContaining({ code: 'payload-not-json' }),
      );
  });
});

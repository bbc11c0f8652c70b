import { OperationalError } from '@village/core';
import { describe, expect, it } from 'vitest';
import { decode, encode, encodeAll, optionFaults, optionValues } from './profile.ts';
import type { ModbusFrame } from './protocols/modbus/frame.ts';
import { planReads } from './protocols/modbus/index.ts';
import { isMqttFrame, type MqttFrame } from './protocols/mqtt/frame.ts';
import { profileOf, sound } from './testing.ts';
import type { Decoded, DeviceProfile } from './types.ts';

const message = (payload: string | Uint8Array, topic = 'bin/1/up'): MqttFrame => ({
  protocol: 'mqtt',
  topic,
  payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
});

/** Why a frame is refused, or the first part of it that is. */
function codeOf(work: () => unknown): string {
  try {
    const decoded = work() as Partial<Decoded>;
    const [first] = decoded.refused ?? [];
    if (first !== undefined) return first.reason;
  } catch (error) {
    if (error instanceof OperationalError) return error.code;
    throw error;
  }
  return 'none';
}

const json = (mqtt: string, metrics: string): DeviceProfile =>
  sound(`profile: t/t
revision: 1
name: { zh: 测, en: T }
kind: smart-bin
protocol: mqtt
mqtt: { topic: "b/{device}", payload: json, every: 1h${mqtt} }
metrics:
  - { key: fill, quantity: bin.fill-level, from: { path: /f }, range: [0, 100] }
${metrics}
examples:
  - { name: one, frame: { payload: '{"f":5,"x":1}' }, readings: { fill: 5, x: 1 } }
  - { name: two, frame: { payload: x }, error: payload-not-json }
`);
const X =
  '  - { key: x, quantity: bin.weight, from: { path: /x, text: true }, range: [0, 100], absent: [-9999], optional: true }';

describe('bad payloads', () => {
  const bin = profileOf('village/smart-bin');
  const good = '"t":0,"bat":{"mv":3600},"lid":"closed"';
  it.each([
    ['', 'payload-not-json'],
    ['{"fill":', 'payload-not-json'],
    ['[1]', 'payload-not-an-object'],
    ['null', 'payload-not-an-object'],
    ['5', 'payload-not-an-object'],
    [`{${good}}`, 'value-missing'],
    [`{"fill":null,${good}}`, 'value-missing'],
    [`{"fill":"much",${good}}`, 'value-not-a-number'],
    [`{"fill":"50",${good}}`, 'value-not-a-number'],
    [`{"fill":true,${good}}`, 'value-not-a-number'],
    [`{"fill":{},${good}}`, 'value-not-a-number'],
    [`{"fill":1e999,${good}}`, 'value-not-a-number'],
    [`{"fill":NaN,${good}}`, 'value-not-a-number'],
    [`{"fill":,${good}}`, 'value-not-a-number'],
    [`{"fill":5,${good}`, 'payload-not-json'],
    [`{"__proto__":{"fill":5},${good}}`, 'value-missing'],
    [`{"fill":5,"ts":"soon",${good}}`, 'time-unreadable'],
    [`{"fill":5,"ts":1e300,${good}}`, 'time-unreadable'],
    [`{"fill":5,"pad":"${'x'.repeat(70_000)}",${good}}`, 'payload-too-large'],
  ])('%#: %.40s', (payload, code) => {
    expect(codeOf(() => decode(bin, message(payload)))).toBe(code);
  });

  it('tells a time that is too large as it is', () => {
    const say = (): unknown => decode(bin, message(`{"fill":5,"ts":1e400,${good}}`));
    expect(say).toThrow('/ts is no unix-s time: Infinity');
  });

  it('takes the values beside a text that is not UTF-8', () => {
    const bytes = Buffer.from(`{"fill":5,"x":"?",${good}}`);
    bytes[bytes.indexOf('?')] = 0xff;
    const { readings, refused } = decode(bin, message(bytes));
    expect(readings.map(({ metric }) => metric)).toEqual(['fill', 'temperature', 'battery', 'lid']);
    expect(refused).toEqual([]);
  });

  it('refuses a frame of another protocol', () => {
    expect(codeOf(() => decode(bin, { protocol: 'modbus', blocks: {} }))).toBe('wrong-protocol');
    const meter = profileOf('boqu/phg-2091');
    expect(codeOf(() => decode(meter, message('{}')))).toBe('wrong-protocol');
    const bits: ModbusFrame = { protocol: 'modbus', blocks: { probe: [true, true, true, true] } };
    expect(codeOf(() => decode(meter, bits))).toBe('wrong-protocol');
  });

  it('never finds what every object inherits', () => {
    const inherits = X.replace('key: x', 'key: y').replace('path: /x', 'path: /toString');
    const both = sound(
      `profile: t/t
revision: 1
name: { zh: 测, en: T }
kind: smart-bin
protocol: mqtt
mqtt: { topic: "b/{device}", payload: json, every: 1h }
metrics:
${inherits}
examples:
  - { name: one, frame: { payload: '{"toString":5}' }, readings: { y: 5 } }
  - { name: two, frame: { payload: x }, error: payload-not-json }
`,
    );
    expect(decode(both, message('{"a":1}')).readings).toEqual([]);
  });
});

describe('numbers and absent values', () => {
  const profile = json('', X);
  it.each([
    ['{"f":5,"x":" 7.5 "}', 7.5],
    ['{"f":5,"x":-9999}', undefined],
    ['{"f":5,"x":null}', undefined],
    ['{"f":5}', undefined],
  ])('%s', (payload, expected) => {
    const { readings } = decode(profile, message(payload));
    expect(readings.find((one) => one.metric === 'x')?.value).toBe(expected);
  });

  it('takes what prints as not-a-number for none, where the profile says so', () => {
    const nan = json('', X.replace('[-9999]', '[nan]'));
    for (const x of ['NaN', 'nan', '-nan', '"NaN"']) {
      const { readings, refused } = decode(nan, message(`{"f":5,"x":${x}}`));
      expect(readings).toEqual([{ metric: 'fill', value: 5, quality: 'good' }]);
      expect(refused).toEqual([]);
    }
    expect(decode(profile, message('{"f":5,"x":NaN}')).refused).toMatchObject([
      { reason: 'value-not-a-number', metric: 'x' },
    ]);
  });

  it('keeps a value out of range, marked implausible', () => {
    expect(decode(profile, message('{"f":101}')).readings).toEqual([
      { metric: 'fill', value: 101, quality: 'implausible' },
    ]);
  });
});

describe('times', () => {
  it.each([
    ['unix-s', '1767225600', 1_767_225_600_000],
    ['unix-s', '"1767225600"', 1_767_225_600_000],
    ['unix-ms', '1767225600123', 1_767_225_600_123],
    ['rfc3339', '"2026-01-01T08:00:00+08:00"', 1_767_225_600_000],
    ['local, zone: "+08:00"', '"2026-01-01 08:00:00"', 1_767_225_600_000],
    ['local, zone: "+08:00"', '"20260101080000"', 1_767_225_600_000],
    ['local, zone: "-05:30"', '"2025/12/31T18:30:00.5"', 1_767_225_600_500],
  ])('%s %s', (format, text, expected) => {
    const profile = json(`, time: { path: /t, format: ${format} }`, X);
    expect(decode(profile, message(`{"f":1,"t":${text}}`)).at).toBe(expected);
    expect(decode(profile, message('{"f":1}')).at).toBeNull();
    const sent = encode(profile, { fill: 1 }, { at: 1_767_225_600_000, address: 'd' });
    expect(decode(profile, sent).at).toBe(1_767_225_600_000);
  });

  it.each(['"yesterday"', '"2026-13-01 08:00:00"', 'true', '{}'])('refuses local %s', (text) => {
    const profile = json(', time: { path: /t, format: local, zone: "+08:00" }', X);
    expect(codeOf(() => decode(profile, message(`{"f":1,"t":${text}}`)))).toBe('time-unreadable');
  });
});

describe('options', () => {
  const station = profileOf('renke/all-in-one-weather');
  it('tells what is allowed and what is wrong', () => {
    expect(optionValues(station)['windSpeedScale']).toEqual([0.1, 0.01]);
    expect(optionFaults(station, { windSpeedScale: 0.01 })).toEqual([]);
    expect(optionFaults(station, { windSpeedScale: 7, colour: 'red' })).toHaveLength(2);
    const blocks = { air: new Uint16Array(16) };
    const frame: ModbusFrame = { protocol: 'modbus', blocks };
    expect(codeOf(() => decode(station, frame, { options: { colour: 1 } }))).toBe('bad-option');
    expect(codeOf(() => planReads(station, { windSpeedScale: 7 }))).toBe('bad-option');
  });

  it('decodes by the options of each device', () => {
    const air = new Uint16Array(16);
    air[0] = 311;
    const speed = (options?: Record<string, number>): number | undefined =>
      decode(
        station,
        { protocol: 'modbus', blocks: { air } },
        options === undefined ? {} : { options },
      ).readings[0]?.value;
    expect([speed(), speed({ windSpeedScale: 0.01 }), speed({ windSpeedScale: 0.1 })]).toEqual([
      31.1, 3.11, 31.1,
    ]);
  });
});

describe('native payloads', () => {
  const air = profileOf('village/air-weather');
  it.each([
    ['{"values":5}', 'value-missing'],
    ['{}', 'value-missing'],
    ['{"values":{"__proto__":1}}', 'unknown-metric'],
    ['{"device":"b","values":{}}', 'device-mismatch'],
    ['{"at":5,"values":{}}', 'time-unreadable'],
    ['{"values":{"pm25":1},"quality":{"pm25":"great"}}', 'unknown-quality'],
    ['{"values":{"pm25":1},"quality":{"pm10":"fault"}}', 'unknown-metric'],
    ['{"values":{"pm25":1e999}}', 'value-not-a-number'],
  ])('%s', (payload, code) => {
    expect(codeOf(() => decode(air, message(payload), { device: 'a' }))).toBe(code);
  });
});

describe('binary payloads', () => {
  const sensor = profileOf('milesight/em400-udl');
  it.each([
    ['{}', 'value-missing'],
    ['{"data":5}', 'payload-not-bytes'],
    ['{"data":"A*=="}', 'payload-not-bytes'],
    ['{"data":"AQ=="}', 'unknown-record'],
  ])('%s', (payload, code) => {
    expect(codeOf(() => decode(sensor, message(payload)))).toBe(code);
  });
});

describe('cameras', () => {
  const camera = profileOf('onvif/camera');
  it('says each matter on its own topic', () => {
    const context = { at: 0, address: 'gate/1' };
    const frames = encodeAll(camera, { motion: 1, count: 5 }, context);
    const topics = frames.map((frame) => (isMqttFrame(frame) ? frame.topic : ''));
    expect(topics).toEqual([
      'gate/1/onvif-ej/VideoSource/MotionAlarm/1',
      'gate/1/onvif-ej/RuleEngine/CountAggregation/Counter/1',
    ]);
    expect(() => encode(camera, { motion: 1, count: 5 }, context)).toThrow('BUG:');
  });

  it("refuses a topic that is not a camera's, and a detail beyond all measure", () => {
    expect(codeOf(() => decode(camera, message('{}', 'x/y')))).toBe('topic-mismatch');
    const topic = 'cam/onvif-ej/RuleEngine/LineDetector/Crossed/1';
    const payload = JSON.stringify({ Source: { Rule: 'x'.repeat(5_000) } });
    expect(codeOf(() => decode(camera, message(payload, topic)))).toBe('event-too-large');
  });
});

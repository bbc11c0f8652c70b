/** A frame is taken in parts: one that is bad or absent costs only itself, and is told with its reason and its place. */
import { describe, expect, it } from 'vitest';
import { decode, encode, frameKept, locate } from './profile.ts';
import type { ModbusFrame } from './protocols/modbus/frame.ts';
import type { MqttFrame } from './protocols/mqtt/frame.ts';
import { profileOf, sound } from './testing.ts';
import type { DeviceProfile } from './types.ts';

const message = (payload: unknown, topic = 'x/1/up'): MqttFrame => ({
  protocol: 'mqtt',
  topic,
  payload: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
});

/** What a frame gave: values by metric, and of the refused parts reason, place and metric. */
function taken(profile: DeviceProfile, frame: ModbusFrame | MqttFrame) {
  const { readings, refused = [], events } = decode(profile, frame);
  return {
    values: Object.fromEntries(readings.map(({ metric, value }) => [metric, value])),
    refused: refused.map(({ reason, place, metric }) => [reason, place, metric]),
    events: events.map(({ type }) => type),
  };
}

/** Every metric whose bytes are lit in the kept frame. */
function lit(profile: DeviceProfile, frame: ModbusFrame | MqttFrame): string[] {
  const { payload, framing } = frameKept(profile, frame);
  return [...new Set(locate(profile, payload, framing).map(({ metric }) => metric))].sort();
}

const words = (text: string): Uint16Array =>
  Uint16Array.from(text.split(' ').map((word) => Number.parseInt(word, 16)));

describe('registers', () => {
  const station = profileOf('generic/sewage-station');
  const water = '40E6 6666 0001 E240 06E5 02D6 00B7 41CC 0000 007D 01A4 0001 0000';
  const machines = [true, true, false, false];
  const all = station.metrics.map(({ key }) => key).sort();
  const without = (...keys: string[]): string[] => all.filter((key) => !keys.includes(key));
  const frame = (blocks: ModbusFrame['blocks']): ModbusFrame => ({ protocol: 'modbus', blocks });

  it.each([
    ['not-a-number', '7FC0'],
    ['infinity', '7F80'],
  ])('%s costs its metric alone, and the others open to their registers', (_name, high) => {
    const bad = frame({ water: words(water.replace('41CC', high)), machines });
    const { values, refused } = taken(station, bad);
    expect(Object.keys(values).sort()).toEqual(without('cod'));
    expect(refused).toEqual([
      ['value-not-a-number', expect.stringMatching(/^\w+ \d+–\d+$/), 'cod'],
    ]);
    expect(lit(station, bad)).toEqual(without('cod'));
  });

  it('a block that did not come costs its metrics, and so does one that came short', () => {
    const bits = ['blower', 'blower-fault', 'pump', 'pump-fault'];
    const none = taken(station, frame({ water: words(water) }));
    expect(none.refused.map(([, , metric]) => metric).sort()).toEqual(bits);
    expect(new Set(none.refused.map(([reason]) => reason))).toEqual(new Set(['value-missing']));
    expect(Object.keys(none.values).sort()).toEqual(without(...bits));
    const short = taken(station, frame({ water: words('40E6 6666'), machines }));
    expect(Object.keys(short.values).sort()).toEqual(bits);
    expect(new Set(short.refused.map(([reason]) => reason))).toEqual(new Set(['frame-too-short']));
    expect(short.refused).toHaveLength(all.length - bits.length);
  });

  it('an unknown number of a state is kept and marked; it is no reason to refuse', () => {
    const odd = frame({ water: words(water.replace('01A4 0001', '01A4 0009')), machines });
    expect(decode(station, odd).readings).toContainEqual({
      metric: 'mode',
      value: 9,
      quality: 'implausible',
    });
    expect(taken(station, odd).refused).toEqual([]);
  });

  it('a sum of which one half is not a number costs the sum', () => {
    const meter = sound(`profile: t/t
revision: 1
name: { zh: 测, en: T }
kind: flow-meter
protocol: modbus
modbus: { blocks: { one: { table: holding, address: 40, count: 5 } }, every: 1m }
metrics:
  - { key: total, quantity: water.volume-total, from: { sum: [{ block: one, at: 0, type: uint32 }, { block: one, at: 2, type: float32 }] }, range: [0, 100000000] }
  - { key: level, quantity: bin.fill-level, from: { block: one, at: 4, type: uint16 }, range: [0, 100] }
examples:
  - { name: one, frame: { one: "0000 0007 3F00 0000 0005" }, readings: { total: 7.5, level: 5 } }
  - { name: two, frame: { one: "0000 0007 7FC0 0000 0005" }, readings: { level: 5 }, refused: { total: value-not-a-number } }
`);
    const bad = frame({ one: words('0000 0007 7FC0 0000 0005') });
    expect(taken(meter, bad)).toMatchObject({
      values: { level: 5 },
      refused: [['value-not-a-number', 'holding 40–41 + holding 42–43', 'total']],
    });
  });
});

describe('binary records', () => {
  const bin = profileOf('milesight/em400-udl');
  const uplink = (hex: string, more: object = {}): MqttFrame =>
    message(
      { time: '2026-01-01T00:00:00Z', data: Buffer.from(hex, 'hex').toString('base64'), ...more },
      'application/1/device/24e124713b490001/event/up',
    );
  const measured = '01755c03670101048244080500';

  it.each([
    ['after power-on', `ff0bff${measured}01`],
    ['with a setting confirmed before', `ff032c01${measured}01`],
    [
      'with all it says of itself',
      `ff0101ff0901 00ff0a0101ff166445b43411300001ff0f00ffff0100fffe01${measured}01`,
    ],
  ])('known ones are taken %s', (_name, hex) => {
    const frame = uplink(hex.replaceAll(' ', ''));
    expect(taken(bin, frame)).toMatchObject({
      values: { battery: 92, temperature: 25.7, distance: 2116, tilt: 1 },
      refused: [],
    });
    expect(lit(bin, frame)).toEqual(['battery', 'distance', 'temperature', 'tilt']);
  });

  it.each([
    ['at the end', `${measured}01c0ffee`, 'unknown-record', 14],
    ['in the middle', '01755cc0ffee048244', 'unknown-record', 3],
    ['cut short', '01755c048244', 'frame-too-short', 3],
    ['skipped, but cut short', '01755cff16644512', 'frame-too-short', 3],
  ])('what nobody can read is a rest: %s', (_name, hex, reason, byte) => {
    const frame = uplink(hex);
    const { values, refused } = taken(bin, frame);
    expect(values['battery']).toBe(92);
    expect(refused).toEqual([[reason, `/data byte ${byte}`, null]]);
    expect(lit(bin, frame)).toEqual(Object.keys(values).sort());
  });

  it.each([
    ['without bytes', { data: null }, 'value-missing'],
    ['with bytes that are none', { data: '?!' }, 'payload-not-bytes'],
  ])('an uplink %s keeps what stands beside them', (_name, more, reason) => {
    const frame = uplink('', { ...more, rxInfo: [{ rssi: -87 }] });
    expect(taken(bin, frame)).toMatchObject({
      values: { signal: -87 },
      refused: [[reason, '/data', null]],
    });
    expect(lit(bin, frame)).toEqual(['signal']);
  });

  it('what the network server has decoded is taken field by field; null is absent', () => {
    const object = { battery: 92, temperature: null, distance: 'far', position: 'upside-down' };
    const frame = uplink('', { object });
    expect(taken(bin, frame)).toMatchObject({
      values: { battery: 92 },
      refused: [
        ['value-not-a-number', '/object/distance', 'distance'],
        ['unknown-state', '/object/position', 'tilt'],
      ],
    });
    expect(lit(bin, frame)).toEqual(['battery']);
    const nothing = uplink('01755c', { object: { battery: null } });
    expect(taken(bin, nothing)).toMatchObject({ values: { battery: 92 }, refused: [] });
  });

  it.each([
    ['failed', { error: 'x is not a function' }, {}],
    ['knows one field', { battery: 91 }, { battery: 91 }],
    ['knows one that we do not, and nothing of ours', { voltage: 3.6 }, {}],
    ['says one badly', { distance: 'far' }, { distance: undefined }],
  ])(
    'what the decoder of the network server does not tell is read from the bytes: it %s',
    (_name, object, other) => {
      const frame = uplink(`${measured}01`, { object });
      const { values, refused } = taken(bin, frame);
      const all = { battery: 92, temperature: 25.7, distance: 2116, tilt: 1, ...other };
      expect(values).toEqual(JSON.parse(JSON.stringify(all)));
      expect(refused.length).toBe(Object.values(other).includes(undefined) ? 1 : 0);
      expect(lit(bin, frame)).toEqual(Object.keys(values).sort());
    },
  );

  it('what the decoder of the network server knows more of than we do is no fault', () => {
    const known = uplink('01755cc0ffee', { object: { battery: 92, spin: 5 } });
    expect(taken(bin, known)).toMatchObject({ values: { battery: 92 }, refused: [] });
    const failed = uplink('01755cc0ffee', { object: { error: 'no' } });
    expect(taken(bin, failed)).toMatchObject({
      values: { battery: 92 },
      refused: [['unknown-record', '/data byte 3', null]],
    });
  });

  it('a float that is not a number costs its field', () => {
    const gauge = sound(`profile: t/t
revision: 1
name: { zh: 测, en: T }
kind: smart-bin
protocol: mqtt
mqtt: { topic: "b/{device}", payload: tlv, bytes: { path: /d, encoding: hex }, every: 1h }
tlv: { endian: big, records: [{ id: "0A", fields: [{ field: load, type: float32 }, { field: fill, type: uint8 }] }] }
metrics:
  - { key: weight, quantity: bin.weight, from: { field: load }, range: [0, 100] }
  - { key: fill, quantity: bin.fill-level, from: { field: fill }, range: [0, 100] }
examples:
  - { name: one, frame: { payload: '{"d":"0A 40A00000 32"}' }, readings: { weight: 5, fill: 50 } }
  - { name: two, frame: { payload: '{"d":"0A 7FC00000 32"}' }, readings: { fill: 50 }, refused: { weight: value-not-a-number } }
`);
    expect(taken(gauge, message({ d: '0A 7FC00000 32' }))).toMatchObject({
      values: { fill: 50 },
      refused: [['value-not-a-number', '/d byte 1', 'weight']],
    });
  });
});

describe('JSON', () => {
  const bin = profileOf('village/smart-bin');
  const said = { ts: 1767225600, fill: 52, t: -37, bat: { mv: 3620 }, lid: 'closed' };

  it.each([
    ['a word that is no number', { ...said, t: 'nan' }, 'value-not-a-number', '/t'],
    ['an unknown state word', { ...said, lid: 'ajar' }, 'unknown-state', '/lid'],
    ['an object for a number', { ...said, fill: {} }, 'value-not-a-number', '/fill'],
    ['an absent field', { ...said, fill: undefined }, 'value-missing', '/fill'],
    [
      'null for a field that must be there',
      { ...said, bat: { mv: null } },
      'value-missing',
      '/bat/mv',
    ],
    ['null for what holds it', { ...said, bat: null }, 'value-missing', '/bat/mv'],
  ])('%s costs only itself', (_name, payload, reason, place) => {
    const frame = message(payload);
    const { values, refused } = taken(bin, frame);
    expect(refused.map((part) => part.slice(0, 2))).toEqual([[reason, place]]);
    expect(Object.keys(values).length).toBeGreaterThanOrEqual(3);
    expect(lit(bin, frame)).toEqual(Object.keys(values).sort());
  });

  it('a time that is null is none', () => {
    expect(decode(bin, message({ ...said, ts: null }))).toMatchObject({ at: null, refused: [] });
  });

  it('an event beyond all measure costs only itself', () => {
    const camera = profileOf('onvif/camera');
    const crossed = { UtcTime: '2026-01-01T00:00:00Z', Source: { Rule: 'x'.repeat(5_000) } };
    const frame = message(crossed, 'cam/onvif-ej/RuleEngine/LineDetector/Crossed/1');
    const { refused, events } = taken(camera, frame);
    expect(events).toEqual([]);
    expect(refused).toEqual([['event-too-large', expect.stringMatching(/^event /), null]]);
  });
});

describe('our own reading object', () => {
  const air = profileOf('village/air-weather');
  const object = { device: 'a', at: '2026-01-01T00:00:00Z', values: { pm25: 8, co: 0.3 } };

  it.each([
    ['a text', { so2: 'NA' }, {}, [['value-not-a-number', '/values/so2', 'so2']]],
    ['an unknown metric', { pm1: 3 }, {}, [['unknown-metric', '/values/pm1', null]]],
    ['null', { so2: null, pm1: null }, {}, []],
    [
      'a value of unknown quality',
      { so2: 3 },
      { so2: 'so-so' },
      [['unknown-quality', '/values/so2', 'so2']],
    ],
    ['a quality of nothing', {}, { so2: 'fault' }, [['unknown-metric', '/quality/so2', null]]],
    ['a quality that is null', {}, { co: null, so2: null }, []],
  ])('%s costs only itself', (_name, values, quality, refused) => {
    const frame = message({ ...object, values: { ...object.values, ...values }, quality });
    expect(taken(air, frame)).toMatchObject({ values: { pm25: 8, co: 0.3 }, refused });
    expect(lit(air, frame)).toEqual(['co', 'pm25']);
  });

  it('null for time, device and quality is as if they were absent', () => {
    const frame = message({ ...object, at: null, device: null, quality: null });
    const { at, readings, refused } = decode(air, frame, { device: 'a' });
    expect([at, readings.length, refused]).toEqual([null, 2, []]);
  });

  it('a thousand keys that nobody knows are told as a few', () => {
    const values = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, n]));
    const { refused = [] } = decode(air, message({ ...object, values: { ...values, pm25: 8 } }));
    expect(refused).toHaveLength(65);
    expect(refused.at(-1)).toEqual({
      ...{ reason: 'too-many-faults', message: '936 more parts are refused' },
      ...{ place: '…', metric: null, count: 936 },
    });
  });
});

describe('profiles of before', () => {
  it('whose example says `error` for what now is a part are still sound', () => {
    const text = profileOf('village/smart-bin').source.text;
    expect(text).toContain('error: unknown-state');
    expect(sound(text).id).toBe('village/smart-bin');
  });

  it('decode what they encode without a refused part', () => {
    const meter = profileOf('boqu/phg-2091');
    const frame = encode(meter, { temperature: 25, ph: 7 }, { at: 0, address: 'a' });
    expect(decode(meter, frame).refused).toEqual([]);
  });
});

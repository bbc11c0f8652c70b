/** Several sources in one device: each has a series of its own, and what comes from another one gets into none. */
import { describe, expect, it } from 'vitest';
import { decode, encodeAll, frameKept, locate, optionFaults } from '../profile.ts';
import type { ModbusFrame } from '../protocols/modbus/frame.ts';
import { planReads } from '../protocols/modbus/index.ts';
import type { MqttFrame } from '../protocols/mqtt/frame.ts';
import { parseProfile } from '../schema/parse.ts';
import { sound } from '../testing.ts';
import type { DeviceProfile, Frame } from '../types.ts';

const AT = Date.UTC(2026, 0, 1);

const message = (payload: unknown, topic = 'x/1/up'): MqttFrame => ({
  protocol: 'mqtt',
  topic,
  payload: Buffer.from(JSON.stringify(payload)),
});

/** What frames gave: values by metric, and of the refused parts reason, place and metric. */
function taken(profile: DeviceProfile, ...frames: Frame[]) {
  const all = frames.map((frame) => decode(profile, frame));
  return {
    values: Object.fromEntries(
      all.flatMap(({ readings }) => readings.map(({ metric, value }) => [metric, value])),
    ),
    refused: all.flatMap(({ refused = [] }) =>
      refused.map(({ reason, place, metric }) => [reason, place, metric]),
    ),
    events: all.flatMap(({ events }) => events),
  };
}

/** Every metric whose bytes are lit in the kept frame, with what they say. */
function lit(profile: DeviceProfile, frame: Frame): Record<string, string> {
  const { payload, framing } = frameKept(profile, frame);
  return Object.fromEntries(
    locate(profile, payload, framing).map(({ metric, from, to }) => [
      metric,
      Buffer.from(payload.subarray(from, to)).toString(),
    ]),
  );
}

const faultsOf = (text: string): string[] =>
  parseProfile(text, 'test.yaml').faults.map(({ path, message: what }) => `${path}: ${what}`);

const head = (kind = 'camera', protocol = 'mqtt'): string => `profile: t/t
revision: 1
name: { zh: 测, en: T }
kind: ${kind}
protocol: ${protocol}
`;

const counters = (from: string, known: string, more = ''): string => `${head()}
mqtt: { topic: "c/{device}/#", payload: json, every: 1h }
channels:
  rule:
    name: { zh: 规则, en: Rule }
    from: ${from}
    ${more}
    known: ${known}
metrics:
  - { key: count, channel: rule, quantity: camera.count, from: { path: /n }, range: [0, 1000], optional: true }
events:
  - { type: crossed, channel: rule, name: { zh: 越线, en: Crossed }, when: { /crossed: true } }
examples:
  - { name: one, frame: { topic: c/1/Inbound, payload: '{"rule":"Inbound","n":40}' }, readings: { count-inbound: 40 } }
  - { name: two, frame: { topic: c/1/Inbound, payload: '{"rule":"Inbound","crossed":true}' }, readings: {}, events: [{ type: crossed, detail: { channel: inbound } }] }
  - { name: three, frame: { topic: c/1/Roof, payload: '{"rule":"Roof","n":1}' }, readings: {}, refused: { /n: unknown-channel } }
`;
const BOTH = `{ inbound: { name: { zh: 进入, en: In }, says: [Inbound] }, outbound: { name: { zh: 离开, en: Out }, says: [Outbound, 2] } }`;

describe('a message that names its channel', () => {
  const byField = sound(counters('{ path: /rule }', BOTH));
  const said = (rule: unknown, more: object) => message({ rule, ...more }, 'c/1/x');

  it('makes a metric for each channel, with its name in both languages', () => {
    expect(byField.metrics.map(({ key, name, channel }) => [key, name, channel])).toEqual([
      [
        'count-inbound',
        { zh: '目标计数（进入）', en: 'Object count (In)' },
        { kind: 'rule', key: 'inbound', name: { zh: '进入', en: 'In' }, base: 'count' },
      ],
      [
        'count-outbound',
        { zh: '目标计数（离开）', en: 'Object count (Out)' },
        { kind: 'rule', key: 'outbound', name: { zh: '离开', en: 'Out' }, base: 'count' },
      ],
    ]);
    expect(byField.events).toEqual([
      {
        type: 'crossed',
        name: { zh: '越线', en: 'Crossed' },
        channels: [
          { key: 'inbound', name: { zh: '进入', en: 'In' } },
          { key: 'outbound', name: { zh: '离开', en: 'Out' } },
        ],
      },
    ]);
  });

  it('two counters of one second are two facts, and so are two events', () => {
    const [inbound, outbound] = ['Inbound', 'Outbound'].map((rule, n) =>
      said(rule, { n: [40, 3][n], crossed: true }),
    ) as [MqttFrame, MqttFrame];
    expect(taken(byField, inbound, outbound)).toEqual({
      values: { 'count-inbound': 40, 'count-outbound': 3 },
      refused: [],
      events: [
        { type: 'crossed', detail: { channel: 'inbound' } },
        { type: 'crossed', detail: { channel: 'outbound' } },
      ],
    });
    expect(lit(byField, outbound)).toEqual({ 'count-outbound': '3' });
  });

  it.each([
    ['another one', 'Roof'],
    ['one that differs in large letters', 'INBOUND'],
    ['none', undefined],
    ['null', null],
    ['an empty text', ''],
    ['an object', { name: 'Inbound' }],
    ['a very long one', 'x'.repeat(10_000)],
    ['a name of JavaScript', '__proto__'],
  ])('%s gets into no series, and is told with its place', (_name, rule) => {
    const { values, refused, events } = taken(byField, said(rule, { n: 7, crossed: true }));
    expect({ values, events }).toEqual({ values: {}, events: [] });
    expect(refused).toEqual([
      ['unknown-channel', '/n', null],
      ['unknown-channel', 'event crossed', null],
    ]);
  });

  it('another one that has nothing to say is no fault', () => {
    expect(taken(byField, said('Roof', { other: 1 })).refused).toEqual([]);
  });

  it.each([
    ['a number for a text', 2, 'count-outbound'],
    ['spaces around it', ' Inbound ', 'count-inbound'],
  ])('%s is the same channel', (_name, rule, metric) => {
    expect(taken(byField, said(rule, { n: 7 })).values).toEqual({ [metric]: 7 });
  });

  it('Chinese words are compared however their characters are made', () => {
    const known = `{ inbound: { name: { zh: 进入, en: In }, says: ["东门 é 进", Inbound] } }`;
    const gate = sound(counters('{ path: /rule }', known));
    expect(taken(gate, said('东门 e\u0301 进', { n: 7 })).values).toEqual({ 'count-inbound': 7 });
    expect(taken(gate, said('东门é进', { n: 7 })).values).toEqual({});
  });

  it.each([
    ['a level of #', '{ level: 1 }'],
    ['a level of # from its end', '{ level: -1 }'],
    ['the first place that has it', '[{ path: /none }, { level: -1, topic: "+" }]'],
  ])('in %s', (_name, from) => {
    const byTopic = sound(counters(from, BOTH));
    const frames = encodeAll(
      byTopic,
      { 'count-inbound': 1, 'count-outbound': 2 },
      { at: AT, address: '1' },
    );
    expect(frames).toHaveLength(2);
    expect(taken(byTopic, ...frames).values).toEqual({ 'count-inbound': 1, 'count-outbound': 2 });
    expect(taken(byTopic, message({ n: 5 }, 'c/1/Roof')).refused).toEqual([
      ['unknown-channel', '/n', null],
    ]);
  });

  it.each(['c/{device}/{port}/up', 'a/{device+}/up/{port}/b/#'])(
    'in a level with a name: %s',
    (topic) => {
      const profile = sound(
        counters('{ level: port }', BOTH)
          .replace('c/{device}/#', topic)
          .replaceAll('c/1/', topic.startsWith('a') ? 'a/x/y/up/' : 'c/1/')
          .replaceAll(
            /(Inbound|Roof), payload/g,
            topic.startsWith('a') ? '$1/b/z, payload' : '$1/up, payload',
          ),
      );
      const frames = encodeAll(profile, { 'count-outbound': 2 }, { at: AT, address: 'x' });
      expect(taken(profile, ...frames).values).toEqual({ 'count-outbound': 2 });
    },
  );

  it('the plain channel keeps the key and takes what names none, and nothing that names another', () => {
    const text = counters(
      '{ path: /rule }',
      BOTH.replace(
        '}, outbound',
        '}, whole: { name: { zh: 未分, en: Unsaid }, says: [] }, outbound',
      ),
      'plain: whole',
    );
    const plain = sound(text);
    expect(plain.metrics.map(({ key }) => key)).toEqual([
      'count-inbound',
      'count',
      'count-outbound',
    ]);
    expect(
      taken(plain, said(undefined, { n: 5, crossed: true }), said('Inbound', { n: 6 })),
    ).toEqual({
      values: { count: 5, 'count-inbound': 6 },
      refused: [],
      events: [{ type: 'crossed', detail: { channel: 'whole' } }],
    });
    expect(taken(plain, said('whole', { n: 5 })).values).toEqual({});
    const made = encodeAll(plain, { count: 9 }, { at: AT, address: '1' });
    expect(taken(plain, ...made).values).toEqual({ count: 9 });
  });

  describe('and a device with words of its own', () => {
    const named = (options: Record<string, string | number | boolean>, rule: unknown) => {
      const frame = said(rule, { n: 7, crossed: true });
      const { readings, events, refused = [] } = decode(byField, frame, { options });
      return [
        ...readings.map(({ metric, value }) => `${metric} ${value}`),
        ...events.map(({ detail }) => detail['channel']),
        ...refused.map(({ reason }) => reason),
      ];
    };

    it('has them taken, for its own messages alone, and their bytes open', () => {
      const options = { 'rule.inbound': '大门', 'rule.outbound': 7 };
      expect(named(options, '大门')).toEqual(['count-inbound 7', 'inbound']);
      expect(named(options, ' 7')).toEqual(['count-outbound 7', 'outbound']);
      expect(named(options, 'Inbound')).toEqual(['count-inbound 7', 'inbound']);
      expect(named({ 'rule.outbound': '大门' }, '大门')).toEqual(['count-outbound 7', 'outbound']);
      expect(named({}, '大门')).toContain('unknown-channel');
      const { payload, framing } = frameKept(byField, said('大门', { n: 40 }));
      expect(locate(byField, payload, framing, options).map(({ metric }) => metric)).toEqual([
        'count-inbound',
      ]);
    });

    it('may turn round what the profile lists', () => {
      const options = { 'rule.inbound': 'Outbound', 'rule.outbound': 'Inbound' };
      expect(named(options, 'Inbound')).toEqual(['count-outbound 7', 'outbound']);
    });

    it.each([
      [{ 'rule.roof': 'x' }, 't/t has no option rule.roof'],
      [{ 'lens.inbound': 'x' }, 't/t has no option lens.inbound'],
      [{ 'rule.inbound.x': 'x' }, 't/t has no option rule.inbound.x'],
      [{ rule: 'x' }, 't/t has no option rule'],
      [{ '__proto__.inbound': 'x' }, 't/t has no option __proto__.inbound'],
      [
        { 'rule.inbound': ' ' },
        'rule.inbound must be what the device says for it, 1 to 200 characters',
      ],
      [
        { 'rule.inbound': true },
        'rule.inbound must be what the device says for it, 1 to 200 characters',
      ],
      [
        { 'rule.inbound': '门'.repeat(201) },
        'rule.inbound must be what the device says for it, 1 to 200 characters',
      ],
      [{ 'rule.inbound': '7', 'rule.outbound': 7 }, 'rule.outbound is the same as rule.inbound, 7'],
    ])('is told what is wrong with %j', (options, fault) => {
      expect(optionFaults(byField, options)).toEqual([fault]);
      expect(() => decode(byField, said('Inbound', { n: 1 }), { options })).toThrow(fault);
    });
  });
});

describe('a list with an element for each channel', () => {
  const lane = (path: string, says: string) => `${head('smart-bin')}
mqtt: { topic: "c/{device}", payload: json, every: 1h }
channels:
  bin:
    name: { zh: 桶, en: Bin }
    from: { list: /bins${path} }
    known: { left: { name: { zh: 左桶, en: Left }, says: [${says.split(',')[0]}] }, right: { name: { zh: 右桶, en: Right }, says: [${says.split(',')[1]}] } }
metrics:
  - { key: fill, channel: bin, quantity: bin.fill-level, from: { path: /level/percent }, range: [0, 100], optional: true }
examples:
  - { name: one, frame: { payload: '{"bins":[{"id":"L","level":{"percent":5}}]}' }, readings: { fill-left: 5 } }
  - { name: two, frame: { payload: '[]' }, error: payload-not-an-object }
`;
  const named = sound(lane(', path: /id', 'L,R'));
  const placed = sound(lane('', '0,1'));
  const bin = (percent: unknown, id?: string) => ({ id, level: { percent } });

  it('tells them by a field, whatever their order', () => {
    const frame = message({ bins: [bin(20, 'R'), bin(10, 'L')] }, 'c/1');
    expect(taken(named, frame)).toMatchObject({
      values: { 'fill-left': 10, 'fill-right': 20 },
      refused: [],
    });
    expect(lit(named, frame)).toEqual({ 'fill-left': '10', 'fill-right': '20' });
  });

  it('tells them by their place', () => {
    const frame = message({ bins: [bin(10), bin(20), bin(30)] }, 'c/1');
    expect(taken(placed, frame)).toMatchObject({
      values: { 'fill-left': 10, 'fill-right': 20 },
      refused: [['unknown-channel', '/bins/2/level/percent', null]],
    });
  });

  it('a bad value, another channel and one that names none cost only themselves', () => {
    const bins = [bin(10, 'L'), bin('full', 'R'), bin(30, 'M'), bin(40), bin(null, 'N'), 7, null];
    expect(taken(named, message({ bins }, 'c/1'))).toMatchObject({
      values: { 'fill-left': 10 },
      refused: [
        ['value-not-a-number', '/bins/1/level/percent', 'fill-right'],
        ['unknown-channel', '/bins/2/level/percent', null],
        ['unknown-channel', '/bins/3/level/percent', null],
      ],
    });
  });

  it('of a channel that comes twice the last counts, and the other is told', () => {
    expect(taken(named, message({ bins: [bin(10, 'L'), bin(11, 'L')] }, 'c/1'))).toMatchObject({
      values: { 'fill-left': 11 },
      refused: [['value-repeated', '/bins/0/level/percent', 'fill-left']],
    });
  });

  it('a single element that is sent bare is one of them', () => {
    expect(taken(named, message({ bins: bin(10, 'L') }, 'c/1')).values).toEqual({
      'fill-left': 10,
    });
  });

  it.each([
    ['by a field', named],
    ['by place', placed],
  ])('is made in one message: %s', (_name, profile) => {
    const values = { 'fill-right': 2, 'fill-left': 1 };
    const frames = encodeAll(profile, values, { at: AT, address: '1' });
    expect(frames).toHaveLength(1);
    expect(taken(profile, ...frames)).toMatchObject({ values, refused: [] });
  });
});

describe('channels that stand in places', () => {
  const tasmota = sound(`${head('weather-station')}
mqtt: { topic: "tele/{device}/SENSOR", payload: json, time: { path: /Time, format: local, zone: "+08:00" }, every: 5m }
channels:
  sensor:
    name: { zh: 探头, en: Sensor }
    known: { water: { name: { zh: 水面, en: Water }, says: [DS18B20-1] }, bed: { name: { zh: 河床, en: Bed }, says: [DS18B20-2, "旧/探头"] } }
metrics:
  - { key: temperature, channel: sensor, quantity: water.temperature, from: { path: "/{sensor}/Temperature" }, range: [-10, 50], optional: true }
  - { key: air, quantity: air.temperature, from: { path: /AHT10/Temperature }, range: [-40, 60], optional: true }
examples:
  - { name: one, frame: { payload: '{"DS18B20-1":{"Temperature":5},"AHT10":{"Temperature":3}}' }, readings: { temperature-water: 5, air: 3 } }
  - { name: two, frame: { payload: '{"DS18B20-3":{"Temperature":5}}' }, readings: {}, refused: { /DS18B20-3/Temperature: unknown-channel } }
`);

  it('several sensors of one kind are told by their names; one that is not listed is kept out', () => {
    const frame = message(
      {
        Time: '2026-01-01T08:00:00',
        'DS18B20-1': { Id: '0118', Temperature: 12.1 },
        '旧/探头': { Temperature: 11.9 },
        'DS18B20-3': { Temperature: 99 },
        ' DS18B20-1': { Temperature: 98 },
        AHT10: { Temperature: 3.5, Humidity: 60 },
        BME280: { Humidity: 60 },
      },
      'tele/d/SENSOR',
    );
    expect(taken(tasmota, frame)).toMatchObject({
      values: { 'temperature-water': 12.1, 'temperature-bed': 11.9, air: 3.5 },
      refused: [
        ['unknown-channel', '/DS18B20-3/Temperature', null],
        ['unknown-channel', '/ DS18B20-1/Temperature', null],
      ],
    });
    expect(lit(tasmota, frame)['temperature-bed']).toBe('11.9');
  });

  it('a message of two hundred unknown ones tells some of them, and takes the known', () => {
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`S${n}`, { Temperature: n }]),
    );
    const { values, refused } = taken(
      tasmota,
      message({ ...many, 'DS18B20-1': { Temperature: 1 } }, 'tele/d/SENSOR'),
    );
    expect(values).toEqual({ 'temperature-water': 1 });
    expect(refused).toHaveLength(65);
  });

  const milesight = sound(`${head('weather-station')}
mqtt: { topic: "application/{application}/device/{device}/event/up", payload: tlv, bytes: { path: /data, encoding: hex }, decoded: /object, every: 1h }
tlv:
  records:
    - { id: "01 75", fields: [{ field: battery, type: uint8 }] }
    - { id: "{probe} 67", fields: [{ field: "temperature_{probe}", type: int16, scale: 0.1 }] }
    - { id: "ff 01", skip: 1 }
channels:
  probe:
    name: { zh: 探头, en: Probe }
    known: { a: { name: { zh: 甲, en: A }, says: ["03"] }, b-2: { name: { zh: 乙, en: B }, says: ["04", "84"] } }
metrics:
  - { key: battery, quantity: device.battery, from: { field: battery }, range: [0, 100], optional: true }
  - { key: temperature, channel: probe, quantity: air.temperature, from: { field: "temperature_{probe}" }, range: [-40, 85], optional: true }
examples:
  - { name: one, frame: { payload: '{"data":"01755C 03670101 04670201"}' }, readings: { battery: 92, temperature-a: 25.7, temperature-b-2: 25.8 } }
  - { name: two, frame: { payload: '{"data":"05670101 01755C"}' }, readings: { battery: 92 }, refused: { /data byte 0: unknown-channel } }
`);
  const uplink = (data: string, more: object = {}) =>
    message({ data, ...more }, 'application/1/device/1/event/up');

  it('bytes of a record tell the channel; what stands behind one that is not listed counts', () => {
    expect(taken(milesight, uplink('0367 0a00 0667 0b00 8467 0c00 ff0101 01755c'))).toMatchObject({
      values: { battery: 92, 'temperature-a': 1, 'temperature-b-2': 1.2 },
      refused: [['unknown-channel', '/data byte 4', null]],
    });
    expect(lit(milesight, uplink('03670a00'))).toEqual({ 'temperature-a': '0a00' });
  });

  it('a record that comes again with another value is told, the same value is not', () => {
    expect(taken(milesight, uplink('03670a00 03670b00'))).toMatchObject({
      values: { 'temperature-a': 1.1 },
      refused: [['value-repeated', '/data byte 2', 'temperature-a']],
    });
    expect(taken(milesight, uplink('03670a00 03670a00')).refused).toEqual([]);
  });

  it('the same fields, decoded by the network server', () => {
    const object = {
      temperature_a: 1,
      temperature_b_2: 2,
      temperature_c: 3,
      battery: 50,
      temperature_d: null,
    };
    expect(taken(milesight, uplink('', { object }))).toMatchObject({
      values: { battery: 50, 'temperature-a': 1, 'temperature-b-2': 2 },
      refused: [['unknown-channel', '/object/temperature_c', null]],
    });
  });

  it('is made as it is read', () => {
    const values = { 'temperature-a': 1, 'temperature-b-2': 2 };
    const frames = encodeAll(milesight, values, { at: AT, address: '1' });
    expect(taken(milesight, ...frames)).toMatchObject({ values, refused: [] });
  });
});

describe('blocks of registers', () => {
  const pumps = sound(`${head('sewage-monitor', 'modbus')}
modbus:
  every: 1m
  blocks:
    level: { table: holding, address: 0, count: 1 }
    pump: { channel: pump, table: holding, count: 3 }
    state: { channel: pump, table: coil, address: 5, count: 1 }
channels:
  pump:
    name: { zh: 泵, en: Pump }
    known: { a: { name: { zh: 一号泵, en: Pump 1 }, says: [100] }, b: { name: { zh: 二号泵, en: Pump 2 }, says: [200] } }
metrics:
  - { key: level, quantity: bin.fill-level, from: { block: level, at: 0, type: uint16 }, range: [0, 100] }
  - { key: current, channel: pump, quantity: power.current, from: { sum: [{ block: pump, at: 0, type: uint16 }, { block: pump, at: 1, type: float32 }] }, range: [0, 100] }
  - { key: on, channel: pump, quantity: device.running, from: { block: state, at: 0, type: bit }, states: { stopped: 0, running: 1 } }
  - { key: mode, channel: pump, quantity: device.running, name: { zh: 检修, en: Service }, from: { block: state, at: 0, type: bit }, states: { work: 0, service: 1 } }
quality:
  - { when: { mode: service }, mark: maintenance, metrics: [current, level] }
examples:
  - { name: one, frame: { level: "0005", pump-a: "0001 3F00 0000", pump-b: "0002 3F00 0000", state-a: "1", state-b: "0" }, partial: true, readings: { current-a: { value: 1.5, quality: maintenance }, current-b: 2.5, level: { value: 5, quality: maintenance } } }
  - { name: two, frame: { level: "0005", pump-a: "0001 3F00 0000", pump-b: "0002 3F00 0000", state-a: "0", state-b: "0" }, readings: { level: 5, current-a: 1.5, current-b: 2.5, on-a: 0, on-b: 0, mode-a: 0, mode-b: 0 } }
  - { name: three, frame: { level: "0005", pump-a: "0001 7FC0 0000", pump-b: "0002 3F00 0000", state-a: "0", state-b: "0" }, partial: true, readings: { current-b: 2.5 }, refused: { current-a: value-not-a-number } }
`);

  it('several machines of one kind are asked for at their own addresses', () => {
    // Bits are read along over a gap that registers are not.
    expect(planReads(pumps).map(({ table, address }) => `${table} ${address}`)).toEqual([
      'coil 105',
      'holding 0',
      'holding 100',
      'holding 200',
    ]);
    const values = Object.fromEntries(
      pumps.metrics.map(({ key }, n) => [key, n < 3 ? n + 1.5 : 1]),
    );
    const [frame] = encodeAll(pumps, { ...values, level: 7 }, { at: AT, address: '1' });
    expect(taken(pumps, frame as ModbusFrame)).toMatchObject({
      values: { ...values, level: 7 },
      refused: [],
    });
  });
});

describe('our own reading object', () => {
  const native = sound(`${head()}
mqtt: { payload: native, every: 1h }
channels:
  lens: { name: { zh: 镜头, en: Lens }, known: { a: { name: { zh: 甲, en: A } }, b: { name: { zh: 乙, en: B } } } }
metrics:
  - { key: count, channel: lens, quantity: camera.count, range: [0, 1000], optional: true }
examples:
  - { name: one, frame: { payload: '{"values":{"count-a":1}}' }, readings: { count-a: 1 } }
  - { name: two, frame: { payload: '{"values":{"count-c":1}}' }, readings: {}, refused: { /values/count-c: unknown-channel } }
`);

  it('has a key for each channel; one that is not listed, or names none, is told as such', () => {
    const values = { 'count-a': 1, 'count-b': 2, 'count-c': 3, count: 4, other: 5 };
    expect(taken(native, message({ values }, 'village/v1/devices/x/readings'))).toMatchObject({
      values: { 'count-a': 1, 'count-b': 2 },
      refused: [
        ['unknown-channel', '/values/count-c', null],
        ['unknown-channel', '/values/count', null],
        ['unknown-metric', '/values/other', null],
      ],
    });
  });
});

describe('what a file may not say', () => {
  const good = counters('{ path: /rule }', BOTH);
  it.each([
    [
      'no kind of that name',
      good.replace('channel: rule, quantity', 'channel: lens, quantity'),
      'there is no kind of channel lens',
    ],
    [
      'a word of two channels',
      counters('{ path: /rule }', BOTH.replace('[Outbound, 2]', '[" Inbound"]')),
      'inbound is called "Inbound" too',
    ],
    [
      'a channel that says nothing',
      counters('{ path: /rule }', BOTH.replace('[Outbound, 2]', '[]')),
      'says nothing',
    ],
    [
      'a plain one that is none',
      counters('{ path: /rule }', BOTH, 'plain: roof'),
      'there is no channel roof',
    ],
    [
      'a kind that nobody uses',
      good.replaceAll('channel: rule, ', ''),
      'no metric and no event is marked',
    ],
    [
      'nothing that tells it',
      good.replace('from: { path: /rule }', ''),
      'nothing says of which channel count is',
    ],
    [
      'a key that is taken',
      good.replace(
        'events:',
        '  - { key: count-inbound, quantity: camera.motion, from: { path: /m }, optional: true }\nevents:',
      ),
      'count-inbound stands twice',
    ],
    [
      'a key that is too long',
      good.replace('key: count', `key: ${'c'.repeat(34)}`),
      'is longer than 40 characters',
    ],
    [
      'a metric that must always be there',
      good.replace(', optional: true', ''),
      'must be optional',
    ],
    ['a level that the topic lacks', counters('{ level: port }', BOTH), 'mqtt.topic has no {port}'],
    [
      'a detail in the place of the channel',
      good.replace('when: {', 'detail: { channel: /x }, when: {'),
      'is the channel that the event is marked with',
    ],
    [
      'a channel of too long a key',
      counters('{ path: /rule }', BOTH.replaceAll('outbound:', `${'o'.repeat(31)}:`)),
      'is no name that can stand here',
    ],
  ])('%s', (_name, text, message) => {
    expect(faultsOf(text).join('\n')).toContain(message);
  });

  const many = (count: number) => {
    const rest = Array.from(
      { length: count - 1 },
      (_, n) => `c${n}: { name: { zh: 口${n}, en: P${n} } }`,
    );
    return counters('{ path: /rule }', BOTH.replace(/ outbound:.*/, ` ${rest.join(', ')} }`));
  };

  it('two hundred channels are taken, one more is told', () => {
    const profile = sound(many(200));
    expect(profile.metrics).toHaveLength(200);
    const frames = profile.metrics.map(({ channel }, n) =>
      message({ rule: channel?.key === 'inbound' ? 'Inbound' : channel?.key, n }, 'c/1/x'),
    );
    expect(Object.values(taken(profile, ...frames).values)).toEqual(frames.map((_, n) => n));
    expect(faultsOf(many(201)).join()).toContain('at most 200 channels');
    const two = many(150).replace(
      'events:',
      '  - { key: size, channel: rule, quantity: camera.count, name: { zh: 大小, en: Size }, from: { path: /s }, range: [0, 9], optional: true }\nevents:',
    );
    expect(faultsOf(two).join()).toContain('make 300 metrics');
  });

  it('a fault in a metric is told once, at its line, for all its channels', () => {
    const text = good.replace('range: [0, 1000]', 'range: [5, 1]');
    const { faults } = parseProfile(text, 'test.yaml');
    expect(faults.map(({ path }) => path)).toEqual(['metrics[0].range']);
    expect(text.split('\n')[(faults[0]?.line ?? 0) - 1]).toContain('key: count');
  });
});

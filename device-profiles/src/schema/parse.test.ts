import { describe, expect, it } from 'vitest';
import { parseProfile } from './parse.ts';

const BROKEN = `profile: test/broken
revision: 0
name: { zh: 坏, en: Broken }
kind: sewage-monitor
protocol: modbus
colour: red
modbus:
  every: 60s
  blocks:
    water: { table: holding, address: 0, count: 4 }
metrics:
  - { key: cod, quantity: water.cod, from: { block: water, at: 3, type: float32 }, range: [0, 100] }
  - { key: cod, quantity: water.ph, from: { block: nowhere, at: 0, type: uint16 }, range: [0, .inf] }
  - { key: nh3n, quantity: water.ammonia-nitrogen, from: { block: water, at: 0, type: uint16 }, unit: kPa, range: [5, 1] }
  - { key: mode, quantity: device.mode, from: { block: water, at: 1, type: uint16, typ: x }, states: { a: 1, b: 1 } }
  - { key: pump, quantity: device.mode, name: { zh: 泵, en: Pump }, from: { block: water, at: 1, type: uint16 }, states: { a: 1, b: 1 } }
  - { key: temp, quantity: water.temperature, from: { block: water, at: 2, type: int16 }, scale: 0.1, range: [-5, 60] }
examples:
  - name: wrong expectation
    frame: { water: "0000 0000 00B7 0000" }
    readings: { temp: 18.4 }
`;

function faultsOf(text: string): string[] {
  return parseProfile(text, 'test/broken.yaml').faults.map(
    ({ line, path, message }) => `${line} ${path}: ${message}`,
  );
}

describe('parseProfile', () => {
  it('tells every fault of a broken file with its place', () => {
    const { profile, faults } = parseProfile(BROKEN, 'test/broken.yaml');
    expect(profile).toBeUndefined();
    expect(faults.every((fault) => fault.file === 'test/broken.yaml')).toBe(true);
    const told = faults.map(({ line, path }) => `${line} ${path}`);
    expect(told).toEqual(
      expect.arrayContaining([
        '2 revision',
        '6 colour',
        '12 metrics[0].from.at',
        '13 metrics[1].from.block',
        '13 metrics[1].key',
        '13 metrics[1].range[1]',
        '14 metrics[2].unit',
        '14 metrics[2].range',
        '15 metrics[3].from.typ',
        '16 metrics[4].states',
        '21 examples[0].readings.temp',
      ]),
    );
    expect(faults.some((fault) => fault.message.includes('error: …'))).toBe(true);
  });

  it('gives the column of a fault', () => {
    const [fault] = parseProfile(BROKEN, 'f').faults.filter(({ path }) => path === 'colour');
    expect(fault).toMatchObject({ line: 6, column: 9 });
  });

  it('tells keys that stand twice, with the other faults', () => {
    const told = faultsOf(BROKEN.replace('colour: red', 'revision: 2'));
    expect(told.some((one) => one.includes('unique'))).toBe(true);
    expect(told.some((one) => one.includes('metrics[2].unit'))).toBe(true);
  });

  it('reads a map of very many keys in no time, and tells those that stand twice with their places', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n');
    const { faults } = parseProfile(`${keys}\nk7: 2\n`, 'f');
    const twice = faults.filter(({ message }) => message.includes('unique'));
    expect(twice).toMatchObject([{ line: 20_001, column: 1, yaml: 'DUPLICATE_KEY' }]);
  });

  it.each([
    '',
    '- 1\n- 2\n',
    'profile: [',
    'a: &a [*a, *a]\n',
    'x: *nowhere\n',
    `x: "${'a'.repeat(300_000)}"`,
    '__proto__: { a: 1 }\n',
    '42',
  ])('refuses what is no profile without throwing (%#)', (text) => {
    const { profile, faults } = parseProfile(text, 'f');
    expect(profile).toBeUndefined();
    expect(faults.length).toBeGreaterThan(0);
  });

  it('refuses an alias bomb', () => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const inner =
        i === 0
          ? 'x'
          : Array(9)
              .fill(`*a${i - 1}`)
              .join(', ');
      return `a${i}: &a${i} [${inner}]`;
    });
    expect(parseProfile(levels.join('\n'), 'f').faults.length).toBeGreaterThan(0);
  });
});

const MQTT = (mqtt: string, metric: string, more = ''): string => `profile: t/t
revision: 1
name: { zh: 测, en: T }
kind: smart-bin
protocol: mqtt
mqtt: ${mqtt}
metrics:
  - ${metric}
${more}examples:
  - { name: one, frame: { payload: '{"f":5}' }, readings: { fill: 5 } }
  - { name: two, frame: { payload: x }, error: payload-not-json }
`;
const FILL = '{ key: fill, quantity: bin.fill-level, from: { path: /f }, range: [0, 100] }';
const GOOD = '{ topic: "b/{device}", payload: json, every: 1h }';

describe('each check', () => {
  it('passes the sound file that the others are made from', () => {
    expect(faultsOf(MQTT(GOOD, FILL))).toEqual([]);
  });

  it.each([
    ['{ topic: "b/c", payload: json, every: 1h }', FILL, '{device}'],
    ['{ topic: "{device}/+", payload: json, every: 1h }', FILL, 'fixed level'],
    ['{ topic: "b/#/{device}", payload: json, every: 1h }', FILL, '#'],
    ['{ payload: json, every: 1h }', FILL, 'topic is missing'],
    ['{ topic: "b/{device}", payload: native, every: 1h }', FILL, 'native'],
    ['{ topic: "b/{device}", payload: tlv, every: 1h }', FILL, 'tlv'],
    ['{ topic: "b/{device}", payload: json, every: 1h, reportEvery: 5m }', FILL, 'reportEvery'],
    ['{ topic: "b/{device}", payload: json, every: soon }', FILL, 'duration'],
    [
      '{ topic: "b/{device}", payload: json, every: 1h, time: { path: /t, format: local } }',
      FILL,
      'zone',
    ],
    [GOOD, FILL.replace('/f', 'f'), 'JSON pointer'],
    [GOOD, FILL.replace('/f', '/__proto__/f'), 'is not a field'],
    [GOOD, FILL.replace('range', 'scale: 0, range'), 'must not be 0'],
    [GOOD, FILL.replace('range', 'scale: { option: none }, range'), 'no option none'],
    [GOOD, FILL.replace('range', 'absent: [-9999], range'), 'optional: true'],
    [GOOD, FILL.replace('range', 'states: { a: 1 }, range'), 'measured'],
    [GOOD, FILL.replace('range', 'stateNames: { a: { zh: 甲, en: A } }, range'), 'is no state'],
    [GOOD, FILL.replace(', range: [0, 100]', ''), 'range is missing'],
    [GOOD, FILL.replace('bin.fill-level', 'bin.fill'), 'quantity'],
    [GOOD, FILL.replace('{ path: /f }', '{ field: f }'), 'no record'],
    [GOOD, FILL.replace('{ path: /f }', '{ path: /f, topic: x }'), 'must end with #'],
  ])('%s %s', (mqtt, metric, part) => {
    const faults = faultsOf(MQTT(mqtt, metric));
    expect(faults.join('\n')).toContain(part);
  });

  const records =
    '{ endian: big, records: [{ id: "0A", fields: [{ field: t, type: int16, scale: 0.1 }] }] }';
  it.each([
    ['[3276.7]', ''],
    ['[-3276.8]', ''],
    ['[0x7FFF]', 'int16 × 0.1 is never 32767, the nearest is 3276.7'],
    ['[nan]', 'is never NaN'],
  ])('of bytes, absent: %s', (absent, part) => {
    const faults = faultsOf(`profile: t/t
revision: 1
name: { zh: 测, en: T }
kind: smart-bin
protocol: mqtt
mqtt: { topic: "b/{device}", payload: tlv, bytes: { path: /d, encoding: hex }, every: 1h }
tlv: ${records}
metrics:
  - { key: t, quantity: air.temperature, from: { field: t }, range: [-40, 80], absent: ${absent}, optional: true }
examples:
  - { name: one, frame: { payload: '{"d":"0A0005"}' }, readings: { t: 0.5 } }
  - { name: none, frame: { payload: '{"d":"0A7FFF"}' }, partial: true, readings: {} }
  - { name: two, frame: { payload: x }, error: payload-not-json }
`);
    if (part === '') expect(faults).toEqual([]);
    else expect(faults.join('\n')).toContain(part);
  });

  it('asks for examples that show each metric, and one that fails', () => {
    const text = MQTT(GOOD, FILL);
    const none = faultsOf(`${text.slice(0, text.indexOf('examples:'))}examples: []\n`).join('\n');
    expect(none).toContain('needs an example with all readings');
    expect(none).toContain('must be refused');
    expect(none).toContain('no full example shows fill');
  });

  it('tells an option that is not used, or whose default it does not allow', () => {
    const option = 'options:\n  s: { name: { zh: 倍, en: S }, default: 3, values: [1, 2] }\n';
    const told = faultsOf(MQTT(GOOD, FILL, option)).join('\n');
    expect(told).toContain('options.s: no rule uses it');
    expect(told).toContain('options.s.default: must be one of the values');
  });
});

/** What a message says for a key that it says again is found, wherever it stands and however it is written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtinCatalog, loadCatalog } from '../../catalog.ts';
import { decode } from '../../index.ts';
import { parseDeviceJson } from './device-json.ts';
import { type RepeatedKey, repeatedKeys } from './repeated-keys.ts';

const of = (text: string): readonly RepeatedKey[] => {
  const payload = Buffer.from(text);
  return repeatedKeys(payload, parseDeviceJson(payload));
};

describe('keys that stand twice in one object', () => {
  it.each<[string, RepeatedKey[]]>([
    ['{"a":1,"b":"a:1,\\"a\\":2"}', []],
    ['{"a":{"x":1},"b":{"x":2},"c":[{"x":3},{"x":4}]}', []],
    ['{"a":1,"a":1}', []],
    ['{"a":1,"a":2}', [{ keys: ['a'], said: '1', last: '2' }]],
    ['{"a": 1 , "\\u0061" : nan }', [{ keys: ['a'], said: '1', last: 'nan' }]],
    ['{"a":null,"a":{"b":[1]}}', [{ keys: ['a'], said: 'null', last: '{"b":[1]}' }]],
    ['{"v":[0,{"湿":1,"湿":"二"}]}', [{ keys: ['v', '1', '湿'], said: '1', last: '"二"' }]],
    [
      '{"a":1,"a":2,"a":3,}',
      [
        { keys: ['a'], said: '1', last: '2' },
        { keys: ['a'], said: '2', last: '3' },
      ],
    ],
    ['{"__proto__":1,"__proto__":2}', [{ keys: ['__proto__'], said: '1', last: '2' }]],
  ])('%s', (text, found) => {
    expect(of(text)).toEqual(found);
  });

  it('in messages made up at random', () => {
    const scalar = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null));
    const member = fc.tuple(fc.constantFrom('a', 'b', '"', 'ü:', ''), scalar);
    const object = fc.array(member, { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), object), { maxLength: 5 }), (objects) => {
        const written = (members: readonly [string, unknown][]): string =>
          `{${members.map((one) => one.map((part) => JSON.stringify(part)).join(' : ')).join(',')}}`;
        const text = `{"list":[${objects.map(([, members]) => written(members)).join(', ')}]}`;
        const expected = objects.flatMap(([, members], n) =>
          members.flatMap(([key, value], at) => {
            const before = members.slice(0, at).findLast(([name]) => name === key);
            if (before === undefined || before[1] === value) return [];
            const [said, last] = [JSON.stringify(before[1]), JSON.stringify(value)];
            return [{ keys: ['list', String(n), key], said, last }];
          }),
        );
        expect(of(text)).toEqual(expected);
      }),
    );
  });

  it('deep and many: neither ends the stack, and what is kept of them is bounded', () => {
    const deep = `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)},"a":1}`;
    const [one] = of(deep);
    expect(one?.said.length).toBe(4_096);
    const many = `{${Array.from({ length: 5_000 }, (_, n) => `"a":${n}`).join(',')}}`;
    expect(of(many).length).toBe(256);
  });
});

const { profiles } = loadCatalog([builtinCatalog]);

describe('a frame with such keys', () => {
  const decoded = (profile: string, topic: string, text: string) => {
    const found = profiles.get(profile);
    if (found === undefined) throw new Error(`no ${profile}`);
    const { readings, refused } = decode(
      found,
      { protocol: 'mqtt', topic, payload: Buffer.from(text) },
      {},
    );
    const values = Object.fromEntries(readings.map(({ metric, value }) => [metric, value]));
    const parts = (refused ?? []).map(({ reason, place, metric }) => [reason, place, metric]);
    return { values, parts };
  };

  it('of JSON of its own: the last counts, the first is told, and what nobody reads is nothing lost', () => {
    const text =
      '{"ts":1767225600,"fill":12,"t":-37,"bat":{"mv":1},"x":1,"x":2,"fill":52,"bat":{"mv":3,"mv":3620},"lid":"closed"}';
    expect(decoded('village/smart-bin', 'bin/HB20-000117/up', text)).toEqual({
      values: { fill: 52, temperature: -3.7, battery: 3.62, lid: 0 },
      parts: [
        ['value-repeated', '/fill', 'fill'],
        ['value-repeated', '/bat/mv', 'battery'],
        ['value-repeated', '/bat', null],
      ],
    });
  });

  it('of our own reading object', () => {
    const text = '{"values":{"pm25":8,"co":1,"pm25":9},"note":1,"note":2,"quality":{}}';
    expect(decoded('village/air-weather', 'village/v1/devices/a/readings', text)).toMatchObject({
      values: { pm25: 9, co: 1 },
      parts: [['value-repeated', '/values/pm25', 'pm25']],
    });
  });
});

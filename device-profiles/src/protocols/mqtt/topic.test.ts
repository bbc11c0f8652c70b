import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalog, profileOf, sound } from '../../testing.ts';
import { covers, fitsFilter, parsePattern, type TopicPattern } from './topic.ts';
import { TopicIndex } from './topic-index.ts';
import { matchTopic, topicFilter, topicOf } from './topics.ts';

const pattern = (text: string): TopicPattern => parsePattern(text).pattern as TopicPattern;

describe('matchTopic', () => {
  it.each([
    ['village/smart-bin', 'bin/HB20-1/up', 'HB20-1'],
    ['village/smart-bin', 'bin//up', undefined],
    ['village/smart-bin', 'bin/HB20-1/up/more', undefined],
    ['village/smart-bin', 'bin/HB20-1', undefined],
    ['milesight/em400-udl', 'application/a/device/24e1/event/up', '24e1'],
    ['milesight/em400-udl', 'application/a/device/24e1/event/join', undefined],
    ['onvif/camera', 'cam/onvif-ej/VideoSource/MotionAlarm/&1', 'cam'],
    ['onvif/camera', 'a/b/c/onvif-ej/X', 'a/b/c'],
    ['onvif/camera', 'a/onvif-ej/onvif-ej/X', 'a'],
    ['onvif/camera', 'onvif-ej/X', undefined],
    ['village/air-weather', 'village/v1/devices/air-01/readings', 'air-01'],
  ])('%s: %s is %s', (id, topic, address) => {
    expect(matchTopic(profileOf(id), topic)).toBe(address);
  });

  it('finds the address that topicOf put in', () => {
    const mqtt = [...catalog.profiles.values()].filter((one) => one.protocol === 'mqtt');
    fc.assert(
      fc.property(
        fc.constantFrom(...mqtt),
        fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/),
        (profile, address) => {
          expect(matchTopic(profile, topicOf(profile, address))).toBe(address);
        },
      ),
    );
  });
});

describe('topicFilter', () => {
  it('turns names into + and keeps the last #', () => {
    expect(topicFilter(profileOf('onvif/camera'))).toBe('+/onvif-ej/#');
    expect(topicFilter(profileOf('onvif/camera'), 'hongqiao/bridge')).toBe(
      'hongqiao/bridge/onvif-ej/#',
    );
    expect(topicFilter(profileOf('milesight/em400-udl'))).toBe('application/+/device/+/event/up');
  });
});

describe('covers', () => {
  it.each([
    ['a/{device}', 'a/{device}', true],
    ['a/{device}/#', 'a/{device}/b', true],
    ['a/{device}/b', 'a/{device}/#', false],
    ['{device+}/x/#', 'bin/{device}/up', false],
    ['{device+}/x/#', '{device}/x/y', true],
    ['{device}/x/#', '{device+}/x/y', false],
    ['a/+/{device}', 'a/b/{device}', true],
  ])('%s covers %s: %s', (wide, narrow, expected) => {
    expect(covers(pattern(wide), pattern(narrow))).toBe(expected);
  });
});

describe('fitsFilter', () => {
  it.each([
    ['a/+/#', 'a/b', true],
    ['a/#', 'a', true],
    ['a/+', 'a', false],
    ['a', 'a/b', false],
    ['+/b', 'x/b', true],
  ])('%s and %s: %s', (filter, levels, expected) => {
    expect(fitsFilter(filter.split('/'), levels.split('/'))).toBe(expected);
  });
});

const small = (id: string, topic: string, shared = false) =>
  sound(`profile: ${id}
revision: 1
name: { zh: 测, en: T }
kind: smart-bin
protocol: mqtt
mqtt: { topic: "${topic}", payload: json, every: 1h, sharedTopic: ${shared} }
metrics:
  - { key: fill, quantity: bin.fill-level, from: { path: /f }, range: [0, 100] }
examples:
  - { name: one, frame: { payload: '{"f":5}' }, readings: { fill: 5 } }
  - { name: two, frame: { payload: x }, error: payload-not-json }
`);

describe('TopicIndex', () => {
  it('finds the profile and the address among the whole catalogue', () => {
    const index = new TopicIndex(catalog.profiles.values());
    expect(index.find('bin/7/up')).toMatchObject({
      profile: { id: 'village/smart-bin' },
      address: '7',
    });
    expect(index.find('x/y/onvif-ej/A/b')).toMatchObject({
      profile: { id: 'onvif/camera' },
      address: 'x/y',
    });
    expect(index.find('application/1/device/e/event/up')?.profile.id).toBe('milesight/em400-udl');
    expect(index.find('village/v1/devices/a/readings')).toBeUndefined();
    expect(index.find('nobody/knows')).toBeUndefined();
    expect(index.find('/'.repeat(100))).toBeUndefined();
  });

  it('tells all that share a topic, whatever they call its levels, and prefers the pattern that says more', () => {
    const one = small('t/one', 'app/{application}/{device}/up', true);
    const two = small('t/two', 'app/{app}/{device}/up', true);
    const exact = small('t/exact', 'app/main/{device}/up');
    const index = new TopicIndex([one, two, exact]);
    expect(index.find('app/x/d/up')?.profiles.map((profile) => profile.id)).toEqual([
      't/one',
      't/two',
    ]);
    expect(index.find('app/main/d/up')?.profile.id).toBe('t/exact');
  });

  it('agrees with asking each profile in turn', () => {
    const profiles = Array.from({ length: 30 }, (_, i) =>
      small(`t/p${i}`, i % 2 === 0 ? `p${i}/{device}/up` : `{device}/p${i}/+/x`),
    );
    const index = new TopicIndex(profiles);
    const level = fc.constantFrom('up', 'x', 'd', ...profiles.map((_, i) => `p${i}`));
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 5 }), (levels) => {
        const topic = levels.join('/');
        const wanted = profiles.filter((profile) => matchTopic(profile, topic) !== undefined);
        const found = index.find(topic);
        expect(found !== undefined).toBe(wanted.length > 0);
        if (found !== undefined) {
          expect(wanted).toContain(found.profile);
          expect(found.address).toBe(matchTopic(found.profile, topic));
        }
      }),
      { numRuns: 500 },
    );
  });
});

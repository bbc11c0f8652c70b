import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { averages, OperationalError } from '@village/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { builtinCatalog, loadCatalog, loadWithOwn, putInPlace } from './catalog.ts';
import { rulesOf } from './compile.ts';
import { decode, encodeAll } from './profile.ts';
import { parseRegisters } from './protocols/modbus/example.ts';
import type { ModbusFrame } from './protocols/modbus/frame.ts';
import { isBits } from './protocols/modbus/registers.ts';
import { modbusOf } from './protocols/modbus/schema.ts';
import { isMqttFrame, type MqttFrame } from './protocols/mqtt/frame.ts';
import { mqttOf } from './protocols/mqtt/schema.ts';
import { matchTopic, topicOf } from './protocols/mqtt/topics.ts';
import { catalog, resolutionOf, valuesArbitrary } from './testing.ts';
import type { DeviceProfile } from './types.ts';

const AT = Date.UTC(2026, 0, 1);

describe('the built-in catalogue', () => {
  it('has no faults: every example passes, every metric is shown, every unit belongs', () => {
    expect(catalog.faults).toEqual([]);
  });

  it('holds every file of the folder', () => {
    const files = readdirSync(builtinCatalog, { recursive: true, encoding: 'utf8' });
    const ids = files.filter((name) => name.endsWith('.yaml')).map((name) => name.slice(0, -5));
    expect([...catalog.profiles.keys()].sort()).toEqual(ids.sort());
    expect(ids.length).toBeGreaterThanOrEqual(10);
  });

  const averaged = [...catalog.profiles.values()].flatMap((profile) =>
    profile.metrics
      .filter((metric) => averages(metric.quantity))
      .map((metric) => ({ profile, metric })),
  );

  it('a quantity is one kind of thing: no plausible range is another order than the others', () => {
    const mixed = [...Map.groupBy(averaged, ({ metric }) => metric.quantity)].flatMap(
      ([id, all]) => {
        const widths = all.map(({ metric: { range } }) => range[1] - range[0]);
        return Math.max(...widths) / Math.min(...widths) > 50
          ? [`${id}: ${all.map(({ profile, metric }) => `${profile.id} ${metric.key}`).join(', ')}`]
          : [];
      },
    );
    expect(mixed).toEqual([]);
  });

  it('a device says a quantity twice only of parallel phases', () => {
    const twice = [...catalog.profiles.values()].flatMap((profile) =>
      [...Map.groupBy(profile.metrics, (metric) => metric.quantity)]
        .filter(([id, all]) => averages(id) && all.length > 1)
        .filter(([, all]) => new Set(all.map(({ key }) => key.replace(/-[abc]$/, ''))).size > 1)
        .map(([id]) => `${profile.id} ${id}`),
    );
    expect(twice).toEqual([]);
  });
});

function randomFrame(profile: DeviceProfile): fc.Arbitrary<ModbusFrame | MqttFrame> {
  const { file } = rulesOf(profile);
  if (profile.protocol === 'modbus') {
    const blocks = Object.entries(modbusOf(file)?.blocks ?? {}).map(([name, { table, count }]) => {
      const size = { minLength: 0, maxLength: count + 2 };
      return [
        name,
        isBits(table)
          ? fc.array(fc.boolean(), size)
          : fc.array(fc.nat(65_535), size).map((words) => Uint16Array.from(words)),
      ];
    });
    return fc
      .record(Object.fromEntries(blocks), { requiredKeys: [] })
      .map((made) => ({ protocol: 'modbus', blocks: made as Record<string, Uint16Array> }));
  }
  const topics = [
    topicOf(profile, 'd1'),
    'nobody/knows',
    ...file.examples.map((example) => example.frame['topic'] ?? ''),
  ];
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .tuple(fc.constantFrom(...file.examples), fc.nat(), fc.jsonValue())
      .map(([example, seed, value]) => {
        const text = example.frame['payload'] ?? '{}';
        const parts = [...text.matchAll(/"[^"]*"|-?\d+(\.\d+)?|true|false/g)];
        const part = parts[seed % Math.max(parts.length, 1)];
        const cut = part === undefined ? text : text.slice(0, part.index) + JSON.stringify(value);
        const rest = part === undefined ? '' : text.slice(part.index + part[0].length);
        return Buffer.from(cut + rest);
      }),
  );
  return fc
    .tuple(fc.constantFrom(...topics), payloads)
    .map(([topic, payload]) => ({ protocol: 'mqtt', topic, payload }));
}

describe.each([...catalog.profiles.values()])('$id', (profile) => {
  it('turns 1,000 random frames into finite readings or an operational error', () => {
    fc.assert(
      fc.property(randomFrame(profile), (frame) => {
        try {
          const { at, readings } = decode(profile, frame);
          expect(at === null || Number.isFinite(at)).toBe(true);
          for (const { metric, value } of readings) {
            expect(Number.isFinite(value)).toBe(true);
            expect(profile.metricIndex.has(metric)).toBe(true);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(OperationalError);
          expect((error as OperationalError).retry).toBe(false);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('decodes what it encodes, within the raw resolution', () => {
    fc.assert(
      fc.property(valuesArbitrary(profile), (values) => {
        const frames = encodeAll(profile, values, { at: AT, address: 'd1' });
        const decoded = frames.map((frame) => decode(profile, frame, { device: 'd1' }));
        const readings = decoded.flatMap((one) => one.readings);
        expect(readings.map((one) => one.metric).sort()).toEqual(Object.keys(values).sort());
        for (const { metric, value } of readings) {
          const wanted = values[metric] as number;
          const far = Math.abs(value - wanted);
          expect(far, `${metric} ${wanted}`).toBeLessThanOrEqual(
            resolutionOf(profile, metric, wanted),
          );
        }
        const hasTime = mqttOf(rulesOf(profile).file) !== undefined;
        for (const { at } of decoded) expect(at).toBe(hasTime ? AT : null);
        for (const frame of frames)
          if (isMqttFrame(frame)) expect(matchTopic(profile, frame.topic)).toBe('d1');
      }),
      { numRuns: 200 },
    );
  });
});

describe('documented frames', () => {
  it('BOQU PHG-2091: the bytes of the published answer', () => {
    const profile = catalog.profiles.get('boqu/phg-2091') as DeviceProfile;
    const probe = parseRegisters('0000 C841 B81E 2141') as Uint16Array;
    const { readings } = decode(profile, { protocol: 'modbus', blocks: { probe } });
    expect(readings.map((one) => one.value)).toEqual([25, 10.07]);
  });
});

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'profiles-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const mqtt = (id: string, topic: string, more = ''): string => `profile: ${id}
revision: 1
name: { zh: 测试, en: Test }
kind: smart-bin
protocol: mqtt
mqtt: { topic: "${topic}", payload: json, every: 1h${more} }
metrics:
  - { key: fill, quantity: bin.fill-level, from: { path: /f }, range: [0, 100] }
examples:
  - { name: one, frame: { payload: '{"f":5}' }, readings: { fill: 5 } }
  - { name: two, frame: { payload: '[]' }, error: payload-not-an-object }
`;

describe('loadCatalog', () => {
  it('adds a type by one file, and a broken one never stops the rest', () => {
    const folder = folderOf({
      'a/good.yaml': mqtt('a/good', 'a/{device}'),
      'a/broken.yaml': 'profile: [',
      'b/other.yaml': mqtt('b/other', 'b/{device}'),
    });
    const { profiles, faults } = loadCatalog([builtinCatalog, folder]);
    expect(profiles.size).toBe(catalog.profiles.size + 2);
    expect(profiles.has('a/good')).toBe(true);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.every((fault) => fault.file.endsWith('broken.yaml'))).toBe(true);
  });

  it('refuses a path that is not the id, an id that is taken, and files that are no profiles', () => {
    const first = folderOf({ 'a/one.yaml': mqtt('a/one', 'x/{device}') });
    const second = folderOf({
      'a/one.yaml': mqtt('a/one', 'y/{device}'),
      'a/two.yaml': mqtt('a/three', 'z/{device}'),
      'notes.txt': 'hello',
    });
    const { profiles, faults } = loadCatalog([first, second, join(second, 'missing')]);
    expect([...profiles.keys()]).toEqual(['a/one']);
    expect(faults.map((fault) => fault.message)).toEqual(
      expect.arrayContaining([
        'is not read: it must be <vendor>/<model>.yaml',
        `a/one is already in ${join(first, 'a/one.yaml')}`,
        'is a/three, but the path says a/two',
        expect.stringContaining("can't be read"),
      ]),
    );
    expect(faults).toHaveLength(4);
  });

  it.skipIf(process.platform === 'win32')('waits for no pipe and reads no device', () => {
    const folder = folderOf({ 'a/one.yaml': mqtt('a/one', 'x/{device}') });
    execFileSync('mkfifo', [join(folder, 'a/pipe.yaml')]);
    symlinkSync('/dev/zero', join(folder, 'a/zero.yaml'));
    symlinkSync(join(folder, 'nothing'), join(folder, 'a/gone.yaml'));
    const { profiles, faults } = loadCatalog([folder]);
    expect([...profiles.keys()]).toEqual(['a/one']);
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^can't be read: ENOENT/),
      "can't be read: it is no file",
      "can't be read: it is no file",
    ]);
  });

  it('refuses the second claim to a topic, unless both share it', () => {
    const clash = folderOf({
      'a/one.yaml': mqtt('a/one', 'up/{device}/{kind}'),
      'a/two.yaml': mqtt('a/two', 'up/{device}/now'),
      'a/x.yaml': mqtt('a/x', 's/{device}', ', sharedTopic: true'),
      'a/y.yaml': mqtt('a/y', 's/{device}', ', sharedTopic: true'),
    });
    const { profiles, faults } = loadCatalog([clash]);
    expect([...profiles.keys()]).toEqual(['a/one', 'a/x', 'a/y']);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ file: join(clash, 'a/two.yaml'), path: 'mqtt.topic' });
  });
});

describe('files that a county or a gateway puts in the place of others', () => {
  const one = mqtt('a/one', 'x/{device}');
  const moved = mqtt('a/one', 'elsewhere/{device}');

  it('may take over a topic that another one gives up, whatever their names', () => {
    // The one that takes it over comes before the one that gives it up, and after it.
    for (const id of ['a/before', 'z/after']) {
      const { profiles } = loadCatalog([folderOf({ 'a/one.yaml': one })]);
      const taking = { id, text: mqtt(id, 'x/{device}') };
      expect([...putInPlace(profiles, [taking])]).toEqual([
        [id, expect.stringContaining('a/one claims the same topic')],
      ]);
      expect([...putInPlace(profiles, [taking, { id: 'a/one', text: moved }])]).toEqual([]);
      expect([...profiles.keys()].sort()).toEqual(['a/one', id].sort());
    }
  });

  it('take the place of a shipped type of their name, unless they are at fault', () => {
    const shipped = [...catalog.profiles.values()].find(({ protocol }) => protocol === 'modbus')!;
    const raised = shipped.source.text.replace(/^revision: .*$/m, 'revision: 99');
    const own = folderOf({
      [`${shipped.id}.yaml`]: raised,
      'a/new.yaml': one.replace('a/one', 'a/new'),
    });
    const loaded = loadWithOwn([own]);
    expect(loaded.faults).toEqual([]);
    expect(loaded.profiles.get(shipped.id)?.revision).toBe(99);
    expect(loaded.profiles.size).toBe(catalog.profiles.size + 1);
    const broken = folderOf({
      [`${shipped.id}.yaml`]: raised.replace(/^kind: .*$/m, 'kind: teapot'),
    });
    const kept = loadWithOwn([broken]);
    expect(kept.faults).toMatchObject([{ path: 'kind' }]);
    expect(kept.profiles.get(shipped.id)?.revision).toBe(shipped.revision);
  });
});

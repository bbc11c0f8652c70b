import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ID_PATTERN, isAreaCode } from '@village/core';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { catalogProfiles, testProfiles } from '../testing.ts';
import { isModbusAddress } from '../wires/modbus/index.ts';
import { isMqttAddress } from '../wires/mqtt/index.ts';
import { countyValue } from './county-model.ts';
import type { CountyPlan } from './county-plan.ts';
import { countyAreas, planCounty } from './plan.ts';
import { readPlan, writePlan } from './plan-files.ts';
import { planDevice } from './single.ts';

const profiles = catalogProfiles();
const folder = mkdtempSync(join(tmpdir(), 'plan-'));
afterAll(() => rmSync(folder, { recursive: true }));

const county = (devices: number, seed = 1): CountyPlan => planCounty({ seed, devices, profiles });

describe('the areas of Changxing', () => {
  const areas = countyAreas();

  it('are a county, its 15 townships and some 250 villages, each below the one above', () => {
    const codes = new Map(areas.map((area) => [area.code, area]));
    expect(codes.size).toBe(areas.length);
    for (const { code, level, parent, name } of areas) {
      expect(isAreaCode(code)).toBe(true);
      expect(name.zh).toMatch(/^\p{Script=Han}+$/u);
      expect(name.en).toMatch(/ (County|Town|Township|Subdistrict|Village|Community)$/);
      if (level === 'village') {
        expect(codes.get(parent ?? '')?.level).toBe('township');
        expect(code.slice(0, 9)).toBe(parent?.slice(0, 9));
      }
    }
    expect(areas.filter(({ level }) => level === 'county').map(({ code }) => code)).toEqual([
      '330522000000',
    ]);
    expect(areas.filter(({ level }) => level === 'township').length).toBe(15);
    const villages = areas.filter(({ level }) => level === 'village').length;
    expect(Math.abs(villages - 250)).toBeLessThan(25);
  });

  it('know the older codes that local systems use', () => {
    const alias = (code: string) => areas.find(({ aliases }) => aliases.includes(code))?.name.zh;
    expect(alias('330522109000')).toBe('煤山镇');
    expect(alias('330522208000')).toBe('雉城街道');
  });
});

describe('a planned county', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(county(300)).toEqual(county(300));
    expect(county(300).devices).not.toEqual(county(300, 2).devices);
  });

  it('has exactly the devices asked for, with names of their own wires', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_500 }), (devices) => {
        const plan = county(devices);
        expect(plan.devices.length).toBe(devices);
        expect(new Set(plan.devices.map(({ id }) => id)).size).toBe(devices);
        const wires = plan.devices.map(({ wire, profile, address }) =>
          isModbusAddress(wire) ? `${wire.port}/${wire.unit}` : `${profile}/${address}`,
        );
        expect(new Set(wires).size).toBe(devices);
      }),
      { numRuns: 30 },
    );
  });

  it('goes up to 20,000 devices, 32 units a port and 4,000 devices a gateway, spread over all villages', () => {
    const plan = county(20_000);
    const perPort = new Map<number, number>();
    for (const { wire, id, area } of plan.devices) {
      expect(id).toMatch(ID_PATTERN);
      expect(isAreaCode(area)).toBe(true);
      if (isModbusAddress(wire)) {
        expect(wire.unit).toBeGreaterThan(0);
        perPort.set(wire.port, (perPort.get(wire.port) ?? 0) + 1);
      }
    }
    expect(Math.max(...perPort.values())).toBe(32);
    expect(plan.gateways).toEqual(['gw-01', 'gw-02', 'gw-03', 'gw-04']);
    const polledBy = plan.devices.filter(({ gateway }) => gateway === 'gw-02');
    expect(polledBy.length).toBe(4_000);
    const villages = new Set(
      plan.areas.filter(({ level }) => level === 'village').map(({ code }) => code),
    );
    for (const { area } of plan.devices) villages.delete(area);
    expect([...villages]).toEqual([]);
  });

  it('gives a secret to whatever connects by itself and to nothing else', () => {
    const plan = county(300);
    for (const { id, gateway, wire } of plan.devices) {
      expect(plan.secrets.has(id)).toBe(gateway === null);
      if (isMqttAddress(wire)) expect(plan.secrets.get(wire.credential)).toHaveLength(32);
    }
    expect(new Set(plan.secrets.values()).size).toBe(plan.secrets.size);
    const own = planCounty({ seed: 1, devices: 10, profiles, secretOf: (id) => `own-${id}` });
    expect(own.secrets.get('gw-01')).toBe('own-gw-01');
  });

  it('refuses a catalogue that lacks a type of its mix', () => {
    expect(() => planCounty({ seed: 1, devices: 9, profiles: testProfiles() })).toThrow(
      'No profile',
    );
  });
});

describe('a plan on disk', () => {
  const plan = county(300);
  writePlan(plan, folder);

  it('reads back as it was', () => {
    expect(readPlan(folder, profiles)).toEqual(plan);
  });

  it('tells the gateway what to poll and where to send it', () => {
    const config = parse(readFileSync(join(folder, 'gateway.yaml'), 'utf8'));
    expect(config).toMatchObject({
      gateway: 'gw-01',
      uplink: { url: 'mqtt://127.0.0.1:1883', secret: plan.secrets.get('gw-01') },
      data: './gateway-data',
    });
    const polled = plan.devices.filter(({ wire }) => wire.kind === 'modbus');
    expect(config.devices.map(({ id }: { id: string }) => id)).toEqual(polled.map(({ id }) => id));
    expect(config.devices[0]).toEqual({
      id: 'sew-001',
      profile: 'generic/sewage-station',
      connection: { host: '127.0.0.1', port: 15_020, unit: 1, timeout: '1s' },
      every: '15s',
      options: {},
    });
    const relayed = join(folder, 'relayed');
    writePlan({ ...plan, relayPort: 18_830 }, relayed);
    expect(parse(readFileSync(join(relayed, 'gateway.yaml'), 'utf8')).uplink.url).toBe(
      'mqtt://127.0.0.1:18830',
    );
  });

  it('is readable by its owner only, for it holds secrets', () => {
    expect(statSync(join(folder, 'devices.csv')).mode & 0o077).toBe(0);
  });

  it('takes devices that were added by hand, and says which row is at fault', () => {
    const file = join(folder, 'devices.csv');
    const before = readFileSync(file, 'utf8');
    appendFileSync(file, 'new-1,新类型,test/station,330522200001,gw-01,,,,"{""a"":1}",\n');
    const more = new Map([...profiles, ...testProfiles()]);
    const added = readPlan(folder, more).devices.at(-1);
    const polled = plan.devices.filter(({ wire }) => wire.kind === 'modbus').length;
    expect(added).toMatchObject({
      id: 'new-1',
      options: { a: 1 },
      everyMs: 10_000,
      wire: { kind: 'modbus', unit: 1 + (polled % 32) },
    });
    expect(() => readPlan(folder, profiles)).toThrow('new-1 is a test/station');
    writeFileSync(file, before.replace(',,\n', ',nonsense,\n'));
    expect(() => readPlan(folder, profiles)).toThrow(/options of/);
    writeFileSync(file, before);
    writeFileSync(join(folder, 'county.yaml'), 'seed: many\n');
    expect(() => readPlan(folder, profiles)).toThrow(/county.yaml.*seed/s);
  });
});

describe('the plan of one device', () => {
  const at = Date.UTC(2026, 0, 1);
  it('is enough to know its values', () => {
    const wire = { kind: 'modbus', host: '127.0.0.1', port: 1, unit: 1 };
    const plan = planDevice({ profile: 'test/station', id: 'x', seed: 1, wire }, testProfiles());
    expect(countyValue(plan, 'x', 'ph', at)).toBeGreaterThan(6);
    expect(countyValue(plan, 'x', 'total', at + 1)).toBeGreaterThanOrEqual(
      countyValue(plan, 'x', 'total', at),
    );
  });

  it('needs the wire that the profile speaks', () => {
    const wire = { kind: 'mqtt', credential: 'x' };
    const wrong = { profile: 'test/station', id: 'x', seed: 1, wire };
    expect(() => planDevice(wrong, testProfiles())).toThrow('speaks modbus');
    const unknown = { ...wrong, profile: 'no/such' };
    expect(() => planDevice(unknown, testProfiles())).toThrow('No profile');
  });
});

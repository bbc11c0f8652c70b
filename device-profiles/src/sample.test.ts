import { describe, expect, it } from 'vitest';
import { builtinCatalog, decode, loadCatalog, sampleMessage } from './index.ts';
import { MQTT, type MqttFrame } from './protocols/mqtt/index.ts';

const AT = Date.UTC(2026, 10, 24, 4);
const { profiles } = loadCatalog([builtinCatalog]);
const all = [...profiles.values()];
const sampleOf = (id: string) => {
  const profile = profiles.get(id);
  if (profile === undefined) throw new Error(`no ${id}`);
  return sampleMessage(profile, { at: AT, address: 'unit-7' });
};

describe('a message for who connects a device', () => {
  it('says what its profile reads again, at the time given', () => {
    const spoken = all.flatMap((profile) => {
      const sample = sampleMessage(profile, { at: AT, address: 'unit-7' });
      return sample === null ? [] : [[profile, sample] as const];
    });
    expect(spoken.length).toBeGreaterThan(1);
    for (const [profile, { topic, payload }] of spoken) {
      const frame: MqttFrame = { protocol: MQTT, topic, payload: Buffer.from(payload) };
      const { at, readings } = decode(profile, frame);
      expect([profile.id, readings.length > 0]).toEqual([profile.id, true]);
      if (at !== null) expect(Math.abs(at - AT)).toBeLessThan(1000);
    }
  });

  it('tells what is set as a prefix at a device that makes its topics itself', () => {
    expect(sampleOf('onvif/camera')).toMatchObject({
      topic: expect.stringMatching(/^unit-7\/onvif-ej\//),
      prefix: 'unit-7',
    });
    expect(sampleOf('village/smart-bin')?.prefix).toBeNull();
    expect(sampleOf('village/air-weather')?.prefix).toBeNull();
  });

  it('is there for who publishes, and for nobody who is polled or spoken for', () => {
    expect(sampleOf('village/smart-bin')?.topic).toBe('bin/unit-7/up');
    expect(sampleOf('village/air-weather')?.topic).toBe('village/v1/devices/unit-7/readings');
    expect(sampleOf('boqu/phg-2091')).toBeNull();
    expect(sampleOf('milesight/em400-udl')).toBeNull();
  });
});

/** The made-up device type of the kill test, and how its devices are registered. Every value says which message it came from. */

export const PROBE_PROFILE = 'test/probe';

/** Reading `i` of a device is at START + i * STEP and carries n = i and five more metrics computed from i. */
export const START = Date.UTC(2026, 0, 1);
export const STEP_MS = 100;

export const probeYaml = `profile: ${PROBE_PROFILE}
revision: 1
name: { zh: 试验探头, en: Test probe }
kind: water-quality
protocol: mqtt
mqtt:
  payload: native
  every: 1s
  reportEvery: 1s
  silentAfter: 1h
metrics:
  - { key: n,    quantity: camera.count,      range: [0, 1.0e+12] }
  - { key: ph,   quantity: water.ph,          range: [0, 14] }
  - { key: cod,  quantity: water.cod,         range: [0, 1000] }
  - { key: temp, quantity: water.temperature, range: [-5, 60] }
examples:
  - name: the first
    frame:
      topic: village/v1/devices/probe-a/readings
      payload: '{"device":"probe-a","at":"2026-01-01T00:00:00Z","values":{"n":0,"ph":0,"cod":0,"temp":0}}'
    readings: { n: 0, ph: 0, cod: 0, temp: 0 }
  - name: no JSON
    frame: { topic: village/v1/devices/probe-a/readings, payload: 'BOOT' }
    error: payload-not-json
`;

/** What reading `i` holds. */
export function valuesOf(i: number): Record<string, number> {
  return { n: i, ph: (i % 140) / 10, cod: (i * 7) % 997, temp: (i % 600) / 10 };
}

export interface Stored {
  at: string;
  values: Record<string, number>;
}

export interface Verdict {
  acknowledged: number;
  stored: number;
  lost: number;
  doubled: number;
  wrong: number;
  /** Stored, never acknowledged: allowed, the acknowledgement died with the process. */
  unacknowledged: number;
}

/** Compares what a device's sender saw acknowledged with what the store gives back. */
export function judgeDevice(
  sent: number,
  acknowledged: readonly boolean[],
  stored: readonly Stored[],
): Verdict {
  const seen = new Set<number>();
  const verdict: Verdict = {
    acknowledged: 0,
    stored: stored.length,
    lost: 0,
    doubled: 0,
    wrong: 0,
    unacknowledged: 0,
  };
  for (const row of stored) {
    const i = (Date.parse(row.at) - START) / STEP_MS;
    if (!Number.isInteger(i) || i < 0 || i >= sent) {
      verdict.wrong++;
      continue;
    }
    if (seen.has(i)) verdict.doubled++;
    seen.add(i);
    const expected = valuesOf(i);
    if (Object.keys(expected).some((key) => row.values[key] !== expected[key])) verdict.wrong++;
    if (acknowledged[i] !== true) verdict.unacknowledged++;
  }
  for (let i = 0; i < sent; i++) {
    if (acknowledged[i] !== true) continue;
    verdict.acknowledged++;
    if (!seen.has(i)) verdict.lost++;
  }
  return verdict;
}

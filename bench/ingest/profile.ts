/** The made-up device type of the benchmarks: a weather station with six metrics, in our own wire. */
import { METRICS } from './packets.ts';

export const PROFILE = 'bench/station';
const quantities = [
  'air.temperature',
  'air.humidity',
  'air.pressure',
  'air.pm25',
  'air.pm10',
  'wind.speed',
];
export const profileYaml = `profile: ${PROFILE}
revision: 1
name: { zh: 基准站, en: Bench station }
kind: weather-station
protocol: mqtt
mqtt: { payload: native, every: 1s, reportEvery: 1s, silentAfter: 1m }
metrics:
${METRICS.map((key, k) => `  - { key: ${key}, quantity: ${quantities[k]}, range: [-100, 2000] }`).join('\n')}
examples:
  - name: all six
    frame: { topic: village/v1/devices/x/readings, payload: '{"device":"x","at":"2026-01-01T00:00:00Z","values":{${METRICS.map((key) => `"${key}":1`).join(',')}}}' }
    readings: { ${METRICS.map((key) => `${key}: 1`).join(', ')} }
  - name: no JSON
    frame: { topic: village/v1/devices/x/readings, payload: 'BOOT' }
    error: payload-not-json
`;

/**
 * What a device would measure at a time: a pure function of seed, device, metric and time. Shapes hang on quantities and
 * never on models, so a new profile is played without code; a quantity without a shape wanders inside its plausible range.
 */
import { DAY, HOUR, type QuantityId, quantity } from '@village/core';
import type { Metric } from '@village/device-profiles';
import { hashText, unitAt, wander } from './noise.ts';
import { dayNumber, EPOCH, hourOfDay, type Rain, seasonPhase } from './weather.ts';

/** One question to the model. Hashes are those of device and of device and metric. */
interface Ask {
  readonly at: number;
  readonly hour: number;
  readonly device: number;
  readonly own: number;
  readonly key: string;
  readonly rain: Rain;
  readonly metric: Metric;
}

type Shape = (ask: Ask) => number;

const TURN = 2 * Math.PI;
const wave = (hour: number, peak: number): number => Math.cos((TURN * (hour - peak)) / 24);
/** A fixed trait of the device between two bounds; `salt` tells its traits apart. */
const trait = (ask: Ask, salt: number, low: number, high: number): number =>
  low + (high - low) * unitAt(ask.device, -salt);
/** The device's own slow walk around zero, and the metric's fast flutter, both in [-1, 1]. */
const slow = (ask: Ask, periodMs: number, salt = 0): number =>
  wander((ask.own + salt) | 0, ask.at, periodMs);
const flutter = (ask: Ask): number => wander(ask.own ^ 0x5bd1e995, ask.at, 20_000);
/** A walk that all metrics of one device share, so that wind speed and force agree. */
const shared = (ask: Ask, salt: number, periodMs: number): number =>
  wander((ask.device + salt) | 0, ask.at, periodMs);

/** People's day: peaks at seven and nineteen, mean 1; `dailyDone` is its integral in hours since the epoch. */
const daily = (hour: number): number => 1 + 0.3 * wave(hour, 14) + 0.45 * wave(2 * hour, 14);
function dailyDone(at: number): number {
  const sines = (hour: number): number =>
    (24 / TURN) * 0.3 * Math.sin((TURN * (hour - 14)) / 24) +
    (12 / TURN) * 0.45 * Math.sin((TURN * (2 * hour - 14)) / 24);
  return Math.max(0, (at - EPOCH) / HOUR + sines(hourOfDay(at)) - sines(0));
}

const sun = (ask: Ask): number =>
  Math.max(0, wave(ask.hour, 12.2) + 0.12 * -Math.cos(TURN * seasonPhase(ask.at))) *
  (ask.rain.rate(ask.at) > 0 ? 0.25 : 0.75 + 0.25 * shared(ask, 11, HOUR));

const airTemperature: Shape = (ask) =>
  16.5 -
  12.5 * Math.cos(TURN * seasonPhase(ask.at)) +
  4 * wave(ask.hour, 15) +
  2.5 * shared(ask, 1, 3 * DAY) -
  Math.min(ask.rain.rate(ask.at), 5) * 0.4 +
  trait(ask, 1, -0.8, 0.8) +
  0.15 * flutter(ask);
const humidity: Shape = (ask) =>
  70 -
  13 * wave(ask.hour, 15) +
  (ask.rain.rate(ask.at) > 0 ? 16 : 0) +
  6 * shared(ask, 2, DAY) +
  0.5 * flutter(ask);
const windSpeed: Shape = (ask) =>
  Math.max(0.1, 1.9 + 0.8 * wave(ask.hour, 14) + 1.4 * shared(ask, 3, 2 * HOUR));
const windDirection: Shape = (ask) => turned(ask, 0);
const turned = (ask: Ask, by: number): number =>
  (((trait(ask, 3, 90, 200) + 130 * shared(ask, 4, 6 * HOUR) + by) % 360) + 360) % 360;
/** Beaufort force of a speed (GB/T 28591), upper bounds in m/s. */
const forces = [0.2, 1.5, 3.3, 5.4, 7.9, 10.7, 13.8, 17.1, 20.7, 24.4, 28.4, 32.6];
const pm25: Shape = (ask) =>
  Math.max(
    3,
    34 +
      12 * Math.cos(TURN * seasonPhase(ask.at)) +
      8 * wave(2 * ask.hour, 16) +
      14 * shared(ask, 5, DAY) -
      4 * ask.rain.rate(ask.at) +
      flutter(ask),
  );

/** Mean flow of a site, m³/h, and how much of the rain finds its way into the pipe, m³ for each millimetre. */
const meanFlow = (ask: Ask): number => trait(ask, 5, 1.2, 7);
const INFLOW_PER_MM = 0.35;
const flow: Shape = (ask) =>
  meanFlow(ask) * daily(ask.hour) * (1 + 0.03 * flutter(ask)) +
  INFLOW_PER_MM * ask.rain.rate(ask.at);
/** The pit fills for 70 % of the pump's cycle and is pumped down in the rest. */
const pumpCycle = (ask: Ask): number => {
  const position = ask.at / (trait(ask, 6, 30, 90) * 60_000) + trait(ask, 7, 0, 1);
  return position - Math.floor(position);
};
const power: Shape = (ask) =>
  trait(ask, 8, 0.8, 3.5) * daily(ask.hour) * (1 + 0.02 * flutter(ask)) * (phase(ask) ? 1 / 3 : 1);
const phase = (ask: Ask): boolean => /(^|[-_])(l[123]|[abc])$|phase/i.test(ask.key);

/** Charge left, %: it falls for months, then the cell is changed. */
const charge: Shape = (ask) => {
  const spent = (ask.at - EPOCH) / (trait(ask, 12, 250, 500) * DAY) + trait(ask, 13, 0, 1);
  return 100 - 78 * (spent - Math.floor(spent));
};
/** The cell of a device, from what its range says of empty and full. */
const cellVoltage: Shape = (ask) => {
  const [low, high] = ask.metric.range;
  return low + (high - low) * (0.45 + 0.004 * charge(ask) + 0.002 * flutter(ask));
};

/** What a counter has counted since the epoch: never less than before. */
function counted(ask: Ask): number {
  const id = ask.metric.quantity;
  if (id === 'water.volume-total' || id === 'water.volume-total-back') {
    const forward = meanFlow(ask) * dailyDone(ask.at) + INFLOW_PER_MM * ask.rain.fallen(ask.at);
    return (id === 'water.volume-total-back' ? 0.0005 : 1) * forward;
  }
  if (id === 'energy.import' || id === 'energy.export')
    return trait(ask, 8, 0.8, 3.5) * dailyDone(ask.at) * (id === 'energy.export' ? 0.001 : 1);
  return trait(ask, 9, 5, 40) * dailyDone(ask.at);
}

/** A bin fills faster by day, to its own height, and is emptied when its round is over. */
const fill: Shape = (ask) => {
  const rounds = dailyDone(ask.at) / trait(ask, 10, 14, 60) + trait(ask, 11, 0, 1);
  const round = Math.floor(rounds);
  return 2 + (rounds - round) * (45 + 53 * unitAt(ask.device, round));
};

const shapes: Partial<Record<QuantityId, Shape>> = {
  'air.temperature': airTemperature,
  'air.humidity': humidity,
  'air.pressure': (ask) =>
    1014 +
    7 * Math.cos(TURN * seasonPhase(ask.at)) +
    5 * shared(ask, 6, 2 * DAY) +
    0.1 * flutter(ask),
  'air.dew-point': (ask) => airTemperature(ask) - (100 - humidity(ask)) / 5,
  'air.pm25': pm25,
  'air.pm10': (ask) => pm25(ask) * 1.55 + 4,
  'air.so2': (ask) => 8 + 3 * slow(ask, DAY) + flutter(ask),
  'air.no2': (ask) => 27 + 9 * wave(2 * ask.hour, 16) + 7 * slow(ask, DAY),
  'air.co': (ask) => 0.7 + 0.15 * wave(2 * ask.hour, 16) + 0.2 * slow(ask, DAY),
  'air.o3': (ask) => 45 + 85 * sun(ask) + 10 * slow(ask, DAY),
  'noise.level': (ask) => 44 + 7 * wave(ask.hour, 13) + 4 * flutter(ask) + 2 * slow(ask, HOUR),
  'light.illuminance': (ask) => 82_000 * sun(ask),
  'radiation.total': (ask) => 860 * sun(ask),
  'rain.amount': (ask) => ask.rain.fallen(ask.at) - ask.rain.fallen(ask.at - HOUR),
  'wind.speed': windSpeed,
  'wind.speed-min': (ask) => 0.5 * windSpeed(ask),
  'wind.speed-max': (ask) => 1.6 * windSpeed(ask),
  'wind.force': (ask) => {
    const force = forces.findIndex((bound) => windSpeed(ask) <= bound);
    return force === -1 ? 12 : force;
  },
  'wind.direction': windDirection,
  'wind.direction-min': (ask) => turned(ask, -15),
  'wind.direction-max': (ask) => turned(ask, 15),
  'wind.sector': (ask) => Math.round(windDirection(ask) / 45) % 8,
  'water.flow-rate': flow,
  'water.velocity': (ask) => flow(ask) / 3600 / 0.0079,
  'water.sound-speed': (ask) => 1478 + 6 * slow(ask, DAY),
  'water.level': (ask) => {
    const cycle = pumpCycle(ask);
    return (
      0.7 + 0.6 * (cycle < 0.7 ? cycle / 0.7 : (1 - cycle) / 0.3) + 0.05 * ask.rain.rate(ask.at)
    );
  },
  'water.temperature': (ask) =>
    16 -
    8 * Math.cos(TURN * (seasonPhase(ask.at) - 0.05)) +
    0.6 * wave(ask.hour, 17) +
    slow(ask, DAY),
  'water.ph': (ask) => 7.2 + 0.35 * slow(ask, DAY) + 0.02 * flutter(ask),
  'water.orp': (ask) => 180 + 60 * slow(ask, DAY) + 3 * flutter(ask),
  'water.dissolved-oxygen': (ask) => 5 + 0.8 * wave(ask.hour, 15) + 0.9 * slow(ask, DAY),
  'water.conductivity': (ask) => 640 + 110 * slow(ask, DAY) - 18 * ask.rain.rate(ask.at),
  'water.turbidity': (ask) => 11 + 4 * slow(ask, DAY) + 5 * ask.rain.rate(ask.at),
  'water.cod': (ask) => 30 + 9 * daily(ask.hour) + 8 * slow(ask, 2 * DAY) + 0.5 * flutter(ask),
  'water.ammonia-nitrogen': (ask) => 3.4 + 1.5 * daily(ask.hour) + 1.4 * slow(ask, 2 * DAY),
  'water.total-phosphorus': (ask) => 0.8 + 0.2 * daily(ask.hour) + 0.25 * slow(ask, 2 * DAY),
  'water.total-nitrogen': (ask) => 11 + 2 * daily(ask.hour) + 2.5 * slow(ask, 2 * DAY),
  'heat.flow': (ask) => 0.021 * flow(ask),
  'power.voltage': (ask) => 228 + 4 * slow(ask, 2 * HOUR) + 0.5 * flutter(ask),
  'power.current': (ask) => (power(ask) * (phase(ask) ? 1 : 1 / 3)) / (0.228 * 0.88),
  'power.active': power,
  'power.factor': (ask) => 0.88 + 0.05 * slow(ask, HOUR),
  'power.frequency': (ask) => 50 + 0.04 * flutter(ask),
  'bin.fill-level': fill,
  'bin.distance': (ask) => 120 + 11 * (100 - fill(ask)),
  'bin.weight': (ask) => 0.55 * fill(ask),
  'device.temperature': (ask) => airTemperature(ask) + 3 + 4 * Math.max(0, wave(ask.hour, 13)),
  'device.battery': charge,
  'device.battery-voltage': cellVoltage,
  'device.signal': (ask) => -trait(ask, 14, 62, 92) + 6 * slow(ask, HOUR) + 2 * flutter(ask),
};

/** Whether a machine of a site runs, by what its key says it is; others have a schedule of their own. */
function running(ask: Ask): boolean {
  if (/pump|lift/i.test(ask.key) && !/fault|alarm/i.test(ask.key)) return pumpCycle(ask) >= 0.7;
  const position = ask.at / HOUR + unitAt(ask.own, 1);
  return position - Math.floor(position) < 0.65;
}

/** True in rare spells of `spellMs`, once in about `oneIn` of them. */
const rarely = (ask: Ask, spellMs: number, oneIn: number): boolean =>
  unitAt(ask.own, Math.floor(ask.at / spellMs)) < 1 / oneIn;

/** Coded states: the names that a profile gives them decide, a plain bit is 0 or 1. */
function state(ask: Ask): number {
  const { quantity: id, states, range } = ask.metric;
  const bit = (on: boolean): number => {
    const codes = Object.values(states ?? { off: 0, on: 1 });
    const wanted = on ? 1 : 0;
    return codes.includes(wanted) ? wanted : (codes[0] ?? range[0]);
  };
  if (id === 'device.running') return bit(running(ask));
  if (id === 'device.fault' || id === 'camera.alarm') return bit(rarely(ask, 600_000, 700));
  if (id === 'device.open') return bit(rarely(ask, 30_000, daily(ask.hour) > 1.2 ? 12 : 80));
  if (id === 'device.fire' || id === 'device.tilt') return bit(false);
  if (id === 'camera.motion') return bit(rarely(ask, 15_000, daily(ask.hour) > 0.8 ? 5 : 40));
  if (states === undefined) return bit(false);
  const names = Object.keys(states);
  const usual = names.find((name) => /run|normal|auto|on$/i.test(name)) ?? names[0];
  const name = rarely(ask, 20 * 60_000, 300)
    ? names[Math.floor(unitAt(ask.own, dayNumber(ask.at)) * names.length)]
    : usual;
  return states[name ?? ''] ?? range[0];
}

/** A counter's value: its own start plus what it counted, slowed down where its range would be left before 2050. */
function total(ask: Ask): number {
  const top = ask.metric.range[1];
  const until = counted({ ...ask, at: Date.UTC(2050, 0, 1) });
  const scale = Math.min(1, (0.9 * top) / Math.max(until, 1e-9));
  const start = Math.min(200, 0.1 * top) * unitAt(ask.own, 0);
  const value = start + counted(ask) * scale;
  return ask.metric.unit === '' ? Math.floor(value) : value;
}

/** Somewhere in the middle third of the range, as far as nobody knows better. */
function fallback(ask: Ask): number {
  const [low, high] = ask.metric.range;
  return (low + high) / 2 + ((high - low) / 6) * (0.8 * slow(ask, 6 * HOUR) + 0.2 * flutter(ask));
}

/**
 * The value of one metric of one device at `at`, in the metric's unit, always inside its plausible range; a total never
 * decreases. `drift` is the sensor's error as a fraction of the value, 0 for a true one.
 */
export function modelValue(
  seed: number,
  rain: Rain,
  device: string,
  metric: Metric,
  at: number,
  drift = 0,
): number {
  const ask: Ask = {
    at,
    hour: hourOfDay(at),
    device: hashText(`${seed}/${device}`),
    own: hashText(`${seed}/${device}/${metric.key}`),
    key: metric.key,
    rain,
    metric,
  };
  const [low, high] = metric.range;
  const clamp = (value: number): number => Math.min(high, Math.max(low, value));
  const known = quantity(metric.quantity);
  if (known?.total) return clamp(thousandths(total(ask)));
  if (known?.state && metric.quantity !== 'wind.sector') return clamp(state(ask));
  const shaped = shapes[metric.quantity]?.(ask);
  // A range far from the usual (a heat flow in W, a tank 200 m deep) means another kind of thing than the shape knows.
  const slack = 0.3 * (high - low);
  const fits = shaped !== undefined && shaped >= low - slack && shaped <= high + slack;
  return clamp(thousandths((fits ? shaped : fallback(ask)) * (1 + drift)));
}

function thousandths(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** What any device of a planned county measures at any time, with what a scenario does to it. */
import { bug } from '@village/core';
import type { DeviceProfile, Metric } from '@village/device-profiles';
import type { Effects, Script } from '../play/scenario.ts';
import type { CountyPlan, PlannedDevice } from './county-plan.ts';
import { modelValue } from './values.ts';
import { Rain } from './weather.ts';

/** The true values of a county: pure in (seed, scenario, device, metric, time). */
export class CountyModel {
  readonly #plan: CountyPlan;
  readonly #script: Script | undefined;
  readonly #rain: Rain;
  readonly #devices: ReadonlyMap<string, PlannedDevice>;

  constructor(plan: CountyPlan, script?: Script) {
    this.#plan = plan;
    this.#script = script;
    this.#rain = new Rain(plan.seed, script?.rain() ?? []);
    this.#devices = new Map(plan.devices.map((device) => [device.id, device]));
  }

  /** The profile of a planned device. */
  profile(device: PlannedDevice): DeviceProfile {
    return this.#plan.profiles.get(device.profile) ?? bug(`no profile ${device.profile}`);
  }

  /** What bears on a device; undefined without a scenario. */
  effects(device: PlannedDevice, at: number): Effects | undefined {
    const { kind } = this.profile(device);
    return this.#script?.effects({ ...device, kind }, at);
  }

  /** One value, in the metric's unit. */
  value(id: string, key: string, at: number): number {
    const device = this.#devices.get(id) ?? bug(`no device ${id} in the plan`);
    const profile = this.profile(device);
    const metric = profile.metrics[profile.metricIndex.get(key) ?? -1];
    if (metric === undefined) bug(`${device.profile} has no metric ${key}`);
    const drift = this.effects(device, at)?.drift ?? 0;
    return modelValue(this.#plan.seed, this.#rain, id, metric, at, drift);
  }

  /** All values of a device. */
  values(device: PlannedDevice, at: number): Record<string, number> {
    const drift = this.effects(device, at)?.drift ?? 0;
    const values: Record<string, number> = {};
    for (const metric of spokenOf(this.profile(device)))
      values[metric.key] = modelValue(this.#plan.seed, this.#rain, device.id, metric, at, drift);
    return values;
  }
}

/** Channels of a kind that a simulated device has: the first two that its profile lists. */
const CHANNELS = 2;

/** What a simulated device of that type measures. */
export function spokenOf({ metrics }: DeviceProfile): readonly Metric[] {
  return metrics.filter(({ channel }) => {
    if (channel === undefined) return true;
    const others = metrics.filter((one) => one.channel?.base === channel.base);
    return others.findIndex((one) => one.channel?.key === channel.key) < CHANNELS;
  });
}

const models = new WeakMap<CountyPlan, CountyModel>();

/** What the device measures at `at` when no scenario interferes, before its wire rounds it. */
export function countyValue(plan: CountyPlan, device: string, metric: string, at: number): number {
  let model = models.get(plan);
  if (model === undefined) {
    model = new CountyModel(plan);
    models.set(plan, model);
  }
  return model.value(device, metric, at);
}

/**
 * What goes wrong in a played county, and when: steps from a YAML file, and the pure question which of them
 * bear on a device now. The same seed picks the same devices.
 */
import { readFileSync } from 'node:fs';
import { type Area, OperationalError, parseDuration } from '@village/core';
import { type DeviceKind, KINDS } from '@village/device-profiles';
import { parse } from 'yaml';
import { z } from 'zod';
import { hashText } from '../county/noise.ts';
import type { RainSpell } from '../county/weather.ts';

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms >= 0) return ms;
  context.addIssue({ code: 'custom', message: `not a duration such as 90s, 5m or 2h: ${text}` });
  return z.NEVER;
});

const selector = z.strictObject({
  id: z.string().optional(),
  kind: z.enum(KINDS).optional(),
  profile: z.string().optional(),
  /** It and all below. */
  area: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  /** Of the devices that the rest selects. */
  share: z.number().min(0).max(1).default(1),
});

const window = { at: duration, for: duration };
const repeated = { ...window, every: duration.optional(), devices: selector.prefault({}) };

const step = z.discriminatedUnion('what', [
  z.strictObject({ what: z.literal('dropout'), ...repeated }),
  z.strictObject({ what: z.literal('restart'), ...repeated }),
  z.strictObject({
    what: z.literal('clock-ahead'),
    ...repeated,
    by: duration.prefault('2h'),
  }),
  z.strictObject({ what: z.literal('clock-1970'), ...repeated }),
  z.strictObject({
    what: z.literal('drift'),
    ...repeated,
    /** Fraction of the value that the error has grown to when the window ends. */
    by: z.number().min(-1).max(1).default(0.2),
  }),
  z.strictObject({ what: z.literal('duplicate'), ...repeated }),
  z.strictObject({ what: z.literal('reorder'), ...repeated }),
  z.strictObject({ what: z.literal('gateway-cut'), ...window, every: duration.optional() }),
  /** Rain falls on the whole county; `by` is in mm/h. */
  z.strictObject({ what: z.literal('rain'), ...window, by: z.number().min(0).max(200).default(8) }),
]);

const scenarioSchema = z.strictObject({ steps: z.array(step).max(10_000) });

/** One step of a scenario; times are milliseconds from the start of the play. */
export type ScenarioStep = z.output<typeof step>;

/** What a step must know of a device to select it. */
export interface Selectable {
  readonly id: string;
  readonly profile: string;
  readonly kind: DeviceKind;
  readonly area: Area['code'];
}

/** What bears on one device at one time. */
export interface Effects {
  /** Its network is gone: nothing arrives, and what it can keep it keeps. */
  readonly dropout: boolean;
  /** It is starting again: nothing arrives, and nothing is kept. */
  readonly restarting: boolean;
  /** Added to the true time to get its clock's time. */
  readonly clockErrorMs: number;
  /** Fraction of the value by which its sensors are off. */
  readonly drift: number;
  readonly duplicate: boolean;
  readonly reorder: boolean;
}

const NO_EFFECTS: Effects = {
  dropout: false,
  restarting: false,
  clockErrorMs: 0,
  drift: 0,
  duplicate: false,
  reorder: false,
};

/**
 * The steps of a scenario's text.
 * @throws bad-scenario with every fault and its path.
 */
export function parseScenario(text: string): ScenarioStep[] {
  const result = scenarioSchema.safeParse(parse(text));
  if (result.success) return result.data.steps;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new OperationalError('bad-scenario', faults.join('; '));
}

/** Reads a scenario file. @throws bad-scenario */
export function loadScenario(path: string | URL): ScenarioStep[] {
  return parseScenario(readFileSync(path, 'utf8'));
}

/** The scenario that plays when none is named: now and then a device is silent, late or wrong, and it rains. */
export const MILD_SCENARIO = new URL('../../scenarios/mild.yaml', import.meta.url);

/** Whether an area code is the given one or lies below it; the codes of a level end in zeros. */
function within(code: string, area: string): boolean {
  const significant = area.endsWith('000000') ? 6 : area.endsWith('000') ? 9 : 12;
  return code.slice(0, significant) === area.slice(0, significant);
}

/** A scenario that has started. */
export class Script {
  readonly startedAt: number;
  readonly #seed: number;
  readonly #steps: readonly ScenarioStep[];

  constructor(seed: number, steps: readonly ScenarioStep[], startedAt: number) {
    this.#seed = seed;
    this.#steps = steps;
    this.startedAt = startedAt;
  }

  /** How long the step has been on, and in which round; undefined when it is off. */
  #since(step: ScenarioStep, now: number): { ms: number; round: number } | undefined {
    const since = now - this.startedAt - step.at;
    if (since < 0) return undefined;
    const every = 'every' in step ? step.every : undefined;
    const round = every === undefined || every === 0 ? 0 : Math.floor(since / every);
    const ms = since - round * (every ?? 0);
    return ms < step.for ? { ms, round } : undefined;
  }

  #selects(index: number, step: ScenarioStep, round: number, device: Selectable): boolean {
    if (!('devices' in step)) return false;
    const { id, kind, profile, area, share } = step.devices;
    if (id !== undefined && id !== device.id) return false;
    if (kind !== undefined && kind !== device.kind) return false;
    if (profile !== undefined && profile !== device.profile) return false;
    if (area !== undefined && !within(device.area, area)) return false;
    return hashText(`${this.#seed}/${index}/${round}/${device.id}`) / 4294967296 < share;
  }

  /** What bears on a device now. */
  effects(device: Selectable, now: number): Effects {
    let effects = NO_EFFECTS;
    for (const [index, step] of this.#steps.entries()) {
      const since = this.#since(step, now);
      if (since !== undefined && this.#selects(index, step, since.round, device))
        effects = { ...effects, ...effectOf(step, since.ms, now - this.startedAt, now) };
    }
    return effects;
  }

  /** Whether the way between gateways and broker is cut now. */
  gatewayCut(now: number): boolean {
    return this.#steps.some(
      (step) => step.what === 'gateway-cut' && this.#since(step, now) !== undefined,
    );
  }

  /** The rain that the scenario adds. */
  rain(): RainSpell[] {
    return this.#steps.flatMap((step) =>
      step.what === 'rain'
        ? [
            {
              from: this.startedAt + step.at,
              to: this.startedAt + step.at + step.for,
              rate: step.by,
            },
          ]
        : [],
    );
  }
}

function effectOf(
  step: ScenarioStep,
  onMs: number,
  playedMs: number,
  now: number,
): Partial<Effects> {
  switch (step.what) {
    case 'dropout':
      return { dropout: true };
    case 'restart':
      return { restarting: true };
    case 'clock-ahead':
      return { clockErrorMs: step.by };
    case 'clock-1970':
      // A clock without a battery counts from its own start.
      return { clockErrorMs: playedMs - now };
    case 'drift':
      return { drift: (step.by * onMs) / Math.max(step.for, 1) };
    case 'duplicate':
      return { duplicate: true };
    case 'reorder':
      return { reorder: true };
    case 'gateway-cut':
    case 'rain':
      return {};
  }
}

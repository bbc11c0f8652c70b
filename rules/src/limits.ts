/** The limits that rules compare with: what the standards say of a device at a time. */
import { isKnown, type LimitAnswer, type Standards } from '@village/platform';
import type { LimitOf, RuleSubject } from './engine/index.ts';
import type { LimitRef } from './model.ts';

/** A limit that holds from one time, before another; NaN where it is not known. */
interface Held {
  readonly from: number;
  readonly until: number;
  readonly value: number;
}

/** The answer of the standards to what a rule asks, with all that is not said told. */
export function limitAnswer(
  standards: Standards,
  { standard: id, quantity, attribute, period }: LimitRef,
  { attributes }: Pick<RuleSubject, 'attributes'>,
  at: number,
  temperature: number,
): LimitAnswer {
  const asked = { at, ...(period === null ? {} : { period }), waterTemperature: temperature };
  const device = { ...asked, attribute: (key: string) => attributes[key] };
  if (attribute === null) return standards.limitForDevice(id, quantity, device);
  const standard = standards.find(id);
  const said = attributes[attribute];
  if (standard?.kind !== 'limits' || said === undefined)
    return standards.limitFor(id, quantity, asked);
  const { classBy } = standard;
  const renamed = (key: string) => (key === classBy.attribute ? said : attributes[key]);
  return standards.limitForDevice(id, quantity, { ...asked, attribute: renamed });
}

/** Limits of one number; where a standard gives two borders, or what decides is not said, the limit is not known. */
export function limitsOf(standards: Standards): LimitOf {
  // By device and what is asked; a change of the device is another object.
  const known = new WeakMap<RuleSubject, Map<LimitRef, Held>>();
  return ({ limit }, subject, at, temperature) => {
    if (limit === null) return Number.NaN;
    const held = known.get(subject)?.get(limit);
    if (held !== undefined && at >= held.from && at < held.until) return held.value;
    const answer = limitAnswer(standards, limit, subject, at, temperature);
    const value = 'value' in answer ? answer.value : Number.NaN;
    // What depends on the water's temperature is asked for each reading.
    if (isKnown(answer) && limit.temperature === null) {
      const own = known.get(subject) ?? new Map<LimitRef, Held>();
      known.set(subject, own);
      own.set(limit, { from: answer.from, until: answer.until, value });
    }
    return value;
  };
}

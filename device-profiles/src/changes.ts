/** What devices that run would notice when a profile takes the place of another one of its name. */
import type { DeviceProfile } from './types.ts';

export const PROFILE_CHANGES = [
  'metric-lost',
  'metric-other',
  'event-lost',
  'kind-other',
  'protocol-other',
  'address-other',
  'options-unfit',
] as const;

export interface ProfileChange {
  readonly what: (typeof PROFILE_CHANGES)[number];
  /** The metric, event or device that it is about; what is now where it is the whole type. */
  readonly subject: string;
  /** What it becomes, in words or codes. */
  readonly detail: string;
}

/** Of the type itself; whether options of devices still fit is asked of each. */
export function changesBetween(before: DeviceProfile, after: DeviceProfile): ProfileChange[] {
  const changes: ProfileChange[] = [];
  const whole = (what: ProfileChange['what'], was: string, is: string): void => {
    if (was !== is) changes.push({ what, subject: was, detail: is });
  };
  whole('protocol-other', before.protocol, after.protocol);
  whole('address-other', before.address, after.address);
  whole('kind-other', before.kind, after.kind);
  for (const { key, quantity, span, statistic } of before.metrics) {
    const index = after.metricIndex.get(key);
    const now = index === undefined ? undefined : after.metrics[index];
    if (now === undefined) changes.push({ what: 'metric-lost', subject: key, detail: '' });
    else if (now.quantity !== quantity || now.span !== span || now.statistic !== statistic)
      changes.push({
        ...{ what: 'metric-other', subject: key },
        detail: `${quantity} ${span} ${statistic} → ${now.quantity} ${now.span} ${now.statistic}`,
      });
  }
  const events = new Set(after.events.map(({ type }) => type));
  for (const { type } of before.events)
    if (!events.has(type)) changes.push({ what: 'event-lost', subject: type, detail: '' });
  return changes;
}

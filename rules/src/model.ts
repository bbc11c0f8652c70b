/** What a rule is once its file has been read and checked: what the engine, the pages and the tests of rules all work from. */
import type { AreaLevel, Label, QuantityId, Severity } from '@village/core';
import type { Period } from '@village/platform';
import type { Expression, Slots } from './language/expression.ts';

/** Where a named input of a rule comes from: a metric by its key, or what measures a quantity. */
export interface Input {
  /** As expressions call it. */
  readonly name: string;
  readonly metric: string | null;
  readonly quantity: QuantityId | null;
  /** An older value of it is unknown, ms; Infinity where nothing is said. Of the driving input it means nothing. */
  readonly maxAgeMs: number;
}

/** A length of time: so many milliseconds, and so many intervals in which a device reports, whichever is longer. */
export interface Lasting {
  readonly ms: number;
  readonly intervals: number;
}

/** A level at which a rule alerts. */
export interface Level {
  readonly severity: Severity;
  /** Of a watch or an event it may be `true`: the thing itself. */
  readonly when: Expression;
  /** When it is over; null when that is as soon as `when` is false. */
  readonly clear: Expression | null;
  /** It must hold for so long first (on-delay), ms of event time. */
  readonly forMs: number;
}

/** Which devices a rule is for; all that are given must be right of a device. */
export interface Scope {
  readonly profiles: readonly string[];
  readonly kinds: readonly string[];
  /** Codes of areas; devices below them are meant too. */
  readonly areas: readonly string[];
  /** Labels with one of these values. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  readonly attributes: Readonly<Record<string, readonly (string | number)[]>>;
  /** Devices by id; for a rule that is for a few. */
  readonly devices: readonly string[];
}

/** What a rule looks at when it is not the readings of a device. */
export type Watch =
  /** A device was not heard for longer than it may be silent. */
  | 'device-silent'
  /** A device that was registered a day ago was never heard. */
  | 'device-never-seen'
  /** A gateway is offline. */
  | 'gateway-offline'
  /** A device's or gateway's clock is wrong. */
  | 'clock-wrong';

/** An event of a device that raises an alert. */
export interface EventMatch {
  readonly types: readonly string[];
  /** Fields of the event's detail with one of these values. */
  readonly detail: Readonly<Record<string, readonly (string | number | boolean)[]>>;
  /** It is over when no more of them came for so long, ms. */
  readonly holdMs: number;
}

/** What is counted of each area, and may be named in the expressions of a rule on areas: devices, and alerts that are active. */
export const AREA_COUNTERS = [
  'total',
  'offline',
  'active',
  'critical',
  'major',
  'minor',
  'info',
] as const;
export type AreaCounter = (typeof AREA_COUNTERS)[number];

/** What a rule judges. */
export type Subject =
  | { readonly kind: 'readings'; readonly inputs: readonly [Input, ...Input[]] }
  | { readonly kind: 'watch'; readonly watch: Watch }
  | { readonly kind: 'event'; readonly event: EventMatch }
  /** Counters of all areas of a level: offline, total, active alerts. */
  | { readonly kind: 'area'; readonly level: AreaLevel };

/** A limit that a standard sets, by what is said of the device. */
export interface LimitRef {
  readonly standard: string;
  readonly quantity: QuantityId;
  /** Attribute that says the class; null for the one that the standard names. */
  readonly attribute: string | null;
  /** Of what time the mean is, where the standard has several; null for the one that there is. */
  readonly period: Period | null;
  /** Slot of the input that is the water's temperature, ℃: some limits are others in cold water. Null where there is none. */
  readonly temperature: number | null;
}

export interface NoData {
  readonly after: Lasting;
  readonly state: 'keep' | 'clear' | Severity;
}

/** Too many changes: the alert is held open until it has been quiet for a while. */
export interface Flap {
  readonly transitions: number;
  readonly inMs: number;
  readonly holdMs: number;
}

/** When a rule is awake, in Beijing time. */
export interface Schedule {
  /** Days of the week on which it wakes, 0 is Sunday. */
  readonly days: readonly number[];
  /** Minutes of the day, 0 to 1440: from `from` on, before `to`; when that is not later, before `to` of the next day. */
  readonly from: number;
  readonly to: number;
}

export interface Rule {
  /** Stable: an alert is of (rule, device, discriminator). */
  readonly id: string;
  readonly title: Label;
  readonly subject: Subject;
  /** What the slots of its expressions stand for: inputs in the order of the subject, then counters. */
  readonly slots: Slots;
  readonly scope: Scope;
  /** Worst first. */
  readonly levels: readonly [Level, ...Level[]];
  readonly limit: LimitRef | null;
  /** It must be over for so long before it is (off-delay), ms of event time. */
  readonly clearForMs: number;
  /** Shortest life of an alert, ms. */
  readonly minActiveMs: number;
  /** Stays until somebody acknowledges it, also when it is over. */
  readonly latch: boolean;
  /** Between `when` and `clear` the wait for `for` begins anew. */
  readonly strictFor: boolean;
  /** Codes of qualities that count; values of others are unknown. */
  readonly qualities: ReadonlySet<number>;
  readonly noData: NoData;
  /** Readings that are older than this are late: they page nobody. */
  readonly live: Lasting;
  /** So many true samples in so long a time instead of `for`; null where none is asked for. */
  readonly repeat: { readonly count: number; readonly inMs: number } | null;
  readonly flap: Flap;
  readonly schedule: Schedule | null;
  /** What is told; `{value}` and the like are filled in. */
  readonly message: Label | null;
  /** What somebody does first, one step each. */
  readonly advice: readonly Label[];
  readonly enabled: boolean;
}

/** A cause that makes alerts of what depends on it no news. */
export interface Inhibition {
  readonly source: { readonly rule: string };
  /** What is inhibited: alerts of devices behind that gateway, in that area, or of the same device. */
  readonly targets: 'behind-gateway' | 'in-area' | 'same-device';
  /** Which alerts of them: that nothing comes, or by rule. */
  readonly kinds: readonly ('silence' | 'quality')[];
  readonly rules: readonly string[];
}

export interface RuleSet {
  readonly name: string;
  readonly owner: string | null;
  readonly rules: readonly Rule[];
  readonly inhibit: readonly Inhibition[];
}

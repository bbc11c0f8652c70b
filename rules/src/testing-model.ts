/** A test of rules once its file has been read: what happens at which time, and what must have come of it. */
import type { Quality, Severity } from '@village/core';

/** A device of a test. */
export interface TestDevice {
  readonly id: string;
  /** `vendor/model` */
  readonly profile: string;
  /** Code of its area; null where the test says none. */
  readonly area: string | null;
  /** The gateway that speaks for it. */
  readonly gateway: string | null;
  /** How often it reports, ms; null is what its profile says. */
  readonly intervalMs: number | null;
  /** Before the start, ms. */
  readonly registeredMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** One reading; times are ms since the start of the test, as all below. */
export interface TestSample {
  readonly at: number;
  readonly value: number;
}

/** Readings of one metric of one device, in order of time; gaps are left out. */
export interface TestSeries {
  readonly device: string;
  readonly metric: string;
  readonly quality: Quality;
  readonly samples: readonly TestSample[];
}

export interface TestEvent {
  readonly device: string;
  readonly type: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** What happens from one time on. */
export interface TestStep {
  readonly at: number;
  /** Each comes when it was made. */
  readonly series: readonly TestSeries[];
  /** All of them come now, in the order of their times. */
  readonly arrive: readonly TestSeries[];
  readonly events: readonly TestEvent[];
  readonly gateways: readonly { readonly id: string; readonly online: boolean }[];
  /** All that waited at the gateways of this step has come. */
  readonly backlogEnd: boolean;
  /** Clocks of devices that are wrong from now on, or right again. */
  readonly clocks: readonly { readonly device: string; readonly wrong: boolean }[];
  readonly acknowledge: readonly { readonly rule: string; readonly device: string }[];
  /** The engine is killed and starts again from its snapshot and the journal after so long, ms; null where nothing is. */
  readonly restartMs: number | null;
}

export type AlarmState = 'NORMAL' | 'PENDING' | 'ACTIVE' | 'CLEARING';

/** Why an alert tells nobody. */
export type SuppressionWord =
  | 'inhibited'
  | 'shelved'
  | 'maintenance'
  | 'out-of-service'
  | 'flapping'
  | 'outside-schedule'
  | 'backfill';

/** What must be so; each has its place in the list of expectations, for messages. */
export type Expectation = { readonly index: number } & (
  | {
      readonly kind: 'alarms';
      readonly at: number;
      readonly alarms: readonly {
        readonly rule: string;
        /** Device, gateway or code of an area. */
        readonly device: string;
        readonly state: AlarmState;
        /** null where the test does not ask. */
        readonly severity: Severity | null;
        readonly suppression: readonly SuppressionWord[] | null;
      }[];
    }
  /** All alerts that there were of the rules and devices named, in order of their beginnings. */
  | {
      readonly kind: 'history';
      readonly history: readonly {
        readonly rule: string;
        readonly device: string;
        readonly from: number;
        /** null while it goes on. */
        readonly to: number | null;
        readonly severity: Severity | null;
        readonly suppression: readonly SuppressionWord[] | null;
      }[];
    }
  /** How often people would have been told of a rule: that it is active, worse, or over. */
  | {
      readonly kind: 'transitions';
      readonly transitions: readonly { readonly rule: string; readonly count: number }[];
    }
  /** Nobody would have been told of anything from one time, before another. */
  | { readonly kind: 'quiet'; readonly from: number; readonly to: number }
);

export interface RuleTest {
  readonly name: string;
  /** ms since 1970. */
  readonly start: number;
  readonly devices: readonly TestDevice[];
  /** In order of time. */
  readonly steps: readonly TestStep[];
  readonly expect: readonly Expectation[];
  /** As the file says it, to be written again. */
  readonly source: unknown;
}

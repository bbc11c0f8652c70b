/** Which rules each device is known to. */
import type { Program } from './program.ts';
import type { RuleSubject } from './program-types.ts';
import { columnsOf, isInScope } from './scope.ts';

/** An instance of a rule. */
export interface Instance {
  readonly program: Program;
  readonly i: number;
}

/** What the rules know of one device. */
export interface BoundDevice {
  /** Its number in batches. */
  readonly number: number;
  subject: RuleSubject;
  /** Instances of rules on its readings, on its events and on itself. */
  instances: Instance[];
  /** Those that watch whether its clock is right. */
  clocks: Instance[];
  /** When it was heard last by the server's clock, ms. */
  heard: number;
  /** When the timer for its silence comes; NaN while there is none. */
  armed: number;
  isSilent: boolean;
}

/** Whether a rule is for a device: of one on readings it must have the driving metric. */
export function isFor({ rule, inputs }: Program, subject: RuleSubject): boolean {
  const { kind } = rule.subject;
  if (kind === 'area') return false;
  if (rule.subject.kind === 'watch' && rule.subject.watch === 'gateway-offline') return false;
  if (!isInScope(rule.scope, subject)) return false;
  if (kind !== 'readings') return true;
  const { profile } = subject;
  const keys = profile.metrics.map(({ key }) => key);
  return columnsOf(inputs, profile, keys) !== null;
}

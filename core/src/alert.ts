/** The words of an alert's life: how it stands, what keeps its news back, what happens to it and what people judge of it. */
import type { Label } from './area.ts';

/** What an alert is of. */
export const ALERT_SUBJECTS = ['device', 'gateway', 'area'] as const;
export type AlertSubject = (typeof ALERT_SUBJECTS)[number];

/** Reasons why nobody is told of an alert; several may hold at once. New ones come at the end: their places are stored. */
export const SUPPRESSIONS = [
  /** What it depends on is known to be down. */
  'inhibited',
  /** Found in readings that came late. */
  'backfill',
  /** The rule sleeps at this hour. */
  'outside-schedule',
  /** Somebody put it aside for a while. */
  'shelved',
  /** Somebody works there. */
  'maintenance',
] as const;
export type Suppression = (typeof SUPPRESSIONS)[number];

/** What happens to an alert, one step each. */
export const ALERT_STEPS = [
  'opened',
  /** It had ended, nobody had acknowledged it, and it is there again. */
  'reopened',
  'worse',
  'milder',
  /** It changes too often and is held open until it is quiet. */
  'flapping',
  /** What kept its news back is over, and it is still there. */
  'released',
  /** Its condition is over. */
  'ended',
  'acknowledged',
  'commented',
  'assigned',
  'shelved',
  'unshelved',
  'judged',
] as const;
export type AlertStep = (typeof ALERT_STEPS)[number];

/** What an officer says of an alert once it was looked into. */
export const VERDICTS = ['confirmed', 'false'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Why an alert was a false one. */
export const FALSE_ALERT_CAUSES = [
  'probe-fouled',
  'calibration',
  'maintenance',
  'power',
  'communication',
  'wrong-threshold',
  'other',
] as const;
export type FalseAlertCause = (typeof FALSE_ALERT_CAUSES)[number];

export const FALSE_ALERT_CAUSE_NAMES: Readonly<Record<FalseAlertCause, Label>> = {
  'probe-fouled': { zh: '探头污染或结垢', en: 'Probe fouled' },
  calibration: { zh: '校准期间', en: 'Calibration' },
  maintenance: { zh: '检修维护', en: 'Maintenance' },
  power: { zh: '停电或供电异常', en: 'Power' },
  communication: { zh: '通信故障', en: 'Communication' },
  'wrong-threshold': { zh: '阈值设置不当', en: 'Wrong threshold' },
  other: { zh: '其他（须说明）', en: 'Other, with a note' },
};

/** Longest time for which an alert may be put aside, days. */
export const SHELVE_DAYS_MAX = 7;

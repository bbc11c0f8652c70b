/** An installed thing that says something. */

/** Ids of devices, gateways and credentials: safe in topics, file names and addresses. */
export const ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** What is made of a device's own clock that is off: its times stay, are corrected, or tell history where they are late. */
export const CLOCK_USES = ['keep', 'correct', 'history'] as const;
export type ClockUse = (typeof CLOCK_USES)[number];

export interface Device {
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** Profile id, `vendor/model`. */
  readonly profile: string;
  /** Code of the area it stands in, a village as a rule. */
  readonly area: string;
  /** Id of the gateway it speaks through; null when it speaks to the broker itself. */
  readonly gateway: string | null;
  /** Its name on its own wire (serial number, DevEUI) where topics carry one; its id when not given. */
  readonly address: string;
  /** Named options of the profile that this one installation overrides. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly clock: ClockUse;
  /** WGS-84 degrees, or null. */
  readonly longitude: number | null;
  readonly latitude: number | null;
}

/**
 * A silence longer than this is a gap: two report intervals, and some slack for polls that come late. A single report
 * that is missing is no gap; completeness counts it.
 */
export const gapAfterMs = (reportEveryMs: number): number => Math.round(2.2 * reportEveryMs);

export const DEVICE_STATES = ['online', 'late', 'offline', 'never'] as const;
export type DeviceState = (typeof DEVICE_STATES)[number];

/**
 * How a device stands at `now`: never heard; online; late after two report intervals; offline after
 * `silentAfterMs`. All in milliseconds; `lastSeenAt` is when it was heard last, by what it said live or late.
 */
export function deviceState(
  lastSeenAt: number | null,
  profile: { reportEveryMs: number; silentAfterMs: number },
  now: number,
): DeviceState {
  if (lastSeenAt === null) return 'never';
  const silence = now - lastSeenAt;
  if (silence > profile.silentAfterMs) return 'offline';
  return silence > Math.min(2 * profile.reportEveryMs, profile.silentAfterMs) ? 'late' : 'online';
}

/** What every route works with: the parts of the running server, and who is asking. */
import type { Broker } from '@village/broker';
import type { Clock, Role, Timer } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { GatewayState, Pipeline } from '@village/ingest';
import type { Directory, Imports } from '@village/registry';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import type { Backups } from '../backups.ts';
import type { Config } from '../config.ts';
import type { LiveHub } from '../live.ts';
import type { LockOut, Passwords } from '../passwords.ts';

/** Everything a route may use. */
export interface Context {
  readonly config: Config;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly relational: Relational;
  readonly store: TimeSeriesStore;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly directory: Directory;
  readonly pipeline: Pipeline;
  readonly broker: Broker;
  readonly live: LiveHub;
  readonly imports: Imports;
  readonly backups: Backups;
  readonly passwords: Passwords;
  readonly lockOut: LockOut;
  /** Failures of repeated work since the start, by kind. */
  readonly failures: Record<string, number>;
  /** HTTP answers since the start, by status. */
  readonly answers: Record<string, number>;
  /** HTTP connections refused since the start, by cause. */
  readonly refusedSockets: Record<string, number>;
  /** Kept no longer, since the start. */
  readonly trimmed: { audit: number };
  /** What gateways said before the last restart. */
  readonly remembered: ReadonlyMap<string, GatewayState>;
}

/** Who a request comes from. */
export interface Caller {
  /** Account name, or `token:<id>`. */
  readonly actor: string;
  readonly role: Role;
  /** Code of the area that the caller sees, and all below. */
  readonly area: string;
  /** The session's secret; null for a machine. */
  readonly session: string | null;
  readonly displayName: string;
}

export const COOKIE = 'village_session';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
  }
}

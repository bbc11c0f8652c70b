/** What the core modules share: the running parts that more than one of them works with. */
import type { Broker } from '@village/broker';
import type { DeviceProfile } from '@village/device-profiles';
import type { Pipeline } from '@village/ingest';
import type {
  CommandTools,
  CorrectedLatest,
  Corrections,
  Platform,
  View,
  ViewQueries,
} from '@village/platform';
import type { Directory, Imports, Lifecycle, ProfileRevisions } from '@village/registry';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import type { Config } from '../config/config.ts';
import type { Backups } from './backup/backups.ts';
import type { Passwords } from './session/passwords.ts';

/** Newest values of devices, corrected. */
export interface NewestValues {
  latest(device: string): readonly CorrectedLatest[];
}

export interface Needs extends Platform {
  readonly config: Config;
  readonly store: TimeSeriesStore;
  /** Queries by view: what was received, and that with what was stated of it. */
  readonly readings: Readonly<Record<View, ViewQueries>>;
  readonly corrections: Corrections;
  readonly latest: NewestValues;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  /** Every text that the profiles have had. */
  readonly profileRevisions: ProfileRevisions;
  readonly directory: Directory;
  readonly imports: Imports;
  readonly lifecycle: Lifecycle;
  readonly pipeline: Pipeline;
  readonly broker: Broker;
  readonly backups: Backups;
  /** One for all, since checks at once are bounded. */
  readonly passwords: Passwords;
}

/** What commands of the core modules get. */
export interface Tools extends CommandTools {
  readonly config: Config;
  /** Runs work over both stores of a server that does not run. @throws store-in-use, no-data */
  withStores<T>(
    work: (stores: { store: TimeSeriesStore; relational: Relational }) => Promise<T>,
  ): Promise<T>;
}

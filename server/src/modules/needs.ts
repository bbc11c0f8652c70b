/** What the core modules share: the running parts that more than one of them works with. */
import type { Broker } from '@village/broker';
import type { DeviceProfile } from '@village/device-profiles';
import type { Pipeline } from '@village/ingest';
import type {
  Ages,
  CommandTools,
  CorrectedLatest,
  Corrections,
  FairQueries,
  Platform,
  View,
  ViewQueries,
} from '@village/platform';
import type {
  ClientIds,
  DeviceEntry,
  Directory,
  Geometries,
  Imports,
  Lifecycle,
  OwnProfiles,
  ProfileRevisions,
  Registration,
} from '@village/registry';
import type { AlertFeed, RuleBook } from '@village/rules';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import type { Config } from '../config/config.ts';
import type { Sending } from '../http/streamed.ts';
import type { Backups } from './backup/backups.ts';
import type { ListenerCertificates } from './certificates/listeners.ts';
import type { LockOut, Passwords } from './session/passwords.ts';

/** Newest values of devices, corrected. */
export interface NewestValues {
  /** The device's state is brought up to them. */
  latest(entry: DeviceEntry): readonly CorrectedLatest[];
}

export interface Needs extends Platform {
  readonly config: Config;
  readonly store: TimeSeriesStore;
  /** Questions to the archive, in turns. */
  readonly fair: FairQueries;
  /** Long answers that are on their way. */
  readonly sending: Sending;
  /** Queries by view: what was received, and that with what was stated of it. */
  readonly readings: Readonly<Record<View, ViewQueries>>;
  readonly corrections: Corrections;
  readonly latest: NewestValues;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  /** What the folders have, also where a file that was taken in takes its place. */
  readonly folderProfiles: ReadonlyMap<string, DeviceProfile>;
  /** Every text that the profiles have had. */
  readonly profileRevisions: ProfileRevisions;
  /** Types that were taken in through the interface. */
  readonly ownProfiles: OwnProfiles;
  /** How old what is kept is. */
  readonly ages: Ages;
  readonly directory: Directory;
  readonly imports: Imports;
  readonly geometries: Geometries;
  readonly lifecycle: Lifecycle;
  readonly registration: Registration;
  /** What alerts are raised by. */
  readonly rules: RuleBook;
  /** Alerts that changed, for pages that watch. */
  readonly alertFeed: AlertFeed;
  readonly pipeline: Pipeline;
  readonly broker: Broker;
  /** Null where any client id will do. */
  readonly clientIds: ClientIds | null;
  readonly certificates: ListenerCertificates;
  readonly backups: Backups;
  /** One for all, since checks at once are bounded. */
  readonly passwords: Passwords;
  /** Who has tried wrong passwords. */
  readonly lockOut: LockOut;
}

/** What commands of the core modules get. */
export interface Tools extends CommandTools {
  readonly config: Config;
  /** The same over readings alone, whether the database is there or not. */
  withReadings<T>(work: (store: TimeSeriesStore) => Promise<T>): Promise<T>;
  /** Runs work over both stores of a server that does not run. @throws store-in-use, no-data, restore-unfinished */
  withStores<T>(
    work: (stores: { store: TimeSeriesStore; relational: Relational }) => Promise<T>,
  ): Promise<T>;
}

/** What the core modules share: the running parts that more than one of them works with. */
import type { Broker } from '@village/broker';
import type { DeviceProfile } from '@village/device-profiles';
import type { Pipeline } from '@village/ingest';
import type { Platform } from '@village/platform';
import type { Directory, Imports, Lifecycle, ProfileRevisions } from '@village/registry';
import type { TimeSeriesStore } from '@village/store/time-series';
import type { Config } from '../config/config.ts';
import type { Backups } from './backup/backups.ts';
import type { Passwords } from './session/passwords.ts';

export interface Needs extends Platform {
  readonly config: Config;
  readonly store: TimeSeriesStore;
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

/** Imports of areas and devices from CSV: all or nothing, every fault with its line and column, one import at a time. */
import type { Clock } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Relational, TransactionOptions } from '@village/store/relational';
import type { Directory } from '../directory.ts';
import type { Origin } from '../lifecycle.ts';
import type { Imported } from '../tables/contract.ts';
import { registryStore } from '../tables/registry-store.ts';
import { readAreas } from './areas.ts';
import { readDevices } from './devices.ts';
import { type ImportResult, refused } from './faults.ts';

export interface ImportOptions {
  readonly relational: Relational;
  readonly directory: Directory;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly clock: Clock;
}

/** The entry that says what somebody imported, in the same transaction; none when the server itself imports. */
const audited = (action: string, origin: Origin | undefined): TransactionOptions<Imported> =>
  origin === undefined
    ? {}
    : { audit: ({ created, updated }) => origin.audited(action, '', { created, updated }) };

/** Imports in turn, so that two never mix. */
export class Imports {
  readonly #options: ImportOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  /** Areas below `scope`; the columns are those of docs/http-api.md. */
  areas(text: string, scope: string, origin?: Origin): Promise<ImportResult> {
    return this.#inTurn(async () => {
      const { relational, directory, clock } = this.#options;
      const { areas, faults } = await readAreas(text, scope, directory);
      if (faults.length > 0) return refused(faults);
      const imported = await relational.transaction(
        (tx) => registryStore(tx).importAreas(areas),
        audited('import-areas', origin),
      );
      await directory.load(clock());
      return { ...imported, credentials: [], faults: [] };
    });
  }

  /** Devices, gateways and their secrets in `scope`. */
  devices(text: string, scope: string, origin?: Origin): Promise<ImportResult> {
    return this.#inTurn(async () => {
      const { relational, directory, profiles, clock } = this.#options;
      const file = await readDevices(text, scope, directory, profiles);
      const { devices, gateways, credentials, made, faults } = file;
      if (faults.length > 0) return refused(faults);
      const batch = { devices, gateways, credentials, at: clock(), by: origin?.by ?? 'server' };
      const imported = await relational.transaction(
        (tx) => registryStore(tx).importDevices(batch),
        audited('import-devices', origin),
      );
      await directory.load(clock());
      return { ...imported, credentials: made, faults: [] };
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return turn;
  }
}

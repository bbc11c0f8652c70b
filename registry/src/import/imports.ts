/** Imports of areas and devices from files: all or nothing, every fault with its row and column, one import at a time. */
import type { Clock } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import {
  FILE_TRANSACTION_MS,
  type Relational,
  type TransactionOptions,
} from '@village/store/relational';
import type { Directory } from '../directory.ts';
import type { Origin } from '../lifecycle.ts';
import type { Encoding } from '../sheets/encoding.ts';
import { readSheet } from '../sheets/file.ts';
import type { Imported } from '../tables/contract.ts';
import { registryStore } from '../tables/registry-store.ts';
import { readAreas } from './areas.ts';
import { asSeen } from './as-seen.ts';
import { AREA_HEADINGS, DEVICE_HEADINGS } from './columns.ts';
import { readDevices } from './devices.ts';
import { asked, type ImportResult, refused } from './faults.ts';
import { InTurn } from './in-turn.ts';

export interface ImportOptions {
  readonly relational: Relational;
  readonly directory: Directory;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly clock: Clock;
}

/** What is imported: the bytes of a file, or text. */
export interface ImportFile {
  readonly content: Buffer | string;
  /** Where somebody has said it. */
  readonly encoding?: Encoding | undefined;
  /** Fires when whoever sent it has gone. */
  readonly signal?: AbortSignal;
}

/** The entry that says what somebody imported, in the same transaction; none when the server itself imports. */
const audited = (action: string, origin: Origin | undefined): TransactionOptions<Imported> => ({
  limitMs: FILE_TRANSACTION_MS,
  ...(origin !== undefined && {
    audit: ({ created, updated }: Imported) => origin.audited(action, '', { created, updated }),
  }),
});

/** Imports in turn, so that two never mix. */
export class Imports {
  readonly #options: ImportOptions;
  readonly #turns = new InTurn();

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  /** Work on what somebody filled in, in turn with the imports, as `asSeen`. @throws busy, import-conflict */
  inTurn<T>(work: (seen: number) => Promise<T>): Promise<T> {
    return this.#turns.run(() => asSeen(this.#options, work), { kind: 'form' });
  }

  /** Areas below `scope`; the columns are those of docs/http-api.md. @throws busy, query-aborted, and what the file is refused with */
  areas(file: ImportFile, scope: string, origin?: Origin): Promise<ImportResult> {
    return this.#turns.run(
      async () => {
        const { relational, directory, clock } = this.#options;
        const sheet = await readSheet(file.content, AREA_HEADINGS, file.encoding);
        if ('readings' in sheet) return asked(sheet.readings);
        return asSeen(this.#options, async (seen) => {
          const given = { rows: sheet.rows, faults: [...sheet.faults] };
          const { areas, faults } = await readAreas(given, scope, directory);
          if (faults.length > 0) return refused(faults, sheet.rows);
          const imported = await relational.transaction(
            async (tx) => {
              const stored = registryStore(tx);
              await stored.expectUnchanged(seen);
              return stored.importAreas(areas);
            },
            audited('import-areas', origin),
          );
          await directory.load(clock());
          return { ...imported, credentials: [], faults: [] };
        });
      },
      { signal: file.signal },
    );
  }

  /** Devices, gateways and their secrets in `scope`. */
  devices(file: ImportFile, scope: string, origin?: Origin): Promise<ImportResult> {
    return this.#turns.run(
      async () => {
        const { relational, directory, profiles, clock } = this.#options;
        const sheet = await readSheet(file.content, DEVICE_HEADINGS, file.encoding);
        if ('readings' in sheet) return asked(sheet.readings);
        return asSeen(this.#options, async (seen) => {
          const given = { rows: sheet.rows, faults: [...sheet.faults] };
          const read = await readDevices(given, scope, directory, profiles);
          const { devices, gateways, credentials, made, faults } = read;
          if (faults.length > 0) return refused(faults, sheet.rows);
          const batch = { devices, gateways, credentials, at: clock(), by: origin?.by ?? 'server' };
          const imported = await relational.transaction(
            async (tx) => {
              const stored = registryStore(tx);
              await stored.expectUnchanged(seen);
              return stored.importDevices(batch);
            },
            audited('import-devices', origin),
          );
          await directory.load(clock());
          return { ...imported, credentials: made, faults: [] };
        });
      },
      { signal: file.signal },
    );
  }
}

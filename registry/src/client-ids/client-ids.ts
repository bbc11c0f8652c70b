/**
 * Client ids of MQTT that credentials are bound to: the one of the first sign-in is the only one from then on, until somebody
 * releases it or the credential is another. Kept in memory, where a sign-in is judged, and written down right after.
 */
import type { Clock } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { Origin } from '../lifecycle.ts';
import { type ClientIdTables, clientIdsModule } from './schema.ts';

export interface BoundClientId {
  /** Empty where the client names none. */
  readonly clientId: string;
  readonly boundAt: number;
}

interface Binding extends BoundClientId {
  readonly credential: string;
}

export interface ClientIdsOptions {
  readonly relational: Relational;
  readonly clock: Clock;
  /** What a holder signs in with now; undefined when it has no credential of its own. */
  readonly credentialOf: (holder: string) => string | undefined;
  /** Hears of what could not be written down; it is tried again with the next `save`. */
  readonly failed: (error: unknown) => void;
}

export class ClientIds {
  readonly #options: ClientIdsOptions;
  readonly #bound = new Map<string, Binding>();
  readonly #unsaved = new Set<string>();
  #saving: Promise<void> = Promise.resolve();

  constructor(options: ClientIdsOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    const rows = await this.#options.relational
      .for<ClientIdTables>(clientIdsModule.name)
      .selectFrom('client_id')
      .selectAll()
      .execute();
    for (const { holder, client_id: clientId, credential, bound_at: boundAt } of rows)
      this.#bound.set(holder, { clientId, credential, boundAt: Number(boundAt) });
  }

  get counters(): { bound: number; unsaved: number } {
    return { bound: this.#bound.size, unsaved: this.#unsaved.size };
  }

  /** The binding that holds; null when the next sign-in makes one. */
  of(holder: string): BoundClientId | null {
    const binding = this.#bound.get(holder);
    return binding === undefined || binding.credential !== this.#credential(holder)
      ? null
      : binding;
  }

  /** Whoever has a binding that holds. */
  *all(): Generator<BoundClientId & { readonly holder: string }> {
    for (const holder of this.#bound.keys()) {
      const bound = this.of(holder);
      if (bound !== null) yield { holder, ...bound };
    }
  }

  /** Whether a holder that has proved its credential may use this client id; the first one is bound. */
  accepts(holder: string, clientId: string): boolean {
    const known = this.of(holder);
    if (known !== null) return known.clientId === clientId;
    const boundAt = this.#options.clock();
    this.#bound.set(holder, { clientId, credential: this.#credential(holder), boundAt });
    this.#unsaved.add(holder);
    this.save().catch(this.#options.failed);
    return true;
  }

  /** Writes down what is not yet. */
  save(): Promise<void> {
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#save());
    return this.#saving;
  }

  /** Lets the next sign-in bind another id; false when none is bound. */
  async release(holder: string, origin: Pick<Origin, 'audited'>): Promise<boolean> {
    const binding = this.of(holder);
    if (binding === null) return false;
    const { clientId } = binding;
    // What is being written now would come back.
    await this.#saving.catch(() => undefined);
    await this.#options.relational.transaction(
      (tx) =>
        tx
          .for<ClientIdTables>(clientIdsModule.name)
          .deleteFrom('client_id')
          .where('holder', '=', holder)
          .execute(),
      { audit: origin.audited('release-client-id', holder, { clientId }) },
    );
    this.#bound.delete(holder);
    this.#unsaved.delete(holder);
    return true;
  }

  #credential(holder: string): string {
    return this.#options.credentialOf(holder) ?? '';
  }

  async #save(): Promise<void> {
    const holders = [...this.#unsaved];
    const rows = holders.flatMap((holder) => {
      const binding = this.#bound.get(holder);
      if (binding === undefined) return [];
      const { clientId: client_id, credential, boundAt: bound_at } = binding;
      return [{ holder, client_id, credential, bound_at }];
    });
    for (const row of rows) {
      await this.#options.relational.transaction((tx) =>
        tx
          .for<ClientIdTables>(clientIdsModule.name)
          .insertInto('client_id')
          .values(row)
          .onConflict((conflict) =>
            conflict.column('holder').doUpdateSet((eb) => ({
              client_id: eb.ref('excluded.client_id'),
              credential: eb.ref('excluded.credential'),
              bound_at: eb.ref('excluded.bound_at'),
            })),
          )
          .execute(),
      );
      // It may have been bound anew meanwhile.
      if (this.#bound.get(row.holder)?.boundAt === row.bound_at) this.#unsaved.delete(row.holder);
    }
  }
}

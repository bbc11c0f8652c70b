/**
 * Where the results of a reader of the journal stand: a row for each journal, with a sign that is another after each writing. Whoever
 * finds another sign than the one he wrote last knows that the database was brought back to another state, and that results may be lost.
 */
import { randomUUID } from 'node:crypto';
import { OperationalError } from '@village/core';
import type { RelationalAccess } from '@village/store/relational';
import type { JournalPlace } from '@village/store/time-series';
import type { Kysely } from 'kysely';

type Access = Pick<RelationalAccess, 'for'>;

/** A row of the table, whose key is the journal. */
export interface PlaceRow {
  journal: string;
  /** Null while nothing of this journal is put down and all that is stored is in doubt. */
  place: number | null;
  sign: string;
}

/** Stands for the table, whatever it is called. */
interface Tables {
  reader_place: PlaceRow;
}

export class MarkedPlace {
  readonly #journal: string;
  readonly #module: string;
  readonly #table: 'reader_place';
  /** The sign that is expected, null where no row is; undefined before the first reading. */
  #sign: string | null | undefined;
  /** The sign that is being written: nobody knows whether it is there already. */
  #next: string | null = null;

  /** In a table of a module. */
  constructor(journal: string, module: string, table: string) {
    this.#journal = journal;
    this.#module = module;
    this.#table = table as 'reader_place';
  }

  #db(access: Access): Kysely<Tables> {
    return access.for<Tables>(this.#module);
  }

  /** Reads it, and expects from now on what was read. Another journal's, when there is none of this one: all is in doubt. */
  async read(access: Access): Promise<JournalPlace | null> {
    const own = await this.#own(access);
    this.#sign = own?.sign ?? null;
    if (own !== undefined && own.place !== null)
      return { journal: this.#journal, group: own.place };
    const others = await this.#db(access).selectFrom(this.#table).selectAll().execute();
    const other = others.find(({ place }) => place !== null);
    if (other !== undefined) return { journal: other.journal, group: other.place ?? 0 };
    return own === undefined ? null : { journal: '', group: 0 };
  }

  #own(access: Access): Promise<PlaceRow | undefined> {
    return this.#db(access)
      .selectFrom(this.#table)
      .selectAll()
      .where('journal', '=', this.#journal)
      .executeTakeFirst();
  }

  /** Whether what was read or written last is what is there. */
  async isThere(access: Access): Promise<boolean> {
    const before = [this.#sign, this.#next];
    const sign = (await this.#own(access))?.sign ?? null;
    // Either may have been written while it was read.
    return [...before, this.#sign, this.#next].includes(sign);
  }

  /**
   * Writes it in a transaction, which `run` makes and does other work in; null when all is in doubt.
   * @throws brought-back when what was there before is not what was expected
   */
  async write(
    run: (write: (tx: Access) => Promise<void>) => Promise<void>,
    place: number | null,
  ): Promise<void> {
    const next = randomUUID();
    this.#next = next;
    try {
      await run(async (tx) => {
        const own = await this.#own(tx);
        if ((own?.sign ?? null) !== this.#sign)
          throw new OperationalError(
            'brought-back',
            'the database was brought back to another state: the journal is read again from there',
            { retry: true },
          );
        const row = { journal: this.#journal, place, sign: next };
        await this.#db(tx)
          .insertInto(this.#table)
          .values(row)
          .onConflict((conflict) => conflict.column('journal').doUpdateSet(row))
          .execute();
      });
    } catch (error) {
      // Where the answer alone was lost it is there, and read again.
      this.#next = null;
      throw error;
    }
    this.#sign = next;
    this.#next = null;
  }
}

/** The table of the client ids that credentials are bound to, and how it came about. */
import type { RelationalModule } from '@village/store/relational';

export interface ClientIdTable {
  /** Id of the device or gateway whose credential it is. */
  holder: string;
  client_id: string;
  /** Hash of the credential that signed in with it; another one is bound anew. */
  credential: string;
  bound_at: number;
}

export interface ClientIdTables {
  client_id: ClientIdTable;
}

export const clientIdsModule: RelationalModule = {
  name: 'client-ids',
  migrations: {
    '0001-client-ids': {
      up: async (db) => {
        await db.schema
          .createTable('client_id')
          .addColumn('holder', 'text', (c) => c.primaryKey())
          .addColumn('client_id', 'text', (c) => c.notNull())
          .addColumn('credential', 'text', (c) => c.notNull())
          .addColumn('bound_at', 'bigint', (c) => c.notNull())
          .execute();
      },
    },
  },
};

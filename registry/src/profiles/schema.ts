/** The table of device profiles as they have been, and how it came about. */
import type { RelationalModule } from '@village/store/relational';

export interface ProfileTextTable {
  profile: string;
  revision: number;
  /** The whole file. */
  text: string;
  /** Since when frames were decoded with it, RFC 3339 in UTC. */
  since: string;
}

/**
 * A file that was taken in through the interface: at most one of a type in force (`held`), and at most one change that waits
 * for the next start: another text (`waiting`), or that the one in force goes (`leaving`).
 */
export interface OwnProfileTable {
  profile: string;
  state: 'held' | 'waiting' | 'leaving';
  /** Of one that leaves, the text in force that it was said of. */
  text: string;
  actor: string;
  /** RFC 3339 in UTC. */
  at: string;
}

export interface ProfileTables {
  profile_text: ProfileTextTable;
  profile_own: OwnProfileTable;
}

export const profilesModule: RelationalModule = {
  name: 'profiles',
  migrations: {
    '0001-texts': {
      up: async (db) => {
        await db.schema
          .createTable('profile_text')
          .addColumn('profile', 'text', (c) => c.notNull())
          .addColumn('revision', 'integer', (c) => c.notNull())
          .addColumn('text', 'text', (c) => c.notNull())
          .addColumn('since', 'text', (c) => c.notNull())
          .addPrimaryKeyConstraint('profile_text_pk', ['profile', 'revision', 'since'])
          .execute();
      },
    },
    '0002-own': {
      up: async (db) => {
        await db.schema
          .createTable('profile_own')
          .addColumn('profile', 'text', (c) => c.notNull())
          .addColumn('state', 'text', (c) => c.notNull())
          .addColumn('text', 'text', (c) => c.notNull())
          .addColumn('actor', 'text', (c) => c.notNull())
          .addColumn('at', 'text', (c) => c.notNull())
          .addPrimaryKeyConstraint('profile_own_pk', ['profile', 'state'])
          .execute();
      },
    },
  },
};

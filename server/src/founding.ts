/** What a first start makes: the county's area and its admin. */
import { registryStore } from '@village/registry';
import {
  type Account,
  type AccountState,
  isRefusal,
  newSecret,
  type Relational,
  type RelationalAccess,
} from '@village/store/relational';
import type { Config } from './config/config.ts';
import type { Needs } from './modules/needs.ts';

/** Name of the first account. */
export const ADMIN = 'admin';

export interface FoundAdmin {
  /** The admin's password when it was made at this start; it is told once. */
  readonly madePassword: string | null;
  /** False when other accounts manage the server, and the first one is gone. */
  readonly hasAdmin: boolean;
  /** False when the configuration names a password for the admin and another one is stored, which holds. */
  readonly ownPassword: boolean;
}

/** The area at the top must be there before anything can be imported below it. */
export async function foundCounty(config: Config, relational: Relational): Promise<void> {
  const { code, zh, en } = config.county;
  if ((await registryStore(relational).areas(code)).length > 0) return;
  await registryStore(relational).importAreas([
    {
      code,
      level: 'county',
      name: { zh, en },
      parent: null,
      aliases: [],
      validFrom: null,
      validTo: null,
    },
  ]);
}

/** The account of one who manages everything below the area. */
export const newAdmin = (name: string, area: string): Account => ({
  ...{ name, displayName: '管理员', role: 'admin', area },
});

/** Who manages the whole server, or would if the account were not locked; others change none of them meanwhile. */
export async function managersOf(tx: RelationalAccess): Promise<AccountState[]> {
  const roots = await registryStore(tx).roots();
  return (await tx.people.administrators()).filter(({ area }) => roots.includes(area));
}

/**
 * Makes the first admin, who does not come back once others manage the server and took it out. A password in the
 * configuration counts at the first start only: later ones are changed in the console.
 */
export async function foundAdmin(needs: Needs): Promise<FoundAdmin> {
  const { config, relational, passwords } = needs;
  const { adminPassword } = config;
  const known = await relational.people.account(ADMIN);
  if (known !== null) {
    const ownPassword =
      adminPassword === undefined || (await passwords.check(known.passwordHash, adminPassword));
    return { madePassword: null, hasAdmin: true, ownPassword };
  }
  const made = adminPassword === undefined ? newSecret().slice(0, 16) : null;
  const hash = await passwords.hash(adminPassword ?? (made as string));
  try {
    const isMade = await relational.transaction(async (tx) => {
      if ((await managersOf(tx)).length > 0) return false;
      await tx.people.addAccount(newAdmin(ADMIN, config.county.code), hash);
      return true;
    });
    return { madePassword: isMade ? made : null, hasAdmin: isMade, ownPassword: true };
  } catch (error) {
    // Another process on the same database was first, and its password is the one that counts.
    if (!isRefusal(error) || (await relational.people.account(ADMIN)) === null) throw error;
    return foundAdmin(needs);
  }
}

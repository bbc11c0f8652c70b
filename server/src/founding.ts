/** What a first start makes: the county's area and its admin. */
import { registryStore } from '@village/registry';
import { isRefusal, newSecret, type Relational } from '@village/store/relational';
import type { Config } from './config/config.ts';
import type { Needs } from './modules/needs.ts';

export interface FoundAdmin {
  /** The admin's password when it was made at this start; it is told once. */
  readonly madePassword: string | null;
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

/** Makes the first admin. A password in the configuration counts then only: later ones are changed in the console. */
export async function foundAdmin(needs: Needs): Promise<FoundAdmin> {
  const { config, relational, passwords } = needs;
  const known = await relational.people.account('admin');
  if (known !== null) {
    const { adminPassword } = config;
    const ownPassword =
      adminPassword === undefined || (await passwords.check(known.passwordHash, adminPassword));
    return { madePassword: null, ownPassword };
  }
  const made = config.adminPassword === undefined ? newSecret().slice(0, 16) : null;
  const hash = await passwords.hash(config.adminPassword ?? (made as string));
  const area = config.county.code;
  try {
    await relational.people.addAccount(
      { name: 'admin', displayName: '管理员', role: 'admin', area },
      hash,
    );
  } catch (error) {
    // Another process on the same database was first, and its password is the one that counts.
    if (!isRefusal(error) || (await relational.people.account('admin')) === null) throw error;
    return foundAdmin(needs);
  }
  return { madePassword: made, ownPassword: true };
}

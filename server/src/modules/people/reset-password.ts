/**
 * Gives an administrator a new password, for those who hold the machine. Where nobody is left who manages the whole server,
 * the account becomes one who does.
 */
import { users } from '@village/api';
import { OperationalError } from '@village/core';
import type { Command } from '@village/platform';
import { registryStore } from '@village/registry';
import { type AccountState, newSecret, type RelationalAccess } from '@village/store/relational';
import { ADMIN, managersOf, newAdmin } from '../../founding.ts';
import type { Tools } from '../needs.ts';
import { Passwords } from '../session/passwords.ts';

/** Names that a refusal lists. */
const NAMED_MAX = 20;

function refuse(name: string, isKnown: boolean, managers: readonly AccountState[]): never {
  const names = managers.slice(0, NAMED_MAX).map((one) => one.name);
  const why = isKnown
    ? `不是管理员 · this account is no administrator: ${name}`
    : `没有这个账户 · there is no such account: ${name}`;
  throw new OperationalError(
    'no-admin',
    `${why}\n  管理员 · administrators: ${names.join(' ')}${managers.length > NAMED_MAX ? ' …' : ''}\n` +
      '  用法 · usage: npm run serve -- reset-password 账户·ACCOUNT',
  );
}

/** A name for an account that is not there yet. @throws bad-account-name, already-exists */
async function expectFree({ people }: Pick<RelationalAccess, 'people'>, name: string) {
  // One that begins with a dash is an option that somebody looked for.
  if (!new RegExp(users.ACCOUNT_NAME).test(name) || name.startsWith('-'))
    throw new OperationalError(
      'bad-account-name',
      `账户名须为 1 到 64 个字母、数字、.、_ 或 -，且不以 - 开头 · an account's name is 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with -: ${JSON.stringify(name.slice(0, 64))}`,
    );
  const known = await people.accountName(name);
  if (known !== null)
    throw new OperationalError(
      'already-exists',
      `有一个只是大小写不同的账户，请用它的写法 · there is an account of this name in other letters: ${known}`,
    );
}

/** The area that whoever manages the whole server is of. @throws no-data */
async function topOf(tx: RelationalAccess, county: string): Promise<string> {
  const roots = await registryStore(tx).roots();
  // Another county may be configured by now, and not begun.
  const top = roots.includes(county) ? county : roots[0];
  if (top === undefined)
    throw new OperationalError(
      'no-data',
      '还没有区域，请先启动一次服务器 · no areas yet: start the server once',
    );
  return top;
}

/** Lets in one administrator, whoever has locked the account; says whether the account had to become one. */
async function letIn(
  tx: RelationalAccess,
  { name, passwordHash, county }: { name: string; passwordHash: string; county: string },
): Promise<boolean> {
  const { people } = tx;
  const managers = await managersOf(tx);
  const account = await people.account(name);
  const isAdmin = account?.role === 'admin';
  if (!isAdmin && managers.length > 0) refuse(name, account !== null, managers);
  const change = { passwordHash, locked: false };
  if (account === null) {
    await expectFree(tx, name);
    await people.addAccount(newAdmin(name, await topOf(tx, county)), passwordHash);
  } else {
    const after =
      managers.length > 0
        ? account
        : { ...account, role: 'admin' as const, area: await topOf(tx, county) };
    if (!(await people.changeAccount(account, after, change)))
      throw new OperationalError(
        'changed-meanwhile',
        `账户刚被他人修改，请重试 · was changed meanwhile, try again: ${name}`,
      );
  }
  await people.closeSessionsOf(name);
  return managers.length === 0;
}

export const resetPassword: Command<Tools> = {
  name: 'reset-password',
  operands: '[ACCOUNT]',
  help: 'gives an administrator a new password, admin without a name',
  run: ({ config, say, withRelational }, [name = ADMIN, ...more]) => {
    if (more.length > 0)
      throw new OperationalError(
        'bad-arguments',
        '一次重设一个账户 · one account at a time: npm run serve -- reset-password ACCOUNT',
      );
    const given = name === ADMIN ? config.adminPassword : undefined;
    const password = given ?? newSecret().slice(0, 16);
    return withRelational(async (relational) => {
      const passwordHash = await new Passwords().hash(password);
      const isMade = await relational.transaction(
        (tx) => letIn(tx, { name, passwordHash, county: config.county.code }),
        {
          audit: (made) => ({
            ...{ actor: 'console', address: '', action: 'reset-password', target: name },
            ...{ outcome: 'done', detail: made ? { role: 'admin' } : {} },
          }),
        },
      );
      if (isMade) say(`已设为全县管理员 · manages the whole server from now on: ${name}`);
      say(given === undefined ? `${name} / ${password}` : '已重设 · reset');
      return true;
    });
  },
};

/** Gives the admin a new password; for those who hold the machine and lost the old one. */
import { OperationalError } from '@village/core';
import type { Command } from '@village/platform';
import { newSecret } from '@village/store/relational';
import type { Tools } from '../needs.ts';
import { Passwords } from '../session/passwords.ts';

export const resetPassword: Command<Tools> = {
  name: 'reset-password',
  help: 'gives admin a new password',
  run: ({ config, say, withRelational }) =>
    withRelational(async (relational) => {
      const account = await relational.people.account('admin');
      if (account === null)
        throw new OperationalError('no-admin', `there is no admin in ${config.data} yet`);
      const password = config.adminPassword ?? newSecret().slice(0, 16);
      // Who holds the machine gets in, whoever has locked the account.
      const change = { passwordHash: await new Passwords().hash(password), locked: false };
      await relational.transaction(
        async (tx) => {
          if (!(await tx.people.changeAccount(account, account, change)))
            throw new OperationalError('no-admin', 'admin was changed meanwhile, try again');
          await tx.people.closeSessionsOf('admin');
        },
        {
          audit: {
            actor: 'console',
            address: '',
            action: 'reset-password',
            target: 'admin',
            outcome: 'done',
            detail: {},
          },
        },
      );
      say(config.adminPassword === undefined ? `admin / ${password}` : '已重设 · reset');
      return true;
    }),
};

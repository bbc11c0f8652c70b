/** Accounts of people: who there is, changes that lose nothing, and an administrator who always stays. */
import * as api from '@village/api';
import { OperationalError } from '@village/core';
import { type AnyRoute, answer, cursorOf, notFound, openCursor, route } from '@village/platform';
import { registryStore } from '@village/registry';
import type { AccountState, RelationalAccess } from '@village/store/relational';
import { viewPerson } from '../../http/views.ts';
import type { Needs } from '../needs.ts';
import { passwordFault } from '../session/passwords.ts';

/** Refuses when the account is another than the one that the asker has seen. */
function sameAsSeen(before: Pick<AccountState, 'revision'> | null, seen: number | undefined): void {
  if (seen !== undefined && seen !== (before?.revision ?? 0))
    throw new OperationalError(
      'changed-meanwhile',
      before === null
        ? 'the account was removed meanwhile'
        : seen === 0
          ? 'there is an account of this name already'
          : 'somebody else has changed the account meanwhile',
    );
}

/** Whether the account can do everything on the whole server. */
const manages = (
  { directory }: Pick<Needs, 'directory'>,
  account: Pick<AccountState, 'role' | 'area' | 'lockedAt'>,
): boolean =>
  account.role === 'admin' && account.lockedAt === null && directory.isTop(account.area);

/** Refuses what would leave nobody who manages the whole server; of two who do it at once the second is refused. */
async function keepOne(
  needs: Pick<Needs, 'directory'>,
  tx: Pick<RelationalAccess, 'people'>,
  name: string,
): Promise<void> {
  const all = await tx.people.administrators();
  // Looked at again: what was read before waiting for others may be so no longer.
  const own = all.find((one) => one.name === name);
  if (own === undefined || !manages(needs, own)) return;
  if (!all.some((one) => one.name !== name && manages(needs, one)))
    throw new OperationalError(
      'last-administrator',
      'this is the last administrator of the whole server: give somebody else these rights first',
    );
}

/** An account as the asker may see it. */
const viewOf =
  ({ directory, lockOut, timer }: Needs) =>
  (account: AccountState): api.users.Person =>
    viewPerson(directory, account, {
      now: timer.now(),
      lockedOutMs: lockOut.accountLockedFor(account.name),
    });

function listRoute(needs: Needs): AnyRoute {
  const { relational, directory, lockOut } = needs;
  return route(api.users.list, async ({ caller, query }) => {
    const { q = '', role, area = caller.area, state, limit = 1000 } = query;
    if (directory.area(caller.area, area) === undefined) notFound('area');
    const text = q.trim();
    const wanted = {
      ...(text === '' ? {} : { text }),
      ...(role === undefined ? {} : { role }),
    };
    // Who is locked out for wrong passwords this process knows alone, so that more is asked until a page is full.
    const isWanted = ({ lockedAt, name }: AccountState): boolean =>
      state === undefined ||
      (lockedAt !== null || lockOut.accountLockedFor(name) > 0) === (state === 'locked');
    const found: AccountState[] = [];
    let after = openCursor(query.cursor, ['string'])?.[0] as string | undefined;
    while (found.length <= limit) {
      const part = await relational.people.accounts(area, {
        ...wanted,
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      });
      found.push(...part.filter(isWanted));
      after = part.at(-1)?.name;
      if (part.length <= limit) break;
    }
    const last = found.length > limit ? found[limit - 1] : undefined;
    return {
      items: found.slice(0, limit).map(viewOf(needs)),
      next: last === undefined ? null : cursorOf(last.name),
    };
  });
}

function saveRoute(needs: Needs): AnyRoute {
  const { relational, directory, passwords, lockOut } = needs;
  return route(api.users.save, async ({ caller, params, body, audited }) => {
    const { area: scope } = caller;
    const { name } = params;
    const { password, passwordToChange, locked, revision, ...fields } = body;
    if (directory.area(scope, fields.area) === undefined) notFound('area');
    if (locked === true && name === caller.actor)
      throw new OperationalError('forbidden', 'nobody locks themselves out');
    const fault = password === undefined ? null : passwordFault(password);
    if (fault !== null) throw new OperationalError('weak-password', `the password ${fault}`);
    const passwordHash = password === undefined ? undefined : await passwords.hash(password);
    const change = {
      ...(passwordHash === undefined ? {} : { passwordHash }),
      ...(passwordToChange === undefined ? {} : { passwordToChange }),
      ...(locked === undefined ? {} : { locked }),
    };
    const saved = await relational.transaction(
      async (tx) => {
        // Taking over an account of another area would show that it exists; names are unique over all areas.
        const before = await tx.people.account(name);
        if (before !== null && directory.area(scope, before.area) === undefined) notFound('user');
        sameAsSeen(before, revision);
        await registryStore(tx).holdArea(fields.area);
        if (before === null) {
          // Names that differ in capitals only would be taken for each other.
          if ((await tx.people.accountName(name)) !== null)
            throw new OperationalError(
              'already-exists',
              'there is an account of this name in other letters',
            );
          if (passwordHash === undefined)
            throw new OperationalError('password-needed', 'a new account needs a password');
          await tx.people.addAccount({ name, ...fields }, passwordHash, change);
        } else {
          const after = { ...fields, lockedAt: locked === true ? 0 : null };
          if (manages(needs, before) && !manages(needs, after)) await keepOne(needs, tx, name);
          if (!(await tx.people.changeAccount(before, { name, ...fields }, change)))
            throw new OperationalError(
              'changed-meanwhile',
              'somebody else has changed or removed the account meanwhile',
            );
        }
        if (passwordHash !== undefined || locked === true) await tx.people.closeSessionsOf(name);
        const after = await tx.people.account(name);
        // On another process's behalf it may have gone between two statements.
        return after ?? notFound('user');
      },
      {
        audit: audited('save-user', name, {
          role: fields.role,
          area: fields.area,
          ...(locked === undefined ? {} : { locked }),
          ...(passwordHash === undefined ? {} : { password: 'new' }),
        }),
      },
    );
    if (locked === false || passwordHash !== undefined) lockOut.forgive(name);
    return { user: viewOf(needs)(saved) };
  });
}

function removeRoute(needs: Needs): AnyRoute {
  const { relational, directory } = needs;
  return route(api.users.remove, async ({ caller, params, query, audited }) => {
    const { name } = params;
    await relational.transaction(
      async (tx) => {
        const account = await tx.people.account(name);
        if (account === null || directory.area(caller.area, account.area) === undefined)
          notFound('user');
        if (name === caller.actor)
          throw new OperationalError('forbidden', 'nobody removes themselves');
        sameAsSeen(account, query.revision);
        if (manages(needs, account)) await keepOne(needs, tx, name);
        if (!(await tx.people.removeAccount(account)))
          throw new OperationalError(
            'changed-meanwhile',
            'somebody else has changed or removed the account meanwhile',
          );
        return tx.people.removeAdminTokensOf(name);
      },
      { audit: (tokens) => audited('remove-user', name, tokens === 0 ? {} : { tokens }) },
    );
    return answer(204, null);
  });
}

/** The routes of accounts. */
export const userRoutes = (needs: Needs): AnyRoute[] => [
  listRoute(needs),
  saveRoute(needs),
  removeRoute(needs),
];

/** The module of sessions: signing in and out, and one's own password. */
import { session as endpoints } from '@village/api';
import { HOUR, MINUTE, OperationalError } from '@village/core';
import {
  answer,
  type Call,
  defineModule,
  every,
  type Problem,
  problem,
  type Reply,
  route,
} from '@village/platform';
import { type Account, type AccountState, SESSION_MAX_MS } from '@village/store/relational';
import { COOKIE } from '../../http/access.ts';
import { viewUser } from '../../http/views.ts';
import type { Needs } from '../needs.ts';
import { passwordFault } from './passwords.ts';

/** A session's secret has only characters that a cookie may have. */
const cookieWith = (
  { config }: Needs,
  { secure }: Pick<Call, 'secure'>,
  secret: string,
): Record<string, string> => {
  const https = config.http.secureCookies || secure ? '; Secure' : '';
  const life = `Max-Age=${SESSION_MAX_MS / 1000}`;
  return {
    'set-cookie': `${COOKIE}=${secret}; ${life}; Path=/; HttpOnly${https}; SameSite=Strict`,
  };
};

const NO_COOKIE = {
  'set-cookie': `${COOKIE}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
};

/** Who is signed in, with what the console may show them. */
function viewSession(
  { directory, rights }: Needs,
  account: Account & Partial<Pick<AccountState, 'passwordToChange'>>,
): endpoints.Session {
  const { role, area, passwordToChange } = account;
  return {
    user: viewUser(directory, account),
    ...(passwordToChange === true ? { passwordToChange } : {}),
    modules: [...rights.modules],
    rights: [...rights.of(role, directory.isTop(area))],
  };
}

function locked(waitMs: number, detail: string): Problem {
  return problem(423, 'locked', detail, { 'retry-after': String(Math.ceil(waitMs / 1000)) });
}

const wrongCredentials = (detail: string): OperationalError =>
  new OperationalError('wrong-credentials', detail);

/** Checks name and password, counts failures, and writes each try into the audit log. */
async function signIn(
  needs: Needs,
  call: Call<typeof endpoints.signIn>,
): Promise<Reply<endpoints.Session> | Problem> {
  const { relational, passwords, lockOut } = needs;
  const { address } = call;
  const { password } = call.body;
  // As an input method or a phone spells it: full width, a capital, a blank behind it.
  const spelled = call.body.user.normalize('NFKC').trim();
  const user = (await relational.people.accountName(spelled)) ?? spelled;
  const entry = { actor: user, address, action: 'sign-in', target: user };
  const tried = await lockOut.begin(user, address);
  if (typeof tried === 'number') {
    await relational.audit.append({ ...entry, outcome: 'refused', detail: { reason: 'locked' } });
    return locked(tried, `too many wrong passwords; wait ${Math.ceil(tried / MINUTE)} minutes`);
  }
  try {
    const account = await relational.people.account(user);
    const right = await passwords.check(account?.passwordHash ?? null, password);
    if (!right || account === null) {
      tried.wrong();
      const detail = { reason: 'password' };
      await relational.audit.append({ ...entry, outcome: 'refused', detail });
      throw wrongCredentials('name or password is wrong');
    }
    const opened = await relational.transaction(
      async (tx) => {
        // The password may have been replaced, or the account removed, while this one was checked.
        const present = await tx.people.account(user);
        if (present?.passwordHash !== account.passwordHash) return 'password';
        if (present.lockedAt !== null) return 'locked-account';
        return { present, secret: await tx.people.openSession(user, address) };
      },
      {
        audit: (result) =>
          typeof result === 'string'
            ? { ...entry, outcome: 'refused', detail: { reason: result } }
            : { ...entry, outcome: 'done', detail: {} },
      },
    );
    if (opened === 'password') {
      tried.wrong();
      throw wrongCredentials('name or password is wrong');
    }
    tried.right();
    if (opened === 'locked-account')
      throw new OperationalError('account-locked', 'an administrator has locked this account');
    return answer(200, viewSession(needs, opened.present), cookieWith(needs, call, opened.secret));
  } finally {
    tried.undone();
  }
}

async function changePassword(
  needs: Needs,
  call: Call<typeof endpoints.changePassword>,
): ReturnType<typeof signIn> {
  const { relational, passwords, lockOut } = needs;
  const { caller, address, body } = call;
  const account = caller.session === null ? null : await relational.people.account(caller.actor);
  if (account === null) throw new OperationalError('forbidden', 'a token has no password');
  const tried = await lockOut.begin(account.name, address);
  if (typeof tried === 'number') return locked(tried, 'too many wrong passwords');
  try {
    if (!(await passwords.check(account.passwordHash, body.old))) {
      tried.wrong();
      throw wrongCredentials('the old password is wrong');
    }
    tried.right();
  } finally {
    tried.undone();
  }
  const fault = passwordFault(body.password);
  if (fault !== null) throw new OperationalError('weak-password', `the new password ${fault}`);
  if (account.passwordToChange && body.password === body.old)
    throw new OperationalError('weak-password', 'the new password must be another than the old');
  const hash = await passwords.hash(body.password);
  const { present, secret } = await relational.transaction(
    async (tx) => {
      // Hashing takes a while: an account that was removed meanwhile stays so, and a role that was changed holds.
      const present = await tx.people.account(account.name);
      if (present?.passwordHash !== account.passwordHash)
        throw wrongCredentials('the old password is wrong');
      if (!(await tx.people.changePassword(present.name, present.passwordHash, hash)))
        throw wrongCredentials('the old password is wrong');
      // Whoever else is signed in with the old password is out.
      await tx.people.closeSessionsOf(account.name);
      return {
        present: { ...present, passwordToChange: false },
        secret: await tx.people.openSession(account.name, address),
      };
    },
    { audit: call.audited('change-password', account.name) },
  );
  return answer(200, viewSession(needs, present), cookieWith(needs, call, secret));
}

export const sessionModule = defineModule<Needs>({
  name: 'session',
  title: { zh: '登录', en: 'Sessions' },
  start: (needs) => {
    const { relational, config } = needs;
    const perMinute = config.limits.signInsPerMinute;
    return {
      routes: [
        route(endpoints.signIn, (call) => signIn(needs, call), { perMinute }),
        route(endpoints.get, ({ caller }) => {
          const { actor, ...account } = caller;
          return viewSession(needs, { name: actor, ...account });
        }),
        route(endpoints.signOut, async ({ caller }) => {
          if (caller.session !== null) await relational.people.closeSession(caller.session);
          return answer(204, null, NO_COOKIE);
        }),
        route(endpoints.changePassword, (call) => changePassword(needs, call), {
          perMinute,
        }),
      ],
      jobs: [
        {
          kind: 'sessions',
          title: { zh: '清理会话', en: 'Forget sessions that are over' },
          schedule: every(HOUR),
          run: async () => {
            await relational.people.clean();
          },
        },
      ],
    };
  },
});

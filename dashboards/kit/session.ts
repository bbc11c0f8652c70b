/** What a session lets its holder see. Pure. */
import type { User } from './api/answers.ts';

/** The server's answer about who is signed in. A server that says nothing of modules and rights has none and goes by roles. */
export interface Session {
  readonly user: Pick<User, 'role'>;
  /** Modules of the server that are switched on somewhere in the user's area. */
  readonly modules?: readonly string[] | null | undefined;
  /** Nothing else can be done before another password is chosen. */
  readonly passwordToChange?: boolean | null | undefined;
  /** Rights that the user holds. */
  readonly rights?: readonly string[] | null | undefined;
}

/** What each role may see in the console as long as the server says nothing of rights. */
const RIGHTS_OF_ROLE: Readonly<Record<User['role'], readonly string[]>> = {
  clerk: ['devices.read'],
  officer: ['devices.read'],
  admin: ['devices.read', 'devices.import', 'quarantine.read', 'system.read'],
};

/** Whether a session has the module and holds the right that a topic names. The server judges again at every request. */
export function mayUse(
  needs: { readonly module?: string; readonly right?: string },
  session: Session,
): boolean {
  const rights = session.rights ?? RIGHTS_OF_ROLE[session.user.role];
  return (
    (needs.module === undefined || (session.modules ?? []).includes(needs.module)) &&
    (needs.right === undefined || rights.includes(needs.right))
  );
}

/** Passwords of people: argon2id, the rules for new ones, and the lock-out of those who guess. */
import { hash, verify } from '@node-rs/argon2';
import { BoundedMap, OperationalError, type Timer } from '@village/core';
import { LOCK_MS } from '../../config/config.ts';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Checks at once; each takes 19 MiB, so that a flood of sign-ins can't take the memory. */
const CHECKS_MAX = 4;
const WAITING_MAX = 100;
const LENGTH_MIN = 10;
const LENGTH_MAX = 128;
/** Names and addresses remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 20_000;

/** What is wrong with a new password (等保 2.0: length, three of four classes of characters); null when nothing. */
export function passwordFault(password: string): string | null {
  const classes = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((one) => one.test(password));
  if (password.length < LENGTH_MIN || password.length > LENGTH_MAX)
    return `must have ${LENGTH_MIN} to ${LENGTH_MAX} characters`;
  return classes.length >= 3 ? null : 'must mix three of: small, capital, digit, other';
}

/** Hashes and checks passwords, a few at a time. */
export class Passwords {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #decoy: Promise<string> | null = null;

  hash(password: string): Promise<string> {
    return this.#limited(() => hash(password, COST));
  }

  /** Takes as long for a name that does not exist (null) as for one that does. */
  async check(stored: string | null, password: string): Promise<boolean> {
    this.#decoy ??= hash('nobody has this password', COST);
    const against = stored ?? (await this.#decoy);
    const right = await this.#limited(() => verify(against, password));
    return right && stored !== null;
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= CHECKS_MAX) {
      if (this.#waiting.length >= WAITING_MAX)
        throw new OperationalError('too-many-sign-ins', 'too many sign-ins at once', {
          retry: true,
        });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

/** Wrong passwords before an account, or an address, is locked. */
interface Limits {
  readonly failuresPerAccount: number;
  readonly failuresPerAddress: number;
}

interface Failures {
  count: number;
  /** When the count is forgotten, or the lock opens; by the timer's `elapsed`, so that no change of the clock opens it. */
  until: number;
}

/** Counts wrong passwords by account and by address, and locks for ten minutes. In memory: a restart forgives. */
export class LockOut {
  readonly #timer: Timer;
  readonly #limits: Limits;
  readonly #failures = new BoundedMap<string, Failures>(REMEMBERED_MAX);

  constructor(timer: Timer, limits: Limits) {
    this.#timer = timer;
    this.#limits = limits;
  }

  /** Milliseconds until this pair may try again; 0 when it may now. */
  lockedFor(account: string, address: string): number {
    return Math.max(
      this.#left(`account ${account}`, this.#limits.failuresPerAccount),
      this.#left(`address ${address}`, this.#limits.failuresPerAddress),
    );
  }

  /** Milliseconds for which the account is locked, wherever one signs in; 0 when it is not. */
  accountLockedFor(account: string): number {
    return this.#left(`account ${account}`, this.#limits.failuresPerAccount);
  }

  /** Forgets what was tried with the account. */
  forgive(account: string): void {
    this.#failures.delete(`account ${account}`);
  }

  /** Counts a try as wrong; called before its password is checked. */
  failed(account: string, address: string): void {
    this.#add(`account ${account}`);
    this.#add(`address ${address}`);
  }

  /** The try that `failed` counted was right: forgives the account, and the address that one try. */
  succeeded(account: string, address: string): void {
    this.forgive(account);
    const tries = this.#failures.get(`address ${address}`);
    if (tries !== undefined) tries.count--;
  }

  #left(key: string, limit: number): number {
    const known = this.#failures.get(key);
    if (known === undefined || known.count < limit) return 0;
    return Math.max(0, known.until - this.#timer.elapsed());
  }

  #add(key: string): void {
    const now = this.#timer.elapsed();
    const known = this.#failures.get(key);
    const count = known !== undefined && known.until > now ? known.count + 1 : 1;
    this.#failures.set(key, { count, until: now + LOCK_MS });
  }
}

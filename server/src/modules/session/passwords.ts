/** Passwords of people: argon2id, the rules for new ones, and the lock-out of those who guess. */
import { hash, verify } from '@node-rs/argon2';
import { BoundedMap, OperationalError, type Timer } from '@village/core';
import { LOCK_MS } from '../../config/config.ts';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Checks at once; each takes 19 MiB, so that a flood of sign-ins can't take the memory. */
const CHECKS_MAX = 4;
const WAITING_MAX = 100;
/** How long a try waits for others of its account or address. */
const WAIT_MS = 10_000;
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
      if (this.#waiting.length >= WAITING_MAX) throw tooMany();
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

/** A try whose password is looked at. The first that is said of it holds. */
export interface Try {
  /** Forgives the account. */
  right(): void;
  wrong(): void;
  /** Nobody knows: the check itself failed, which is no fault of whoever tries. */
  undone(): void;
}

const tooMany = (): OperationalError =>
  new OperationalError('too-many-sign-ins', 'too many sign-ins at once', { retry: true });

/** Counts wrong passwords by account and by address, and locks for ten minutes. In memory: a restart forgives. */
export class LockOut {
  readonly #timer: Timer;
  readonly #limits: Limits;
  readonly #failures = new BoundedMap<string, Failures>(REMEMBERED_MAX);
  /** Tries that are looked at now. */
  readonly #open = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

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

  /**
   * Begins a try, or says for how many milliseconds there is none. So many tries at once as may be wrong yet, so that guesses at
   * once are no way around the lock; further ones wait for what becomes of those. @throws too-many-sign-ins (retry)
   */
  async begin(account: string, address: string): Promise<number | Try> {
    const { failuresPerAccount, failuresPerAddress } = this.#limits;
    const keys = [`account ${account}`, `address ${address}`] as const;
    const ends = this.#timer.elapsed() + WAIT_MS;
    for (;;) {
      const wait = this.lockedFor(account, address);
      if (wait > 0) return wait;
      if (this.#has(keys[0], failuresPerAccount) && this.#has(keys[1], failuresPerAddress)) break;
      await this.#settled(ends - this.#timer.elapsed());
    }
    for (const key of keys) this.#open.set(key, (this.#open.get(key) ?? 0) + 1);
    let over = false;
    const settle = (what: () => void) => (): void => {
      if (over) return;
      over = true;
      for (const key of keys) {
        const left = (this.#open.get(key) ?? 1) - 1;
        if (left === 0) this.#open.delete(key);
        else this.#open.set(key, left);
      }
      what();
      for (const wake of [...this.#waiting]) wake();
    };
    return {
      right: settle(() => this.forgive(account)),
      wrong: settle(() => {
        for (const key of keys) this.#add(key);
      }),
      undone: settle(() => undefined),
    };
  }

  /** Whether one more try could be wrong without being one too many. */
  #has(key: string, limit: number): boolean {
    const known = this.#failures.get(key);
    const failed = known !== undefined && known.until > this.#timer.elapsed() ? known.count : 0;
    return failed + (this.#open.get(key) ?? 0) < limit;
  }

  /** Resolves when it is known of some try what became of it. */
  async #settled(withinMs: number): Promise<void> {
    if (withinMs <= 0 || this.#waiting.size >= WAITING_MAX) throw tooMany();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = setTimeout(resolve, withinMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    }
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

/**
 * Who may open a connection at all: limits in total, for each address, and for each address and second. Of IPv6, an address
 * is its network of 64 bits.
 */
import { shareOf } from './transport/addresses.ts';

interface Address {
  open: number;
  tokens: number;
  refilledAt: number;
}

export interface AdmissionLimits {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly connectsPerAddressPerSecond: number;
}

/** Counts connections; times are milliseconds of any clock that never goes back. */
export class Admission {
  open = 0;
  readonly #limits: AdmissionLimits;
  readonly #addresses = new Map<string, Address>();

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Counts the connection in and returns null, or says why it must be closed. */
  enter(address: string, now: number): string | null {
    const limits = this.#limits;
    const rate = limits.connectsPerAddressPerSecond;
    const share = shareOf(address);
    let entry = this.#addresses.get(share);
    if (entry === undefined) {
      entry = { open: 0, tokens: rate, refilledAt: now };
      this.#addresses.set(share, entry);
    }
    entry.tokens = Math.min(rate, entry.tokens + ((now - entry.refilledAt) * rate) / 1000);
    entry.refilledAt = now;
    if (this.open >= limits.connectionsMax) return 'connections';
    if (entry.open >= limits.connectionsPerAddressMax) return 'connections-per-address';
    if (entry.tokens < 1) return 'connect-rate';
    entry.tokens--;
    entry.open++;
    this.open++;
    return null;
  }

  /** Counts out a connection that was let in. */
  leave(address: string): void {
    const entry = this.#addresses.get(shareOf(address));
    if (entry === undefined) throw new Error(`BUG: ${address} leaves and never entered`);
    entry.open--;
    this.open--;
  }

  /** Forgets addresses without connections whose allowance is whole again. */
  forget(now: number): void {
    for (const [address, entry] of this.#addresses)
      if (entry.open === 0 && now - entry.refilledAt > 1000) this.#addresses.delete(address);
  }
}

/** Who may speak: the secrets of devices and gateways, as hashes. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isCertificateKeyLike, Slices } from '@village/core';
import type { Principal } from './contract.ts';
import type { Credential } from './tables/contract.ts';

interface Secret {
  readonly hash: Buffer;
  readonly principal: Principal;
}

export class Credentials {
  readonly #secrets = new Map<string, Secret>();

  add({ id, kind, hash }: Credential): void {
    this.#secrets.set(id, { hash: Buffer.from(hash, 'hex'), principal: { kind, id } });
  }

  has(id: string): boolean {
    return this.#secrets.has(id);
  }

  /** What is kept of somebody's credential. */
  hashOf(id: string): string | undefined {
    return this.#secrets.get(id)?.hash.toString('hex');
  }

  /** Whose secret it is; undefined when name or secret are wrong. */
  verify(username: string, secret: string): Principal | undefined {
    // Keys are no secret; who holds one proves it in the handshake of TLS.
    return isCertificateKeyLike(secret) ? undefined : this.#find(username, secret);
  }

  /** For whom the key of a certificate is registered; undefined when it is not that name's. */
  verifyKey(username: string, key: string): Principal | undefined {
    return this.#find(username, key);
  }

  #find(username: string, secret: string): Principal | undefined {
    const known = this.#secrets.get(username);
    const hash = createHash('sha256').update(secret, 'utf8').digest();
    if (known === undefined || !timingSafeEqual(known.hash, hash)) return undefined;
    return known.principal;
  }

  /** Principals whose secret here holds no longer in `next`. */
  async revokedBy(next: Credentials): Promise<Principal[]> {
    const revoked: Principal[] = [];
    const slices = new Slices();
    for (const [id, { hash, principal }] of this.#secrets) {
      if (next.#secrets.get(id)?.hash.equals(hash) !== true) revoked.push(principal);
      if (slices.over) await slices.next();
    }
    return revoked;
  }
}

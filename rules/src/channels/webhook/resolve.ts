/** Where a webhook's host is, looked up once: what was looked at is what is connected to, whatever the name says a moment later. */
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { comparableHost } from '@village/core';
import type { Outcome } from '../contract.ts';
import { endedBy, orEnded } from '../signals.ts';
import { isPublicAddress } from './addresses.ts';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a name. @throws Error with a `code` as of getaddrinfo */
export type Resolve = (host: string) => Promise<readonly Address[]>;

export const systemResolve: Resolve = (host) => lookup(host, { all: true });

export type Located = { readonly lookup: LookupFunction } | { readonly outcome: Outcome };

/** Answers every question with the addresses that are known already. */
const always =
  (addresses: readonly Address[]): LookupFunction =>
  (_host, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family ?? 4);
  };

/** The host of a URL as it is compared: an IPv6 address without brackets. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');

/**
 * Where the host is, if a message may go there: `internal` are hosts that the configuration names and that may be anywhere, and need
 * no TLS. A name that is at several places must be at none that is refused. @throws nothing
 */
export async function locate(
  url: URL,
  given: {
    readonly internal: readonly string[];
    readonly resolve: Resolve;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Located> {
  const { internal, resolve, timeoutMs } = given;
  const host = hostOf(url);
  const named = internal.some((one) => comparableHost(one) === comparableHost(host));
  const fault = (code: string, text: string): Located => ({
    outcome: { kind: 'fault', code, text },
  });
  if (url.protocol !== 'https:' && !(named && url.protocol === 'http:'))
    return fault('no-tls', `${host} is not a host that may be reached without TLS`);
  const signal = AbortSignal.any([given.signal, AbortSignal.timeout(timeoutMs)]);
  const asked: Promise<readonly Address[]> =
    isIP(host) > 0 ? Promise.resolve([{ address: host, family: isIP(host) }]) : resolve(host);
  const retry = (code: string, text: string): Located => ({
    outcome: { kind: 'retry', code, text },
  });
  let addresses: readonly Address[] | null;
  try {
    addresses = await orEnded<readonly Address[] | null>(asked, signal, null);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no-name';
    return retry(code, `${host} could not be looked up`);
  }
  if (addresses === null) return retry(endedBy(signal), `${host} could not be looked up in time`);
  if (addresses.length === 0) return retry('no-name', `${host} has no address`);
  if (!named && !addresses.every(({ address }) => isPublicAddress(address)))
    return fault('forbidden-address', `${host} is not on the public Internet`);
  return { lookup: always(addresses) };
}

/** Addresses of clients, lists of addresses and networks, and origins of pages. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** An IPv4 client of a socket that listens to both kinds is told like any other. */
export function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? 'unknown';
}

/**
 * Whose share of what an address may have it counts against: of IPv6, one customer has a whole network of 64 bits, and
 * could come from another address each time.
 */
export function shareOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [plain = ''] = address.split('%', 1);
  const [before = '', after] = plain.split('::');
  const groups = before === '' ? [] : before.split(':');
  const behind = after === undefined || after === '' ? [] : after.split(':');
  const length = behind.length + (plain.includes('.') ? 1 : 0);
  while (groups.length + length < 8) groups.push('0');
  const network = [...groups, ...behind].slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

const kindOf = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6');

/** Whether a text is an address, or a network such as 10.0.0.0/8. */
export function isAddressOrNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  if (isIP(address) === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128))
  );
}

/** A list that says whether an address is in it. */
export class Addresses {
  readonly #list = new BlockList();
  readonly isEmpty: boolean;

  constructor(texts: readonly string[]) {
    this.isEmpty = texts.length === 0;
    for (const text of texts) {
      if (!isAddressOrNetwork(text)) throw new Error(`BUG: ${text} is no address`);
      const [address = '', bits] = text.split('/');
      if (bits === undefined) this.#list.addAddress(address, kindOf(address));
      else this.#list.addSubnet(address, Number(bits), kindOf(address));
    }
  }

  has(address: string): boolean {
    return !this.isEmpty && isIP(address) !== 0 && this.#list.check(address, kindOf(address));
  }
}

/** The origin as browsers write it, or null. */
export function originOf(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { origin } = new URL(text);
  return origin === 'null' ? null : origin;
}

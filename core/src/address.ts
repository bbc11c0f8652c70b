/**
 * What devices are called on their own wires, compared as the rules of each kind of name have it. `24:E1:24-71 3B 49 12 34` and
 * `24e124713b491234` are one DevEUI; of an MQTT topic every character counts.
 */

export const ADDRESS_KINDS = ['exact', 'dev-eui', 'mac', 'imei', 'mn', 'serial', 'ip'] as const;
export type AddressKind = (typeof ADDRESS_KINDS)[number];

/** What can't be seen and comes along with what is copied, and dashes that programs put in place of hyphens. */
const UNSEEN = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const DASHES = /[\u2010-\u2015\u2212]/g;

const plain = (text: string): string =>
  text.replaceAll(UNSEEN, '').normalize('NFKC').replaceAll(DASHES, '-').trim();

/** Hexadecimal digits without what people put before and between them. */
function hex(text: string, digits: number): string | undefined {
  const bare = plain(text)
    .replace(/^(?:0x|eui(?=[-_:\s]))/i, '')
    .replaceAll(/[-_:.\s]/g, '')
    .toLowerCase();
  return new RegExp(`^[0-9a-f]{${digits}}$`).test(bare) ? bare : undefined;
}

/** An IPv4 address whose numbers may have leading zeros, which people mean as decimal. */
function ipv4(text: string): string | undefined {
  const parts = text.split('.');
  const right =
    parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
  return right ? parts.map(Number).join('.') : undefined;
}

/** The eight groups of an IPv6 address; undefined when it is none. */
function ipv6Groups(text: string): number[] | undefined {
  const [head = '', tail, more] = text.split('::');
  if (more !== undefined) return undefined;
  const groupsOf = (part: string): number[] | undefined => {
    if (part === '') return [];
    const pieces = part.split(':');
    const last = ipv4(pieces.at(-1) ?? '');
    const bytes = last?.split('.').map(Number) ?? [];
    const words =
      bytes.length === 0 ? [] : [bytes[0]! * 256 + bytes[1]!, bytes[2]! * 256 + bytes[3]!];
    const plainPieces = bytes.length === 0 ? pieces : pieces.slice(0, -1);
    if (!plainPieces.every((piece) => /^[0-9a-f]{1,4}$/i.test(piece))) return undefined;
    return [...plainPieces.map((piece) => Number.parseInt(piece, 16)), ...words];
  };
  const first = groupsOf(head);
  const rest = tail === undefined ? [] : groupsOf(tail);
  if (first === undefined || rest === undefined) return undefined;
  const missing = 8 - first.length - rest.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...first, ...Array.from({ length: missing }, () => 0), ...rest];
}

/** An IPv6 address as RFC 5952 writes it; one that stands for an IPv4 address as that. */
function ipv6(text: string): string | undefined {
  const groups = ipv6Groups(text.replace(/^\[(.*)\]$/, '$1'));
  if (groups === undefined) return undefined;
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.');
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const words = groups.map((group) => group.toString(16));
  if (best.at < 0) return words.join(':');
  return `${words.slice(0, best.at).join(':')}::${words.slice(best.at + best.length).join(':')}`;
}

const canonical: Readonly<Record<AddressKind, (text: string) => string | undefined>> = {
  exact: (text) => text,
  'dev-eui': (text) => hex(text, 16),
  mac: (text) => hex(text, 12)?.replaceAll(/(..)(?!$)/g, '$1:'),
  imei: (text) => {
    const digits = plain(text).replaceAll(/[-\s/]/g, '');
    return /^\d{15}$/.test(digits) ? digits : undefined;
  },
  // HJ 212: at most 24 digits and capitals.
  mn: (text) => {
    const code = plain(text).toUpperCase();
    return /^[0-9A-Z]{1,24}$/.test(code) ? code : undefined;
  },
  serial: (text) => {
    const code = plain(text).toUpperCase();
    return code === '' ? undefined : code;
  },
  ip: (text) => ipv4(plain(text)) ?? ipv6(plain(text)),
};

/** The one spelling of an address; undefined when it is none of its kind. */
export const canonicalAddress = (kind: AddressKind, text: string): string | undefined =>
  canonical[kind](text);

/** The spelling that addresses are compared by; what is none of its kind is itself. */
export const comparableAddress = (kind: AddressKind, text: string): string =>
  canonical[kind](text) ?? text;

/** A host as it is compared: IP addresses by what they mean, names without regard to capitals and a final dot. */
export function comparableHost(host: string): string {
  return canonical.ip(host) ?? host.trim().toLowerCase().replace(/\.$/, '');
}

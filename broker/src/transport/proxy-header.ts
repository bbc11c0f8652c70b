/**
 * The header that a proxy puts before a client's bytes, to say who the client is: the PROXY protocol, versions 1 and 2
 * (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
 */
import { isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from './addresses.ts';

export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly state: 'partial' }
  | { readonly state: 'malformed' }
  /** `address` is null when the proxy speaks for itself, as in its health checks. */
  | { readonly state: 'whole'; readonly length: number; readonly address: string | null };

const SIGNATURE_2: Buffer = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const HEAD_2 = 16;
/** What follows the head of version 2: addresses, and extras that we skip. */
const BODY_2_MAX = 4096;
/** The longest line of version 1, its end included. */
const LINE_1_MAX = 107;
const PREFIX_1: Buffer = Buffer.from('PROXY ');

const PARTIAL: ProxyHeader = { state: 'partial' };
const MALFORMED: ProxyHeader = { state: 'malformed' };

/** The longest header that is taken. */
export const PROXY_HEADER_MAX: number = HEAD_2 + BODY_2_MAX;

/** Reads the header that `bytes` begin with. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, SIGNATURE_2)) return version2(bytes);
  if (startsLike(bytes, PREFIX_1)) return version1(bytes);
  return MALFORMED;
}

/** Whether what is there of `bytes` may become what `start` is. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function version1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LINE_1_MAX).indexOf('\r\n');
  if (end < 0) return bytes.length >= LINE_1_MAX ? MALFORMED : PARTIAL;
  const length = end + 2;
  const line = bytes.toString('latin1', 0, end);
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN '))
    return { state: 'whole', length, address: null };
  const [, family, source = '', target = '', sourcePort = '', targetPort = '', ...rest] =
    line.split(' ');
  const is = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null;
  if (is === null || rest.length > 0 || !is(source) || !is(target)) return MALFORMED;
  if (!isPort(sourcePort) || !isPort(targetPort)) return MALFORMED;
  return { state: 'whole', length, address: plainAddress(source) };
}

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

function version2(bytes: Buffer): ProxyHeader {
  if (bytes.length < HEAD_2) return PARTIAL;
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15];
  const [family, transport] = [bytes[13]! >> 4, bytes[13]! & 15];
  const body = bytes.readUInt16BE(14);
  if (version !== 2 || command > 1 || body > BODY_2_MAX) return MALFORMED;
  const length = HEAD_2 + body;
  if (bytes.length < length) return PARTIAL;
  // LOCAL, and what is no IP (unspecified, Unix sockets): the proxy speaks for itself.
  if (command === 0 || family === 0 || family === 3)
    return { state: 'whole', length, address: null };
  if (transport !== 1) return MALFORMED;
  if (family === 1 && body >= 12)
    return { state: 'whole', length, address: bytes.subarray(16, 20).join('.') };
  if (family === 2 && body >= 36)
    return { state: 'whole', length, address: ipv6(bytes.subarray(16, 32)) };
  return MALFORMED;
}

/** In the shortest form, so that one client is one text however the header wrote it. */
function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  const mapped = groups.slice(0, 5).every((one) => one === '0') && groups[5] === 'ffff';
  if (mapped) return bytes.subarray(12).join('.');
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

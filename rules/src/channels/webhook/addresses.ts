/**
 * Which addresses of the network a webhook may reach: those of the public Internet alone. What is private, local, reserved or stands
 * for another address is none of a message's business (IANA's registries of special-purpose addresses, RFC 6890).
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const refused4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  // Shared by carriers' customers; Alibaba Cloud's metadata are there, too (100.100.100.200).
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, and the metadata of most clouds (169.254.169.254).
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved and broadcast.
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Within 2000::/3, beside which no IPv6 address is public. */
const refused6: readonly (readonly [string, number])[] = [
  // Protocol assignments with Teredo, benchmarking and ORCHID; documentation; 6to4; documentation; segment routing.
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const special = new BlockList();
for (const [network, prefix] of refused4) special.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of refused6) special.addSubnet(network, prefix, 'ipv6');

const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/** Whether the address is of the public Internet. An IPv6 address that holds an IPv4 address is not: mapped, NAT64, 6to4, Teredo. */
export function isPublicAddress(address: string): boolean {
  // With a zone it is of one link of this machine.
  if (address.includes('%')) return false;
  if (isIPv4(address)) return !special.check(address, 'ipv4');
  return isIPv6(address) && global6.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

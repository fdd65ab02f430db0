/** Network addresses as they are stored and counted: one peer must not look like many. */
import { isIP } from 'node:net';

/** The address in its one short form, or undefined for what is none (a socket path, an empty string). */
export function canonicalAddress(text: string): string | undefined {
  const address = text.split('%', 1)[0] ?? '';
  switch (isIP(address)) {
    case 4:
      return address;
    case 6:
      return unmapped(new URL(`http://[${address}]`).hostname.slice(1, -1));
    default:
      return undefined;
  }
}

/** `::ffff:7f00:1` is the IPv4 peer 127.0.0.1 on a socket that listens to both families. */
function unmapped(address: string): string {
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (match === null) return address;
  const high = Number.parseInt(match[1] ?? '0', 16);
  const low = Number.parseInt(match[2] ?? '0', 16);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/**
 * What attempts are counted by: the address, or for IPv6 its /64, the least a subscriber owns; whoever has one
 * has 2^64 addresses.
 */
export function addressGroup(text: string): string {
  const address = canonicalAddress(text);
  if (address === undefined) return 'unknown';
  if (!address.includes(':')) return address;
  const [left = '', right] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`;
}
